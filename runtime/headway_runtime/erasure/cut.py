"""What a cut through a file is: rows of the subject go, every other row stays as it is."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


class UnreadableError(ValueError):
    """A file may hold the subject and cannot be read; the message says why without showing what is in it."""


@dataclass(frozen=True)
class Cut:
    """What was cut out of a file.

    Attributes:
        removed: Rows of the subject.
        kept: Rows of others.
    """

    removed: int
    kept: int


Cutter = Callable[[Path, Path], Cut]
"""Reads the first file, and writes the second one where rows go."""


def records(lines: Iterable[bytes]) -> Iterator[tuple[bytes, list[str]]]:
    """The records of a CSV file, each with its own bytes.

    Args:
        lines: The lines, with their ends.

    Raises:
        UnreadableError: It is no CSV.
    """
    taken: list[bytes] = []

    def read() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line.decode("utf-8")

    try:
        for cells in csv.reader(read(), strict=True):
            raw = b"".join(taken)
            taken.clear()
            yield raw, cells
    except (csv.Error, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else "it is no CSV"
        raise UnreadableError(reason) from None


def hold_the_value(values: Sequence[str], cells: Iterable[object]) -> bool:
    """Whether all values stand in some cells, wherever; no values stand nowhere."""
    found = {str(cell) for cell in cells if cell is not None}
    return bool(values) and all(value in found for value in values)
