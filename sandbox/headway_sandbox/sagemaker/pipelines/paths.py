"""Paths into documents, as pipeline definitions write them: ``A.B[0].C['name']``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

Token = str | int

_FIRST = re.compile(r"(?P<member>[^.\[\]'\"]+)")
_NEXT = re.compile(
    r"""
    \. (?P<member> [^.\[\]'"]+ )
    | \[ (?P<index> \d+ ) \]
    | \[ (?P<quote> ['"] ) (?P<key> [^'"]* ) (?P=quote) \]
    """,
    re.VERBOSE,
)


class PathError(ValueError):
    """A path that is not one, or that leads nowhere."""


def parse_path(text: str) -> tuple[Token, ...]:
    """The steps of a path.

    >>> parse_path("Outputs['train'].Uris[0]")
    ('Outputs', 'train', 'Uris', 0)

    Raises:
        PathError: If the text is no path.
    """
    body = text.removeprefix("$").removeprefix(".")
    tokens: list[Token] = []
    position = 0
    while position < len(body) or not tokens:
        found = (_FIRST.match(body) if position == 0 else None) or _NEXT.match(body, position)
        if found is None:
            raise PathError(
                f"{text!r} is not a path: at {body[position:]!r} a member, [number] or ['key'] is expected"
            )
        groups = found.groupdict()
        index = groups.get("index")
        member = groups["member"] if groups["member"] is not None else groups.get("key")
        tokens.append(int(index) if index is not None else str(member))
        position = found.end()
    return tuple(tokens)


def follow(document: Any, path: Sequence[Token], described: str) -> Any:  # noqa: ANN401 - any JSON value
    """The value at a path.

    A key into a list finds the element whose first member ending in ``Name`` has that value, as in
    ``ProcessingOutputConfig.Outputs['train']``.

    Args:
        document: Any JSON value.
        path: Steps into it.
        described: What the path is called in an error.

    Raises:
        PathError: If it leads nowhere.
    """
    value = document
    for token in path:
        try:
            value = _step(value, token)
        except LookupError:
            there = (
                f"it has {', '.join(map(str, value))}"
                if isinstance(value, dict)
                else f"it is {_short(value)}"
            )
            raise PathError(
                f"{described} leads nowhere: there is no {token!r} in what is before it; {there}"
            ) from None
    return value


def _step(value: Any, token: Token) -> Any:  # noqa: ANN401
    if isinstance(value, dict) and isinstance(token, str):
        return value[token]
    if isinstance(value, list):
        if isinstance(token, int):
            return value[token]
        for element in value:
            if isinstance(element, dict) and _name_of(element) == token:
                return element
    raise LookupError(token)


def _name_of(element: dict[str, Any]) -> Any:  # noqa: ANN401
    return next((value for member, value in element.items() if member.endswith("Name")), None)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
