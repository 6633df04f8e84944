"""The JSONPath expressions that batch transform knows for its filters, as AWS documents them.

``$`` root, ``.name`` and ``['name', ...]`` members, ``[0]``, ``[0, 2]`` and ``[-1]`` elements, ``[1:]``
slices, ``*`` everything on a level. Recursion (``..``), filters (``?()``) and scripts are not among them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"\.(\*|[A-Za-z_][\w-]*)")
_BRACKET = re.compile(r"\.?\[([^\]]*)\]")
_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)\"""")
_SLICE = re.compile(r"(-?\d*)\s*:\s*(-?\d*)")
_INTEGER = re.compile(r"-?\d+")


class JsonPathError(ValueError):
    """An expression that is none, or that finds nothing."""


@dataclass(frozen=True)
class _Pick:
    """Members or elements.

    Attributes:
        keys: Names or indices.
        many: Whether the result is a list of what they lead to.
    """

    keys: tuple[str | int, ...]
    many: bool


_Step = _Pick | slice
_ALL = slice(None)


@dataclass(frozen=True)
class JsonPath:
    """A parsed expression.

    Attributes:
        text: As written.
        steps: Its steps from the root.
    """

    text: str
    steps: tuple[_Step, ...]

    @property
    def is_root(self) -> bool:
        """Whether it is ``$``: everything."""
        return not self.steps

    def find(self, document: Any) -> Any:  # noqa: ANN401 - any JSON value
        """What the expression leads to.

        Raises:
            JsonPathError: If it leads nowhere.
        """
        values, many = [document], False
        for step in self.steps:
            found: list[Any] = []
            for value in values:
                found += self._follow(step, value)
            values = found
            many = many or isinstance(step, slice) or step.many
        return values if many else values[0]

    def _follow(self, step: _Step, value: Any) -> Sequence[Any]:  # noqa: ANN401
        if isinstance(step, slice):
            if isinstance(value, dict) and step == _ALL:
                return list(value.values())
            if isinstance(value, list):
                return value[step]
        else:
            try:
                return [_member(value, key) for key in step.keys]
            except LookupError:
                pass
        raise JsonPathError(f"{self.text} finds nothing in {_short(value)}")


def parse_json_path(text: str) -> JsonPath:
    """Parses an expression.

    Raises:
        JsonPathError: If it is none, or uses what batch transform does not know.
    """
    if not text.startswith("$"):
        raise JsonPathError(f"{text!r} is not a JSONPath expression; it must begin with $")
    steps: list[_Step] = []
    position = 1
    while position < len(text):
        name = _NAME.match(text, position)
        bracket = _BRACKET.match(text, position)
        if name is not None:
            steps.append(_ALL if name[1] == "*" else _Pick((name[1],), many=False))
            position = name.end()
        elif bracket is not None:
            steps.append(_in_brackets(text, bracket[1].strip()))
            position = bracket.end()
        else:
            raise _unknown(text, text[position:])
    return JsonPath(text, tuple(steps))


def _in_brackets(text: str, inside: str) -> _Step:
    if inside == "*":
        return _ALL
    ranged = _SLICE.fullmatch(inside)
    if ranged is not None:
        begin, end = (int(bound) if bound else None for bound in ranged.groups())
        return slice(begin, end)
    keys: list[str | int] = []
    for item in inside.split(","):
        part = item.strip()
        quoted = _QUOTED.fullmatch(part)
        if quoted is not None:
            keys.append(quoted[1] if quoted[1] is not None else quoted[2])
        elif _INTEGER.fullmatch(part):
            keys.append(int(part))
        else:
            raise _unknown(text, f"[{inside}]")
    return _Pick(tuple(keys), many=len(keys) > 1)


def _member(value: Any, key: str | int) -> Any:  # noqa: ANN401
    if isinstance(value, dict) and isinstance(key, str):
        return value[key]
    if isinstance(value, list) and isinstance(key, int):
        return value[key]
    raise LookupError(key)


def _unknown(text: str, part: str) -> JsonPathError:
    return JsonPathError(
        f"{text!r}: {part!r} is not among the operators of batch transform: .name, ['name'], [0], [0, 1], "
        "[1:2] and *"
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
