"""What a contract allows, in words, and how a refused value is shown."""

from headway_runtime.contract import InputField

_KINDS = {"string": "a text", "integer": "an integer", "number": "a number", "boolean": "true or false"}
VALUE_LIMIT = 80
"""Characters of a refused value that are shown."""


def number_text(value: float) -> str:
    """A bound as a person writes it: without a fraction that is zero."""
    return str(int(value)) if float(value).is_integer() else repr(value)


def allowed(field: InputField) -> str:
    """What a field accepts, for example `an integer from 0 to 23, or nothing`."""
    words = _KINDS[field.type]
    if field.closed and field.values is not None:
        words = f"one of {', '.join(field.values)}"
    if field.minimum is not None:
        words += f" from {number_text(field.minimum)}"
    if field.maximum is not None:
        words += f" {'up ' if field.minimum is None else ''}to {number_text(field.maximum)}"
    return f"{words}, or nothing" if field.nullable else words


def shown(value: object) -> str:
    """A value as it was given, cut when it is long."""
    text = repr(value)
    return text if len(text) <= VALUE_LIMIT else f"{text[:VALUE_LIMIT]}... ({len(text)} characters)"
