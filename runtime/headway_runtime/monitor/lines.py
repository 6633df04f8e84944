"""A line of JSON as somebody else wrote it."""

import json
from typing import Any


def read_line(line: bytes) -> Any:  # noqa: ANN401 - any JSON value
    r"""The value of a line of JSON Lines.

    Args:
        line: UTF-8.

    Raises:
        ValueError: It is no JSON; or a text in it is none, such as the half character `"\ud800"`, which JSON
            can name and no file or column can hold.
        RecursionError: It is nested too deeply.
    """
    value = json.loads(line.decode("utf-8-sig"))
    if b"\\u" in line:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value
