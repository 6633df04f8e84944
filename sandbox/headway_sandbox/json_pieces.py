"""JSON text of a large value, written piece by piece so that other threads get their turn in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

_PIECE = 200
_DEPTH = 5
_NATIVE = (str, int, float, bool, type(None), tuple)

Default = Callable[[object], object]


def dumps_in_pieces(value: object, default: Default) -> str:
    """What `json.dumps` returns, without keeping the interpreter for the whole of it.

    The C encoder holds the interpreter's lock until it is done, tens of milliseconds for a state of some
    megabytes; a request that another thread answers would wait for that long.

    Args:
        value: What is encoded.
        default: Turns what JSON does not know into something that it knows.
    """
    return "".join(_pieces(value, default, _DEPTH))


def _pieces(value: object, default: Default, depth: int) -> Iterator[str]:
    if depth == 0 or isinstance(value, _NATIVE):
        yield json.dumps(value, default=default)
    elif isinstance(value, dict):
        yield from _pieces_of_dict(value, default, depth)
    elif isinstance(value, list):
        for begin in range(0, len(value), _PIECE):
            yield ", " if begin else "["
            yield json.dumps(value[begin : begin + _PIECE], default=default)[1:-1]
        yield "]" if value else "[]"
    else:
        yield from _pieces(default(value), default, depth)


def _pieces_of_dict(value: dict[object, object], default: Default, depth: int) -> Iterator[str]:
    if not all(isinstance(key, str) for key in value):  # json turns other keys into text in its own way
        yield json.dumps(value, default=default)
        return
    yield "{"
    for position, (key, item) in enumerate(value.items()):
        yield f"{', ' if position else ''}{json.dumps(key)}: "
        yield from _pieces(item, default, depth - 1)
    yield "}"
