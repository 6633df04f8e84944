"""What was counted in the stages of a release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headway_runtime.judge.evidence import Counts


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Answers of both arms to the same requests.

    Attributes:
        compared: Pairs that were compared.
        bad: How many of them differ too much.
    """

    compared: int
    bad: int


@dataclass(frozen=True, kw_only=True)
class Levels:
    """A level that was measured of both arms again and again, the newest last.

    Attributes:
        challenger: The challenger's, as shares of what there is.
        champion: The champion's; empty where nothing can be held against it.
    """

    challenger: Sequence[float] = ()
    champion: Sequence[float] = ()


@dataclass(frozen=True, kw_only=True)
class StageObservation:
    """What was counted in one stage so far.

    Attributes:
        stage: Position of the stage in the plan, from 0.
        elapsed_s: Time in the stage, in seconds.
        challenger_requests: Requests that the challenger has seen.
        arms: For each metric that compares the arms, its counts.
        pairs: For each metric that compares pairs, its counts.
        slices: For each metric that compares pairs, its counts by slice of the inputs, `column=value`.
        values: For each metric that is a value, what was measured of the challenger.
        champion_values: The same of the champion.
        levels: For each metric that compares levels, what was measured.
        missing: What could not be measured, and why.
    """

    stage: int
    elapsed_s: float
    challenger_requests: int
    arms: Mapping[str, Counts] = field(default_factory=dict)
    pairs: Mapping[str, Pairs] = field(default_factory=dict)
    slices: Mapping[str, Mapping[str, Pairs]] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    champion_values: Mapping[str, float] = field(default_factory=dict)
    levels: Mapping[str, Levels] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


def contradictions(observations: Sequence[StageObservation]) -> list[str]:
    """What cannot be true in what was counted; empty where all of it can."""
    found = []
    for item in observations:
        for name, counts in item.arms.items():
            for arm, requests, bad in (
                ("challenger", counts.challenger_requests, counts.challenger_bad),
                ("champion", counts.champion_requests, counts.champion_bad),
            ):
                if not 0 <= bad <= requests:
                    found.append(f"{name} of the {arm} counts {bad} bad of {requests} requests")
        for name, pairs in item.pairs.items():
            if not 0 <= pairs.bad <= pairs.compared:
                found.append(f"{name} counts {pairs.bad} bad of {pairs.compared} pairs")
    return found
