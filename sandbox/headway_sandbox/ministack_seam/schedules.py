"""Rules and schedules of EventBridge and its Scheduler, fired by our clock, or now."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import FunctionType, SimpleNamespace
from typing import Any

Document = dict[str, Any]


class Schedules:
    """Fires what is due.

    ministack's own threads look every ten seconds at the real clock; they are not started.

    Args:
        eventbridge: ministack's module.
        scheduler: ministack's module.
        now: Seconds since the epoch on the clock that schedules go by.
    """

    def __init__(self, eventbridge: Any, scheduler: Any, now: Callable[[], float]) -> None:  # noqa: ANN401
        self._eventbridge = eventbridge
        self._scheduler = scheduler
        self._now = now
        eventbridge.start_scheduler = scheduler.start_scheduler = lambda: None
        # The functions read the time from names of their module, so they are given names of their own.
        self._tick_rules = _renamed(eventbridge._tick_scheduled_rules, eventbridge, {"_now_ts": now})  # noqa: SLF001
        clock = SimpleNamespace(time=now)
        self._tick_schedules = _renamed(scheduler._tick_schedules, scheduler, {"time": clock})  # noqa: SLF001

    def tick(self, lead_s: float) -> None:
        """Fires everything that is due.

        Args:
            lead_s: Seconds that the clock is ahead of real time: what was created since must not count as
                created that long ago.
        """
        if lead_s:
            self._anchor()
        self._tick_rules()
        self._tick_schedules()

    def known(self) -> list[Document]:
        """Everything that fires by time: ``kind``, ``name``, ``arn``, ``expression``, ``enabled``."""
        return [described for described, _ in self._all()]

    def run(self, name: str) -> list[str]:
        """Fires a rule or a schedule now, enabled or not, whatever its expression says.

        Args:
            name: Its name or its ARN.

        Returns:
            The ARNs of what was fired; empty if nothing has that name.
        """
        found = [
            (described, fire)
            for described, fire in self._all()
            if name in (described["name"], described["arn"])
        ]
        for _, fire in found:
            fire()
        return [described["arn"] for described, _ in found]

    def _all(self) -> Iterator[tuple[Document, Callable[[], None]]]:
        eventbridge = self._eventbridge
        for key, rule in list(eventbridge._rules.items()):  # noqa: SLF001
            if rule.get("ScheduleExpression"):
                targets = list(eventbridge._targets.get(key) or [])  # noqa: SLF001
                fire = functools.partial(self._fire, rule, targets, "aws.events")
                yield _described("rule", rule["Name"], rule), fire
        for key, schedule in list(self._scheduler._schedules.items()):  # noqa: SLF001
            fire = functools.partial(self._fire, schedule, [schedule.get("Target") or {}], "aws.scheduler")
            yield _described("schedule", str(key).rpartition("/")[2], schedule), fire

    def _fire(self, rule: Document, targets: list[Document], source: str) -> None:
        eventbridge = self._eventbridge
        event = {
            "EventId": eventbridge.new_uuid(),
            "Source": source,
            "DetailType": "Scheduled Event",
            "Detail": "{}",
            "EventBusName": rule.get("EventBusName", "default"),
            "Time": self._now(),
            "Resources": [rule.get("Arn", "")],
            "Account": eventbridge.get_account_id(),
            "Region": eventbridge.get_region(),
        }
        for target in targets:
            if target.get("Arn"):
                eventbridge._invoke_target(target, event, rule)  # noqa: SLF001

    def _anchor(self) -> None:
        for items, last_fired in (
            (self._eventbridge._rules, self._eventbridge._rule_last_fired),  # noqa: SLF001
            (self._scheduler._schedules, self._scheduler._schedule_last_fired),  # noqa: SLF001
        ):
            for key, item in list(items._data.items()):  # noqa: SLF001
                if not str(item.get("ScheduleExpression", "")).startswith("at("):
                    last_fired.setdefault(key, self._now())


def _described(kind: str, name: str, item: Document) -> Document:
    return {
        "kind": kind,
        "name": name,
        "arn": item.get("Arn", ""),
        "expression": item.get("ScheduleExpression", ""),
        "enabled": item.get("State") == "ENABLED",
    }


def _renamed(function: Any, module: Any, names: dict[str, Any]) -> Callable[[], None]:  # noqa: ANN401
    """A module's function that reads some names elsewhere; everything else it reads where it did."""

    def call() -> None:
        # Names are looked up anew at each call, so that what the seam has replaced counts.
        FunctionType(function.__code__, {**vars(module), **names}, function.__name__)()

    return call
