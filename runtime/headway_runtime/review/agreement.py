"""How far two reviewers of the same answers agree, beyond what chance alone would give.

Source: Cohen, "A coefficient of agreement for nominal scales" (1960). The interval takes the one of the share
of equal labels by Wilson (1927), with the agreement by chance held fixed, so that ten equal pairs are not
taken for certainty.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headway_runtime.intervals import wilson

Z = 1.959963984540054
"""Quantile of the normal distribution at 97.5 %: the interval holds 95 %."""


@dataclass(frozen=True)
class Agreement:
    """How far pairs of labels agree.

    Attributes:
        pairs: Number of pairs.
        equal: Share of equal pairs.
        kappa: Cohen's kappa, 1 for always and 0 for as often as by chance; None where all labels are the
            same, so that chance explains everything.
        low: Lower end of its interval.
        high: Upper end of its interval.
    """

    pairs: int
    equal: float
    kappa: float | None
    low: float | None
    high: float | None


def agreement(pairs: Sequence[tuple[int, int]]) -> Agreement | None:
    """How far pairs of labels of the same answers agree; None without pairs.

    Args:
        pairs: Two labels, each 0 or 1, of two reviewers.
    """
    count = len(pairs)
    if not count:
        return None
    equal = sum(first == second for first, second in pairs) / count
    ones = [sum(pair[place] for pair in pairs) / count for place in (0, 1)]
    chance = ones[0] * ones[1] + (1 - ones[0]) * (1 - ones[1])
    if chance >= 1:
        return Agreement(count, equal, None, None, None)
    low, high = wilson(equal, count, Z)
    kappa, below, above = ((share - chance) / (1 - chance) for share in (equal, low, high))
    return Agreement(count, equal, kappa, below, above)
