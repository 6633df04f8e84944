"""A resource as rules see it: absent, known and not-yet-known values are three different things."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Final


class _Unknown(Enum):
    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown.UNKNOWN
"""A value that is set and is not known before the update."""

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class NotKnownError(Exception):
    """A rule read a value that is set and not known yet.

    Args:
        path: The property that was read.
        urn: The resource it belongs to.
    """

    def __init__(self, path: str, urn: str = "") -> None:
        super().__init__(f"{path} is not known before the update")
        self.path = path
        self.urn = urn


class NotJsonError(ValueError):
    """A rule read text as JSON that is none. The text may be a secret, so it is not kept.

    Args:
        path: The property that was read.
        urn: The resource it belongs to.
    """

    def __init__(self, path: str, urn: str = "") -> None:
        super().__init__(f"{path} is not JSON")
        self.path = path
        self.urn = urn


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One declared resource.

    Args:
        type: The type token, for example `aws:s3/bucket:Bucket`.
        name: The name in the program.
        urn: The URN; empty in examples.
        properties: Property names in the provider's spelling; `UNKNOWN` stands for what is not known yet.
        references: For each property, the URNs of the resources whose outputs it is made of.
        secrets: The properties that hold a secret; reports show no value of theirs.
        parent: The URN of the parent; empty where there is none.
        source: Where the program declares it, `PATH:LINE` from the project's folder; empty where unknown.
        is_custom: False for a component, which stands for its children and has no properties of a provider.
    """

    type: str
    name: str = ""
    urn: str = ""
    properties: Mapping[str, object] = field(default_factory=dict)
    references: Mapping[str, frozenset[str]] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    parent: str = ""
    source: str = ""
    is_custom: bool = True

    def value(self, path: str) -> object:
        """The value at a path like `a.b[0].c`; None where nothing is set, `UNKNOWN` where it is not known."""
        found: object = self.properties
        for step in _steps(path):
            if found is UNKNOWN:
                return UNKNOWN
            if isinstance(step, str) and isinstance(found, Mapping):
                found = found.get(step)
            elif isinstance(step, int) and isinstance(found, list | tuple) and step < len(found):
                found = found[step]
            else:
                return None
        return found

    def has(self, path: str) -> bool:
        """Whether something is set, known or not."""
        return self.value(path) is not None

    def text(self, path: str) -> str | None:
        """The text at a path, None where nothing is set.

        Raises:
            NotKnownError: The value is set and not known yet.
        """
        found = self.known(path)
        return None if found is None else str(found)

    def known(self, path: str) -> object:
        """The value at a path, None where nothing is set; unknown values deep inside are kept.

        Raises:
            NotKnownError: The value is set and not known yet.
        """
        found = self.value(path)
        if found is UNKNOWN:
            raise NotKnownError(path, self.urn)
        return found

    def json(self, path: str) -> object:
        """The document at a path, given as JSON text or as an object; None where nothing is set.

        Unknown values deep inside an object are kept as `UNKNOWN`.

        Raises:
            NotKnownError: The whole document is not known yet.
            NotJsonError: It is text that is not JSON. A rule that lets it through fails with that finding.
        """
        found = self.known(path)
        if not isinstance(found, str):
            return found
        try:
            document: object = json.loads(found)
        except (ValueError, RecursionError):
            raise NotJsonError(path, self.urn) from None
        return document

    def items(self, path: str) -> tuple[str, ...]:
        """The paths of the elements of a list: `a` of two gives `a[0]`, `a[1]`; empty where nothing is set.

        Raises:
            NotKnownError: The list itself is not known yet.
        """
        found = self.known(path)
        if not isinstance(found, Sequence) or isinstance(found, str):
            return ()
        return tuple(f"{path}[{position}]" for position in range(len(found)))

    def expand(self, pattern: str) -> tuple[str, ...]:
        """The paths that a pattern like `productionVariants[*].modelName` stands for.

        Raises:
            NotKnownError: A list on the way is not known yet.
        """
        return tuple(self._expanded(pattern))

    def _expanded(self, pattern: str) -> Iterator[str]:
        head, star, tail = pattern.partition("[*]")
        if not star:
            yield pattern
            return
        for item in self.items(head):
            yield from self._expanded(item + tail)


@lru_cache(maxsize=4096)
def _steps(path: str) -> tuple[str | int, ...]:
    return tuple(name or int(position) for name, position in _STEP.findall(path))
