"""A resource as rules see it: absent, known and not-yet-known values are three different things."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
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
    """

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not known before the update")
        self.path = path


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One declared resource.

    Args:
        type: The type token, for example `aws:s3/bucket:Bucket`.
        name: The name in the program.
        urn: The URN; empty in examples.
        properties: Property names in the provider's spelling; `UNKNOWN` stands for what is not known yet.
        references: For each property, the URNs of the resources whose outputs it is made of.
    """

    type: str
    name: str = ""
    urn: str = ""
    properties: Mapping[str, object] = field(default_factory=dict)
    references: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def value(self, path: str) -> object:
        """The value at a path like `a.b[0].c`; None where nothing is set, `UNKNOWN` where it is not known."""
        found: object = self.properties
        for name, position in _STEP.findall(path):
            if found is UNKNOWN:
                return UNKNOWN
            if name and isinstance(found, Mapping):
                found = found.get(name)
            elif position and isinstance(found, Sequence) and int(position) < len(found):
                found = found[int(position)]
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
        found = self.value(path)
        if found is UNKNOWN:
            raise NotKnownError(path)
        return None if found is None else str(found)

    def items(self, path: str) -> tuple[str, ...]:
        """The paths of the elements of a list: `a` of two gives `a[0]`, `a[1]`; empty where nothing is set.

        Raises:
            NotKnownError: The list itself is not known yet.
        """
        found = self.value(path)
        if found is UNKNOWN:
            raise NotKnownError(path)
        if not isinstance(found, Sequence) or isinstance(found, str):
            return ()
        return tuple(f"{path}[{position}]" for position in range(len(found)))


@dataclass(frozen=True, kw_only=True)
class Stack:
    """All resources of one stack, for rules about how they hang together."""

    resources: tuple[Resource, ...]

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        """The resources of the given types, in the order of declaration."""
        return tuple(resource for resource in self.resources if resource.type in types)
