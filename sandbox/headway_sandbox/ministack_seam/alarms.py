"""CloudWatch alarms: compared with their own dimensions, and their changes put on the event bus."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

Document = dict[str, Any]
PutEvent = Callable[[str, str, Document, Sequence[str]], None]


class AlarmEvents:
    """Puts ``CloudWatch Alarm State Change`` on the bus at each transition that CloudWatch records.

    Args:
        cloudwatch: ministack's module.
        now_iso: The time as AWS's events carry it.
        put_event: Puts an event on the default bus.
    """

    def __init__(
        self,
        cloudwatch: Any,  # noqa: ANN401 - ministack is not typed
        now_iso: Callable[[], str],
        put_event: PutEvent,
    ) -> None:
        self._cloudwatch = cloudwatch
        self._now_iso = now_iso
        self._put_event = put_event
        self._states: dict[str, Document] = {}
        record_history = cloudwatch._record_history  # noqa: SLF001

        @functools.wraps(record_history)
        def record_and_publish(
            alarm_name: str, old_state: str, new_state: str, reason: str, *rest: object, **named: object
        ) -> None:
            record_history(alarm_name, old_state, new_state, reason, *rest, **named)
            self._publish(alarm_name, old_state, new_state, reason)

        cloudwatch._record_history = record_and_publish  # noqa: SLF001

    def forget(self) -> None:
        """Forgets the states of alarms that a reset has removed."""
        self._states.clear()

    def _publish(self, alarm_name: str, old_state: str, new_state: str, reason: str) -> None:
        cloudwatch = self._cloudwatch
        alarm = cloudwatch._alarms.get(alarm_name) or cloudwatch._composite_alarms.get(alarm_name)  # noqa: SLF001
        if alarm is None or old_state == new_state:
            return
        state = {"value": new_state, "reason": reason, "timestamp": self._now_iso()}
        previous = self._states.get(alarm["AlarmArn"], {"value": old_state})
        self._states[alarm["AlarmArn"]] = state
        self._put_event(
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
            alarm_detail(alarm, state, {**previous, "value": old_state}),
            [alarm["AlarmArn"]],
        )


def alarm_detail(alarm: dict[str, Any], state: dict[str, Any], previous: dict[str, Any]) -> dict[str, Any]:
    """The detail of a ``CloudWatch Alarm State Change`` event as AWS documents it.

    Args:
        alarm: A metric or composite alarm as DescribeAlarms names its members.
        state: The new state: value, reason, timestamp.
        previous: The state before.
    """
    configuration: dict[str, Any] = {"description": alarm.get("AlarmDescription") or ""}
    if "AlarmRule" in alarm:
        configuration["alarmRule"] = alarm["AlarmRule"]
    elif alarm.get("MetricName"):
        metric = {
            "namespace": alarm.get("Namespace"),
            "name": alarm["MetricName"],
            "dimensions": _dimensions(alarm.get("Dimensions")),
        }
        stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
        stat_of = {"metric": metric, "period": alarm.get("Period"), "stat": stat}
        configuration["metrics"] = [{"id": "m1", "metricStat": stat_of, "returnData": True}]
    return {
        "alarmName": alarm["AlarmName"],
        "state": state,
        "previousState": previous,
        "configuration": configuration,
    }


class _OwnMetrics:
    """The metrics of one name that have exactly the dimensions of an alarm; looks like the dictionary of all.

    Args:
        cloudwatch: ministack's module.
        alarm: The alarm.
    """

    def __init__(self, cloudwatch: Any, alarm: dict[str, Any]) -> None:  # noqa: ANN401
        dimensions = cloudwatch._dims_key(_dimensions(alarm.get("Dimensions")))  # noqa: SLF001
        self._metrics = cloudwatch._metrics  # noqa: SLF001
        self._key = (alarm.get("Namespace"), alarm.get("MetricName"), dimensions)

    def items(self) -> list[tuple[Any, Any]]:
        """The one metric and its points, if there is any."""
        points = self._metrics.get(self._key)
        return [] if points is None else [(self._key, points)]


def compare_dimensions(cloudwatch: Any) -> None:  # noqa: ANN401
    """Makes alarms look at the metric with their own dimensions only; ministack looks at all of that name.

    The function that evaluates an alarm reads the module's dictionary of metrics, so it is given names of its
    own among which that dictionary holds nothing else.
    """
    evaluate = cloudwatch._evaluate_alarm  # noqa: SLF001

    @functools.wraps(evaluate)
    def evaluate_own(alarm: dict[str, Any]) -> None:
        names = {**vars(cloudwatch), "_metrics": _OwnMetrics(cloudwatch, alarm)}
        FunctionType(evaluate.__code__, names, evaluate.__name__)(alarm)

    cloudwatch._evaluate_alarm = evaluate_own  # noqa: SLF001


def _dimensions(dimensions: object) -> dict[str, str]:
    if isinstance(dimensions, dict):
        return dict(dimensions)
    return {item["Name"]: item["Value"] for item in dimensions} if isinstance(dimensions, list) else {}
