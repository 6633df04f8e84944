"""A sample of things with keys that stays small: all of them at first, then an equal share of all by hash.

What is kept depends on the things alone, not on the order, the files or the number of times they are read.
Source: adaptive sampling; Flajolet, "On adaptive sampling", Computing 43, 1990.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

MOST_KEPT = 10_000
"""How many are kept of one kind; beyond it every second one, then every fourth, ..."""
_HASH_BITS = 64
Item = TypeVar("Item")


class Sample(Generic[Item]):
    """A sample.

    Args:
        order: What tells two things with one key apart: the smaller is kept.
        most: How many are kept at most.
    """

    def __init__(self, order: Callable[[Item], Any], most: int = MOST_KEPT) -> None:
        self._order = order
        self._most = most
        self._halvings = 0
        self._kept: dict[int, tuple[str, Item]] = {}

    def add(self, key: str, item: Item) -> None:
        """Takes in a thing; one that was taken in before changes nothing.

        Args:
            key: What tells it from others.
            item: The thing.
        """
        place = _place(key)
        if not self._is_in(place):
            return
        known = self._kept.get(place)
        if known is None or self._order(item) < self._order(known[1]):
            self._kept[place] = key, item
        while len(self._kept) > self._most:
            self._halvings += 1
            self._kept = {place: kept for place, kept in self._kept.items() if self._is_in(place)}

    @property
    def share(self) -> float:
        """Share of all things that is kept."""
        return 0.5**self._halvings

    def items(self) -> Mapping[str, Item]:
        """What is kept, by key."""
        return dict(self._kept[place] for place in sorted(self._kept))

    def _is_in(self, place: int) -> bool:
        return place >> (_HASH_BITS - self._halvings) == 0


def _place(key: str) -> int:
    """The same in every sample, so that the pairs of two samples are a sample of the pairs."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[: _HASH_BITS // 8])
