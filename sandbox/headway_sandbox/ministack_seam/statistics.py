"""The extended statistics that ministack lacks: trimmed forms and percentile rank; unknown ones refused."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from headway_sandbox import cloudwatch_statistics
from headway_sandbox.ministack_seam.parameters import Answer

Document = dict[str, Any]

_BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


def compute_statistics(cloudwatch: Any) -> None:  # noqa: ANN401 - ministack is not typed
    """Makes GetMetricStatistics, GetMetricData and alarms know all of CloudWatch's extended statistics."""
    samples_of = cloudwatch._percentile_samples  # noqa: SLF001

    def is_extended(name: str | None) -> bool:
        return bool(name) and cloudwatch_statistics.parse(str(name)) is not None

    def stat_value(stats: dict[str, float], name: str, points: list[Document] | None = None) -> float | None:
        if name in stats:
            return stats[name]
        statistic = cloudwatch_statistics.parse(name)
        samples = samples_of(points) if points else None
        return None if statistic is None or not samples else cloudwatch_statistics.value(statistic, samples)

    cloudwatch._is_percentile_stat = is_extended  # noqa: SLF001
    cloudwatch._stat_value = stat_value  # noqa: SLF001
    for function in ("_get_metric_statistics", "_get_metric_data", "_put_metric_alarm"):
        setattr(cloudwatch, function, _refusing(cloudwatch, getattr(cloudwatch, function)))


def _refusing(cloudwatch: Any, function: Callable[..., Answer]) -> Callable[..., Answer]:  # noqa: ANN401
    """The same function; a statistic that CloudWatch does not have is an error, not another statistic."""

    @functools.wraps(function)
    def check_and_answer(params: Any, request: Document, is_cbor: bool, is_json: bool = False) -> Answer:  # noqa: ANN401
        unknown = [name for name in _named(request or {}) if not _known(name)]
        if unknown:
            message = (
                f"The value {', '.join(unknown)} for parameter ExtendedStatistic is not supported; use one "
                f"of {', '.join(_BASIC)}, or pNN.NN, TM, WM, TC, TS, PR or IQM with their bounds."
            )
            answer: Answer = cloudwatch._error(  # noqa: SLF001
                "InvalidParameterValue", message, 400, use_json=is_json, use_cbor=is_cbor
            )
            return answer
        return function(params, request, is_cbor, is_json)

    return check_and_answer


def _known(name: str) -> bool:
    return name in _BASIC or cloudwatch_statistics.parse(name) is not None


def _named(request: Document) -> Iterator[str]:
    yield from request.get("ExtendedStatistics") or ()
    if request.get("ExtendedStatistic"):
        yield request["ExtendedStatistic"]
    for query in (*(request.get("MetricDataQueries") or ()), *(request.get("Metrics") or ())):
        if isinstance(query.get("MetricStat"), dict) and query["MetricStat"].get("Stat"):
            yield query["MetricStat"]["Stat"]
