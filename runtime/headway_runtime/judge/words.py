"""Numbers as a person reads them in a sentence."""

import math

_LARGEST_SHOWN = 1e6


def count(number: int) -> str:
    """A count with its thousands set apart."""
    return f"{number:,}"


def share(part: int, whole: int) -> str:
    """`41 of 1,000`."""
    return f"{count(part)} of {count(whole)}"


def percent(value: float) -> str:
    """A share as a percentage, as short as it is exact enough."""
    return f"{value * 100:.3g} %"


def e_value(log: float) -> str:
    """An e-value from its natural logarithm; beyond a million only that."""
    if log > math.log(_LARGEST_SHOWN):
        return "over 1,000,000"
    return f"{math.exp(log):,.3g}"


def duration(seconds: float) -> str:
    """A time span in the largest unit that keeps it whole."""
    for unit, length in (("h", 3_600), ("min", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
