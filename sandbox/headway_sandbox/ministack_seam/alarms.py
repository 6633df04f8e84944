"""CloudWatch alarms: evaluated as CloudWatch does it, and their changes put on the event bus."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

from headway_sandbox.alarm_evaluation import (
    EXTRA_PERIODS,
    INSUFFICIENT_DATA,
    breaches,
    evaluable,
    state_of,
)
from headway_sandbox.ministack_seam.parameters import Answer

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
    elif alarm.get("Metrics"):
        configuration["metrics"] = alarm["Metrics"]
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


def evaluate_alarms(cloudwatch: Any) -> None:  # noqa: ANN401 - ministack is not typed
    """Makes alarms evaluate as CloudWatch's do: on their own dimensions, period by period, missing data too.

    ministack looks at all metrics of a name, whatever their dimensions, and at all periods as one.

    Args:
        cloudwatch: ministack's module.
    """

    def evaluate(alarm: Document) -> None:
        metric = _metric_of(alarm)
        if metric is None or not evaluable(str(alarm.get("ComparisonOperator"))):
            return
        count, period_s = int(alarm.get("EvaluationPeriods", 1)), float(metric["Period"])
        values = _datapoints(cloudwatch, metric, count + EXTRA_PERIODS, period_s)
        threshold, comparison = float(alarm["Threshold"]), str(alarm["ComparisonOperator"])
        old = str(alarm["StateValue"])
        new = state_of(
            [None if value is None else breaches(value, comparison, threshold) for value in values],
            periods=count,
            to_alarm=int(alarm.get("DatapointsToAlarm", count)),
            missing=str(alarm.get("TreatMissingData", "missing")),
            state=old,
        )
        if new == old:
            return
        newest = [value for value in values if value is not None][:count]
        reason = (
            f"Threshold Crossed: {len(newest)} of {count} datapoints {newest} were {comparison} {threshold}"
            if newest
            else f"Insufficient Data: {count} datapoints were unknown."
            if new == INSUFFICIENT_DATA
            else f"Threshold Crossed: no datapoints were received for {count} periods and "
            f"{count} missing datapoints were treated as {alarm.get('TreatMissingData')}."
        )
        alarm.update(StateValue=new, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
        cloudwatch._record_history(alarm["AlarmName"], old, new, reason)  # noqa: SLF001
        cloudwatch._dispatch_alarm_actions(alarm, old, new, reason)  # noqa: SLF001
        cloudwatch._evaluate_parent_alarms(alarm)  # noqa: SLF001

    cloudwatch._evaluate_alarm = evaluate  # noqa: SLF001


def keep_metrics(cloudwatch: Any) -> None:  # noqa: ANN401
    """Keeps the ``Metrics`` of an alarm, which ministack drops, and refuses those that cannot be evaluated.

    Args:
        cloudwatch: ministack's module.
    """
    put = cloudwatch._put_metric_alarm  # noqa: SLF001

    @functools.wraps(put)
    def put_with_metrics(params: Any, request: Any, is_cbor: bool, is_json: bool = False) -> Answer:  # noqa: ANN401
        metrics = (request or {}).get("Metrics") or []
        if metrics and (len(metrics) > 1 or "MetricStat" not in metrics[0]):
            answer: Answer = cloudwatch._error(  # noqa: SLF001
                "ValidationError",
                "This sandbox does not evaluate metric math; give the alarm one metric, as MetricName or as "
                "the only entry of Metrics with a MetricStat.",
                400,
                use_json=is_json,
                use_cbor=is_cbor,
            )
            return answer
        answer = put(params, request, is_cbor, is_json)
        alarm = cloudwatch._alarms.get((request or {}).get("AlarmName", "")) if metrics else None  # noqa: SLF001
        if alarm is not None and answer[0] < 400:
            for member in ("MetricName", "Namespace", "Statistic", "Period", "Dimensions", "Unit"):
                alarm.pop(member, None)
            alarm["Metrics"] = metrics
            cloudwatch._evaluate_alarm(alarm)  # noqa: SLF001
        return answer

    cloudwatch._put_metric_alarm = put_with_metrics  # noqa: SLF001


def _metric_of(alarm: Document) -> Document | None:
    """The one metric that an alarm looks at; None if there is none that could be evaluated."""
    if alarm.get("Namespace") and alarm.get("MetricName"):
        return {**alarm, "Stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")}
    metrics = alarm.get("Metrics") or []
    if len(metrics) != 1 or "MetricStat" not in metrics[0]:
        return None
    stat = metrics[0]["MetricStat"]
    return {**stat["Metric"], "Period": stat["Period"], "Stat": stat["Stat"]}


def _datapoints(cloudwatch: Any, metric: Document, count: int, period_s: float) -> list[float | None]:  # noqa: ANN401
    """The statistic of each of the last periods, the newest first; None where nothing was measured."""
    dimensions = cloudwatch._dims_key(_dimensions(metric.get("Dimensions")))  # noqa: SLF001
    points = cloudwatch._metrics.get((metric["Namespace"], metric["MetricName"], dimensions)) or []  # noqa: SLF001
    now = time.time()  # the clock that ministack stamps points with
    buckets: list[list[Document]] = [[] for _ in range(count)]
    for point in list(points):
        # A point that is stamped a moment ahead belongs to the newest period.
        index = int(max(0.0, now - point["Timestamp"]) // period_s)
        if index < count:
            buckets[index].append(point)
    return [
        cloudwatch._stat_value(cloudwatch._calc_stats(bucket), metric["Stat"], bucket) if bucket else None  # noqa: SLF001
        for bucket in buckets
    ]


def _dimensions(dimensions: object) -> dict[str, str]:
    if isinstance(dimensions, dict):
        return dict(dimensions)
    return {item["Name"]: item["Value"] for item in dimensions} if isinstance(dimensions, list) else {}
