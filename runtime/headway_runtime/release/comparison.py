"""Compares what both models answered: malformed answers of each, diverging answers to the same requests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from headway_runtime.judge import Counts, Pairs
from headway_runtime.release.captured import Captured

DIFFERENCE_BINS = 10


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How the answers of both models differ.

    Attributes:
        malformed: Answers of each that are not what the contract promises.
        pairs: Answers of both to the same requests, and how many of them diverge.
        slices: The same for each slice of the inputs, `column=value`.
        differences: How often the difference of two answers lies in each tenth of the largest.
        largest: The largest difference.
    """

    malformed: Counts
    pairs: Pairs
    slices: Mapping[str, Pairs] = field(default_factory=dict)
    differences: Sequence[int] = ()
    largest: float = 0.0


def compare_answers(
    champion: Mapping[str, Captured],
    challenger: Mapping[str, Captured],
    threshold: float,
    columns: Sequence[str],
) -> Comparison:
    """Compares what was captured of both.

    Args:
        champion: What was captured of the champion, by request.
        challenger: What was captured of the challenger, by request.
        threshold: Difference from which on two answers diverge.
        columns: Inputs whose values are slices.
    """
    sizes: list[float] = []
    total: list[bool] = []
    slices: dict[str, list[bool]] = {}
    for row, one, other in _answered_by_both(champion, challenger):
        size = abs(one - other)
        sizes.append(size)
        total.append(size >= threshold)
        for column in columns:
            if column in row:
                slices.setdefault(f"{column}={row[column]}", []).append(size >= threshold)
    largest = max(sizes, default=0.0)
    return Comparison(
        malformed=Counts(
            challenger_requests=len(challenger),
            challenger_bad=_malformed(challenger),
            champion_requests=len(champion),
            champion_bad=_malformed(champion),
        ),
        pairs=_pairs(total),
        slices={place: _pairs(found) for place, found in sorted(slices.items())},
        differences=_histogram(sizes, largest),
        largest=largest,
    )


def _answered_by_both(
    champion: Mapping[str, Captured], challenger: Mapping[str, Captured]
) -> Iterator[tuple[Mapping[str, object], float, float]]:
    for key, other in challenger.items():
        one = champion.get(key)
        if one is None or one.answers is None or other.answers is None:
            continue
        if len(one.answers) != len(other.answers):
            continue
        rows = one.rows if len(one.rows) == len(one.answers) else [{}] * len(one.answers)
        yield from zip(rows, one.answers, other.answers, strict=True)


def _malformed(requests: Mapping[str, Captured]) -> int:
    return sum(item.answers is None for item in requests.values())


def _pairs(diverging: Sequence[bool]) -> Pairs:
    return Pairs(compared=len(diverging), bad=sum(diverging))


def _histogram(sizes: Sequence[float], largest: float) -> list[int]:
    bins = [0] * DIFFERENCE_BINS
    for size in sizes:
        bins[min(int(size / largest * DIFFERENCE_BINS), DIFFERENCE_BINS - 1) if largest else 0] += 1
    return bins
