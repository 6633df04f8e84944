"""One value of a request: read from JSON or from text, and held to its field of the contract."""

import math
import re

from headway_runtime.contract import InputField
from headway_runtime.models.model import Value

EXACT_INTEGER = 2**53
"""Beyond this a JSON reader may round an integer, so a larger one is refused."""


class Broken:
    """Stands for a value that breaks the contract."""


BROKEN = Broken()

# Python's own readers also accept `1_000`, `infinity` and digits of other scripts.
_INTEGER = re.compile(r"[+-]?[0-9]{1,17}(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
NUMBER_TEXT_LIMIT = 400
"""Characters of the longest text that is read as a number."""


def from_json(field: InputField, value: object) -> Value | Broken:
    """Hold a parsed JSON value to a field.

    Returns:
        The value in the field's own type, None for a missing one, or `BROKEN`.
    """
    if value is None:
        return None if field.nullable else BROKEN
    if isinstance(value, bool):
        return value if field.type == "boolean" else BROKEN
    if isinstance(value, str):
        return _text(field, value)
    if isinstance(value, int | float) and field.type in ("integer", "number"):
        return _numeric(field, value)
    return BROKEN


def from_text(field: InputField, text: str) -> Value | Broken:
    """Hold one cell of a CSV row to a field; an empty cell is a missing value.

    Returns:
        The value in the field's own type, None for a missing one, or `BROKEN`.
    """
    if text == "":
        return None if field.nullable else BROKEN
    if field.type == "string":
        return _text(field, text)
    stripped = text.strip()
    if field.type == "boolean":
        return _BOOLEANS.get(stripped.lower(), BROKEN)
    pattern = _INTEGER if field.type == "integer" else _NUMBER
    if len(stripped) > NUMBER_TEXT_LIMIT or pattern.fullmatch(stripped) is None:
        return BROKEN
    # Not by way of a float, which would round a large integer into the range.
    return _numeric(field, int(stripped.partition(".")[0]) if field.type == "integer" else float(stripped))


def _text(field: InputField, value: str) -> Value | Broken:
    if field.type != "string" or not _is_unicode(value):
        return BROKEN
    outside = field.closed and field.values is not None and value not in field.values
    return BROKEN if outside else value


def _is_unicode(value: str) -> bool:
    r"""Whether a text can be written down; JSON can also name half of a character, `"\ud800"`."""
    if value.isascii():
        return True
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _numeric(field: InputField, value: float) -> Value | Broken:
    # Compared before it is converted, because a huge integer has no float.
    if not -1e308 < value < 1e308:
        return BROKEN
    if field.type == "integer" and (value != math.floor(value) or abs(value) > EXACT_INTEGER):
        return BROKEN
    below = field.minimum is not None and value < field.minimum
    above = field.maximum is not None and value > field.maximum
    if below or above:
        return BROKEN
    return int(value) if field.type == "integer" else float(value)
