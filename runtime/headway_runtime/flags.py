"""Types of the flags that the jobs take, for :mod:`argparse`: each refuses a value and says what to write."""

import argparse
import math
from collections.abc import Callable

_DIGITS = 9


def number(least: float, most: float, refusal: str, *, above: bool = False) -> Callable[[str], float]:
    """A type of number.

    Args:
        least: Smallest number.
        most: Largest number.
        refusal: What is said behind a value that is none.
        above: Whether the smallest is itself refused.
    """

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most or (above and value == least):
            raise argparse.ArgumentTypeError(f"{text!r} {refusal}")
        return value

    return read


def count(refusal: str, most: int = 10**_DIGITS - 1) -> Callable[[str], int]:
    """A type of whole number from 1.

    Args:
        refusal: What is said behind a value that is none.
        most: Largest number.
    """

    def read(text: str) -> int:
        # The length is looked at first: reading a million digits takes minutes.
        if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} {refusal}")
        return int(text)

    return read
