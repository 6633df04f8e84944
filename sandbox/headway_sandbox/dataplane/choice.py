"""Which variant answers the next request: exact shares, no luck.

SageMaker sends a variant the share `weight / sum of weights` of an endpoint's traffic. A random draw
reaches that share only on average; the schedule here reaches it after every single request, to within
one request per variant. It is the quota method of Balinski and Young (The Quota Method of Apportionment,
American Mathematical Monthly 82, 1975): a variant is eligible while one more request keeps it within its
rounded-up quota, and among the eligible the one that falls due first is chosen. It never leaves the
quota on either side.

Ties are broken by a seeded draw, so that equally weighted variants do not alternate in step with traffic
that itself alternates.
"""

import math
import random
from collections.abc import Mapping
from fractions import Fraction


def integer_weights(weights: Mapping[str, float]) -> dict[str, int]:
    """Turns weights into the smallest integers of the same proportions, exactly.

    Args:
        weights: variant name to weight, each finite and 0 or more. A weight means its decimal notation:
            0.1 is one tenth.

    Returns:
        Integers in the same proportions; all 0 when all weights are 0.

    Raises:
        ValueError: a weight is negative, infinite or not a number.
    """
    wrong = [
        f"{name}={weight}" for name, weight in weights.items() if not (math.isfinite(weight) and weight >= 0)
    ]
    if wrong:
        raise ValueError(f"weights must be finite numbers of 0 or more, but {', '.join(wrong)}")
    fractions = {name: Fraction(str(weight)) for name, weight in weights.items()}
    scale = math.lcm(*(fraction.denominator for fraction in fractions.values()))
    integers = {name: int(fraction * scale) for name, fraction in fractions.items()}
    divisor = math.gcd(*integers.values())
    return {name: value // divisor for name, value in integers.items()} if divisor else integers


class WeightedChoice:
    """Chooses among variants in proportion to their weights.

    Args:
        weights: variant name to weight, each 0 or more; a variant of weight 0 is never chosen.
        seed: decides only between variants that are equally due.
    """

    def __init__(self, weights: Mapping[str, float], seed: str = "") -> None:
        self._weights = {name: weight for name, weight in integer_weights(weights).items() if weight > 0}
        self._total = sum(self._weights.values())
        self._ties = random.Random(seed)  # noqa: S311 - spreads load, protects nothing
        self._chosen = dict.fromkeys(self._weights, 0)
        self._count = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The variants that can be chosen: those with a weight above 0."""
        return tuple(self._weights)

    def next(self) -> str:
        """Chooses the variant for one request.

        Raises:
            LookupError: no variant has a weight above 0.
        """
        if not self._weights:
            raise LookupError("no variant has a weight above 0")
        if len(self._weights) == 1:
            return self.names[0]
        self._count += 1
        name = self._first_due()
        self._chosen[name] += 1
        if self._count == self._total:  # everyone has exactly its share: the counters need not grow
            self._count = 0
            self._chosen = dict.fromkeys(self._weights, 0)
        return name

    def _first_due(self) -> str:
        # In integers: eligible is chosen < count * weight / total; due is (chosen + 1) / weight, least first.
        due: list[str] = []
        for name, weight in self._weights.items():
            if self._chosen[name] * self._total >= self._count * weight:
                continue
            order = -1 if not due else self._compare_due(name, due[0])
            if order < 0:
                due = [name]
            elif order == 0:
                due.append(name)
        return due[0] if len(due) == 1 else self._ties.choice(due)

    def _compare_due(self, one: str, other: str) -> int:
        return (self._chosen[one] + 1) * self._weights[other] - (self._chosen[other] + 1) * self._weights[one]


class Sampling:
    """Takes a fixed share of requests, evenly spaced: which requests are mirrored to a shadow variant.

    Args:
        share: the share taken, 0 to 1.

    Raises:
        ValueError: the share is outside 0 to 1.
    """

    def __init__(self, share: float) -> None:
        if not 0 <= share <= 1:
            raise ValueError(f"a share of requests must be between 0 and 1, but it is {share}")
        self._share = Fraction(str(share))
        self._due = Fraction(0)

    def next(self) -> bool:
        """Tells whether this request is one of those taken."""
        self._due += self._share
        if self._due < 1:
            return False
        self._due -= 1
        return True
