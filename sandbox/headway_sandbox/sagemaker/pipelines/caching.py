"""Step caching: a step that ran before with the same attributes, not too long ago, is not run again.

Which attributes count is AWS's list of default cache keys by type of step; a hit is looked for among the
executions of the same pipeline, the latest success first.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway_sandbox.sagemaker.protocol import Document

KEYS: Mapping[str, tuple[str, ...]] = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
}
"""The arguments of a step that decide whether it is the same, by type of step."""

_DURATION = re.compile(
    r"P?(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.IGNORECASE,
)
_DAY_S = 86_400
_UNITS_S = {
    "years": 365 * _DAY_S,
    "months": 30 * _DAY_S,
    "weeks": 7 * _DAY_S,
    "days": _DAY_S,
    "hours": 3600,
    "minutes": 60,
    "seconds": 1,
}


@dataclass(frozen=True)
class CacheConfig:
    """A step's ``CacheConfig``, enabled.

    Attributes:
        expire_after_s: How old a run may be, seconds.
    """

    expire_after_s: float


@dataclass(frozen=True)
class Hit:
    """A run of a step that is used again.

    Attributes:
        execution_arn: The execution that it belongs to.
        metadata: What it worked on, as ListPipelineExecutionSteps shows it.
    """

    execution_arn: str
    metadata: Document


def parse_cache_config(value: Any, kind: str, where: str, problems: list[str]) -> CacheConfig | None:  # noqa: ANN401
    """A step's ``CacheConfig``, or None where it is not enabled.

    Args:
        value: As it is in the definition; None if it is not there.
        kind: Type of the step.
        where: The step, for messages.
        problems: Gets a sentence for everything that is wrong.
    """
    if value is None:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("Enabled"), bool):
        problems.append(
            f"{where}: CacheConfig is {value!r}; it needs Enabled, true or false, and ExpireAfter"
        )
        return None
    if not value["Enabled"]:
        return None
    if kind not in KEYS:
        problems.append(f"{where}: CacheConfig is for steps of type {', '.join(KEYS)}, and this is {kind}")
        return None
    seconds = duration_s(value.get("ExpireAfter"))
    if seconds is None:
        problems.append(
            f"{where}: CacheConfig.ExpireAfter is {value.get('ExpireAfter')!r}; it must be a duration in the "
            "form of ISO 8601, such as P30D or PT1H"
        )
        return None
    return CacheConfig(seconds)


def duration_s(text: object) -> float | None:
    """A duration in seconds, or None if the text is none; a month has 30 days and a year 365.

    >>> duration_s("30dT5h")
    2610000.0
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    given = {unit: int(number) for unit, number in found.groupdict().items() if number} if found else {}
    return float(sum(_UNITS_S[unit] * number for unit, number in given.items())) if given else None


def cache_key(kind: str, arguments: Mapping[str, Any]) -> str:
    """A digest of the arguments that decide whether a step is the same.

    Args:
        kind: Type of the step.
        arguments: Its arguments, references resolved.
    """
    deciding = {name: arguments[name] for name in KEYS[kind] if name in arguments}
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def find_hits(executions: Iterable[Document], step: str, key: str, *, not_before: float) -> Sequence[Hit]:
    """The runs of a step that can be used again, the latest first.

    Args:
        executions: Stored executions of the pipeline.
        step: Name of the step.
        key: Its cache key.
        not_before: The earliest end of a run that still counts, seconds since the epoch.
    """
    found = [
        (run["EndTime"], Hit(execution["Describe"]["PipelineExecutionArn"], run["Metadata"]))
        for execution in executions
        if execution.get("CacheKeys", {}).get(step) == key
        and (run := execution["Steps"][step])["StepStatus"] == "Succeeded"
        and run["EndTime"] >= not_before
    ]
    return [hit for _, hit in sorted(found, key=lambda item: item[0], reverse=True)]
