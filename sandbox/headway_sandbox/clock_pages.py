"""Time in the sandbox: what fires by it, the pages that control it, and its passing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from headway_sandbox.control_pages import ControlPages, Document, PageError
from headway_sandbox.ministack_seam import Ministack
from headway_sandbox.ministack_seam.schedules import Schedules
from headway_sandbox.sagemaker.monitoring import schedules as monitoring
from headway_sandbox.sagemaker.protocol import SageMaker, ServiceError
from headway_sandbox.schedule_clock import ClockError, ScheduleClock

_log = logging.getLogger(__name__)

CLOCK_PATH = "/_headway/clock"
RUN_PATH = "/_headway/clock/run"
SPEED_PATH = "/_headway/clock/speed"
TICK_S = 1.0
FAST_TICK_S = 0.2

Result = TypeVar("Result")
InOwnAccount = Callable[[Callable[[], Any]], Any]


def add_clock_pages(
    pages: ControlPages,
    service: SageMaker,
    clock: ScheduleClock,
    schedules: Schedules,
    in_own_account: InOwnAccount,
) -> None:
    """Adds the pages that show the clock, make it faster, and fire one schedule now.

    Args:
        pages: The sandbox's own pages.
        service: The running SageMaker.
        clock: The clock that schedules go by.
        schedules: What EventBridge and its Scheduler fire.
        in_own_account: Calls a function that works on ministack's state.
    """

    async def show(_request: Document) -> Document:
        found: list[Document] = in_own_account(schedules.known)
        return {
            "now": datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="seconds"),
            "speed": clock.speed,
            "lead_s": round(clock.lead_s, 3),
            "schedules": [*found, *_monitoring(service)],
        }

    async def run(request: Document) -> Document:
        name = request.get("name")
        if not isinstance(name, str):
            raise PageError(f"name is {name!r}; it must be the name or the ARN of what is to run.")
        fired: list[str] = in_own_account(lambda: schedules.run(name))
        for described in _monitoring(service):
            if name in (described["name"], described["arn"]):
                _run_monitoring(service, described["name"])
                fired.append(described["arn"])
        if not fired:
            listed = (await show({}))["schedules"]
            known = ", ".join(sorted({item["name"] for item in listed})) or "none"
            raise PageError(f"Nothing that runs by time is named {name!r}; there are: {known}.")
        return {"fired": fired}

    async def speed(request: Document) -> Document:
        try:
            clock.set_speed(request.get("speed"))
        except ClockError as error:
            raise PageError(str(error)) from error
        return {"speed": clock.speed}

    pages.add("GET", CLOCK_PATH, show)
    pages.add("POST", RUN_PATH, run)
    pages.add("POST", SPEED_PATH, speed)


async def passing_time(ministack: Ministack, schedules: Schedules, clock: ScheduleClock) -> None:
    """Fires schedules and evaluates alarms as time passes, until cancelled.

    Args:
        ministack: The general services.
        schedules: What they fire by time.
        clock: The clock that schedules go by.
    """
    while True:
        try:
            ministack.in_own_account(lambda: schedules.tick(clock.lead_s))
            ministack.evaluate_alarms()
            clock.keep()
        except Exception:  # noqa: BLE001 - one broken alarm must not stop time for all others
            _log.exception("time did not pass in order")
        await asyncio.sleep(TICK_S if clock.speed == 1 else FAST_TICK_S)


def _monitoring(service: SageMaker) -> list[Document]:
    return [
        {
            "kind": "monitoring schedule",
            "name": document["MonitoringScheduleName"],
            "arn": document["MonitoringScheduleArn"],
            "expression": document["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"],
            "enabled": document["MonitoringScheduleStatus"] == monitoring.SCHEDULED,
        }
        for document in service.store.list(monitoring.KIND)
    ]


def _run_monitoring(service: SageMaker, name: str) -> None:
    try:
        monitoring.run_now(service, name)
    except ServiceError as error:
        raise PageError(error.message) from error
