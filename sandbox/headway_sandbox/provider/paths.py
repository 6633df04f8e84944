"""Dotted property paths, ``[]`` for list elements: where defaults go, which changes replace. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from headway_sandbox.provider.values import Value
from headway_sandbox.provider.wire import Secret

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INDEX = re.compile(r"\[\d+\]")
_STEP = re.compile(r'\[("(?:[^"\\]|\\.)*")\]|\[(\*|\d+)\]|([^.\[\]]+)')
_ANY_ELEMENT = "*"


def pattern_of(path: str) -> str:
    """A concrete path (``a.b[0].c``) as the pattern that tables use (``a.b[].c``)."""
    return _INDEX.sub("[]", path)


def covers(pattern: str, path: str) -> bool:
    """Whether a pattern names a path or something above it."""
    return path == pattern or path.startswith((f"{pattern}.", f"{pattern}["))


def covered(patterns: Iterable[str], path: str) -> bool:
    """Whether one of the patterns names a path or something above it."""
    return any(covers(pattern, path) for pattern in patterns)


def is_ignored(ignored: Iterable[str], path: str) -> bool:
    """Whether a program ignores changes of a path: it names the path, or something above it.

    Args:
        ignored: paths of the option ``ignoreChanges``; ``*`` stands for any element of a list or map.
        path: concrete path of a change.
    """
    steps = _steps(path)
    return any(
        len(wanted) <= len(steps)
        and all(one in (_ANY_ELEMENT, other) for one, other in zip(wanted, steps, strict=False))
        for wanted in map(_steps, ignored)
    )


def _steps(path: str) -> list[str]:
    """Names, indices and keys on a path; a quoted key is the same as one that is not."""
    found = _STEP.finditer(path)
    return [json.loads(match[1]) if match[1] is not None else match[2] or match[3] for match in found]


def leaves(value: Value, path: str) -> Iterator[str]:
    """Pattern paths of every leaf in a value; the value's own path when it has no children."""
    match value:
        case dict() if value:
            for key, item in value.items():
                yield from leaves(item, f"{path}.{key}")
        case list() if value:
            for item in value:
                yield from leaves(item, f"{path}[]")
        case _:
            yield path


def set_default(properties: dict[str, Any], pattern: str, value: Value) -> None:
    """Puts a default at a pattern path where the property is missing.

    A default inside a block applies only where the block is given; it never makes a block.
    """
    *parents, last = pattern.split(".")
    for target in _targets(properties, parents):
        if target.get(last) is None:
            target[last] = value


def _targets(value: Value, parents: list[str]) -> Iterator[dict[str, Any]]:
    while isinstance(value, Secret):
        value = value.value
    if not parents:
        if isinstance(value, dict):
            yield value
        return
    if not isinstance(value, dict):
        return
    name, rest = parents[0], parents[1:]
    child = value.get(name.removesuffix("[]"))
    while isinstance(child, Secret):
        child = child.value
    if name.endswith("[]"):
        for item in child if isinstance(child, list) else []:
            yield from _targets(item, rest)
    else:
        yield from _targets(child, rest)


def get(properties: Value, path: str) -> Value:
    """The value at a dotted path without list elements, or None."""
    for step in path.split("."):
        if not isinstance(properties, dict):
            return None
        properties = properties.get(step)
    return properties


def step_to(key: str) -> str:
    """The step of a path that leads to an element of a map; keys that are no names are quoted."""
    return f".{key}" if _NAME.fullmatch(key) else f"[{json.dumps(key)}]"


def top_of(path: str) -> str:
    """The top-level property of a path."""
    return path.split(".", 1)[0].split("[", 1)[0]
