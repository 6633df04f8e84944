"""What a window of traffic says: which columns drift, and whether that lasts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from headway_runtime.monitor.baseline import PREDICTION, Baseline
from headway_runtime.monitor.capture import Traffic
from headway_runtime.monitor.compare import Difference, Effect, compare
from headway_runtime.monitor.model_monitor import Violation
from headway_runtime.monitor.profile import CategoryProfile, Profile, profile_column

_NAMED = 3
"""Columns that a sentence names."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From when on a difference is one.

    Attributes:
        distance: Distance between distributions, 0 to 1; more where the seasons of the baseline are further.
        missing: Growth of the share of missing values, 0 to 1; more where it grows so with the seasons.
        unseen: Share of values that the training rows have not, 0 to 1.
        minimum_rows: Rows below which a window says nothing.
        lasting: Windows in a row in which the same column drifts before the drift lasts.
    """

    distance: float = 0.1
    missing: float = 0.05
    unseen: float = 0.05
    minimum_rows: int = 500
    lasting: int = 3


@dataclass(frozen=True)
class Column:
    """How one column of a window differs.

    Attributes:
        name: Name of the input, or `PREDICTION`.
        profile: What the window looks like.
        difference: How it differs from the baseline.
        allowed: Distance that is none yet: the declared one, or that of the seasons.
        found: What is beyond its limit.
        shifted: Whether the distance is beyond the declared one, whatever the seasons are.
    """

    name: str
    profile: Profile
    difference: Difference
    allowed: float
    found: tuple[Violation, ...]
    shifted: bool = False

    @property
    def score(self) -> float:
        """What the distance is at least, as a multiple of what is allowed; above 1 the column drifts."""
        return self.difference.distance.at_least / self.allowed


@dataclass(frozen=True)
class Assessment:
    """What a window says.

    Attributes:
        rows: Rows of the window.
        enough: Whether these are enough to say something.
        columns: Each input in order, then the answers; empty without a row.
        streaks: For each column that drifts, windows in a row in which it does, this one included.
        lasting: Columns whose drift lasts.
    """

    rows: int
    enough: bool
    columns: tuple[Column, ...]
    streaks: Mapping[str, int]
    lasting: tuple[str, ...]

    @property
    def drifting(self) -> tuple[str, ...]:
        """Columns that are beyond a limit in this window."""
        return tuple(column.name for column in self.columns if column.found) if self.enough else ()

    @property
    def shifted(self) -> tuple[str, ...]:
        """Columns that moved beyond the declared effect, but within their seasons; the furthest first."""
        moved = [column for column in self.columns if column.shifted and not column.found]
        return tuple(column.name for column in sorted(moved, key=lambda column: -column.score))

    @property
    def score(self) -> float:
        """The largest score of a column; above 1 something drifts."""
        return max((column.score for column in self.columns), default=0.0)

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Everything that is beyond a limit."""
        return tuple(item for column in self.columns for item in column.found) if self.enough else ()


def assess(
    baseline: Baseline, traffic: Traffic, limits: Limits, streaks: Mapping[str, int], seed: int = 0
) -> Assessment:
    """Hold a window of traffic against the baseline.

    Args:
        baseline: What the training rows look like.
        traffic: The window.
        limits: From when on a difference is one.
        streaks: What the window before said: windows in a row in which a column drifts.
        seed: Seed of the resampling.
    """
    enough = traffic.rows >= limits.minimum_rows
    columns = tuple(_columns(baseline, traffic, limits, seed)) if traffic.rows else ()
    if not enough:
        # Too few rows neither prolong a drift nor end it.
        return Assessment(traffic.rows, enough, columns, dict(streaks), _lasting(streaks, limits))
    now = {column.name: streaks.get(column.name, 0) + 1 for column in columns if column.found}
    return Assessment(traffic.rows, enough, columns, now, _lasting(now, limits))


def _lasting(streaks: Mapping[str, int], limits: Limits) -> tuple[str, ...]:
    return tuple(name for name, windows in streaks.items() if windows >= limits.lasting)


def _columns(baseline: Baseline, traffic: Traffic, limits: Limits, seed: int) -> list[Column]:
    answers = pa.chunked_array([pa.array(traffic.answers, pa.float64())])
    held = {name: traffic.inputs[name] for name in traffic.inputs.column_names} | {PREDICTION: answers}
    columns = []
    for name, values in held.items():
        before = baseline.profiles[name]
        now = profile_column(values, before)
        difference = compare(before, now, seed)
        usual = baseline.usual[name]
        here = replace(
            limits,
            distance=max(limits.distance, usual.distance),
            missing=max(limits.missing, usual.missing),
        )
        found = tuple(_found(name, before, difference, here))
        shifted = difference.distance.at_least > limits.distance
        columns.append(Column(name, now, difference, here.distance, found, shifted))
    return columns


def _found(name: str, before: Profile, difference: Difference, limits: Limits) -> list[Violation]:
    measure = "Jensen-Shannon" if isinstance(before, CategoryProfile) else "Kolmogorov-Smirnov"
    checks: tuple[tuple[str, Effect, float, str], ...] = (
        (
            "baseline_drift_check",
            difference.distance,
            limits.distance,
            f"{measure} distance from the training rows",
        ),
        ("completeness_check", difference.missing, limits.missing, "growth of the share of missing values"),
        ("categorical_values_check", difference.unseen, limits.unseen, "share of values never trained on"),
    )
    return [
        Violation(
            feature=name,
            check=check,
            description=(
                f"{words} is {effect.value:.3f}, with 99 % confidence at least {effect.at_least:.3f}; "
                f"allowed is {limit:.3f}"
            ),
        )
        for check, effect, limit, words in checks
        if effect.at_least > limit
    ]


def document(assessment: Assessment) -> dict[str, Any]:
    """An assessment as JSON values."""
    return {
        "rows": assessment.rows,
        "enough": assessment.enough,
        "score": assessment.score,
        "drifting": list(assessment.drifting),
        "lasting": list(assessment.lasting),
        "shifted": list(assessment.shifted),
        "streaks": dict(assessment.streaks),
        "columns": {
            column.name: {
                "score": column.score,
                "allowed_distance": column.allowed,
                "missing_share": _missing(column.profile),
                **{
                    kind: {"value": effect.value, "at_least": effect.at_least}
                    for kind, effect in (
                        ("distance", column.difference.distance),
                        ("population_stability_index", column.difference.stability),
                        ("missing", column.difference.missing),
                        ("unseen", column.difference.unseen),
                    )
                },
            }
            for column in assessment.columns
        },
    }


def metrics(assessment: Assessment) -> list[dict[str, Any]]:
    """What is published: name, value and, for that of one column, `feature`."""
    if not assessment.enough:
        return [{"name": "Rows", "value": assessment.rows}]
    published: list[dict[str, Any]] = [
        {"name": "Rows", "value": assessment.rows},
        {"name": "DriftScore", "value": assessment.score},
        {"name": "DriftingFeatures", "value": len(assessment.drifting)},
        {"name": "DriftLasts", "value": int(bool(assessment.lasting))},
    ]
    for column in assessment.columns:
        named = {"feature": column.name.strip("()")}
        published += [
            {"name": "Distance", "value": column.difference.distance.value, **named},
            {"name": "PopulationStabilityIndex", "value": column.difference.stability.value, **named},
            {"name": "MissingShare", "value": _missing(column.profile), **named},
            {"name": "UnseenShare", "value": column.difference.unseen.value, **named},
        ]
    return published


def _missing(profile: Profile) -> float:
    total = profile.present + profile.missing
    return profile.missing / total if total else 0.0


def sentence(assessment: Assessment, limits: Limits) -> str:
    """What a window says, for people."""
    if not assessment.enough:
        return (
            f"{assessment.rows} rows are too few to say anything; {limits.minimum_rows} are needed, "
            "and these count with the next ones"
            if assessment.rows
            else "no row was captured"
        )
    by_name = {column.name: column for column in assessment.columns}
    moved = ", ".join(
        f"{name} {by_name[name].difference.distance.value:.2f} of {by_name[name].allowed:.2f}"
        for name in assessment.shifted[:_NAMED]
    )
    seasons = f"; moved within their seasons: {moved}" if moved else ""
    if not assessment.drifting:
        score = f"score {assessment.score:.2f}; drift is above 1"
        return f"no column drifts in {assessment.rows} rows ({score}){seasons}"
    lasts = f"; it lasts for {', '.join(assessment.lasting)}" if assessment.lasting else ""
    return (
        f"{', '.join(assessment.drifting)} drifted in {assessment.rows} rows "
        f"(score {assessment.score:.2f}){lasts}{seasons}"
    )
