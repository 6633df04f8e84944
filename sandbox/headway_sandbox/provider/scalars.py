"""Scalars between pulumi-aws properties and botocore shapes. Pure."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable, Mapping

from botocore.model import Shape

from headway_sandbox.provider.schema import PropertyType, Scalar
from headway_sandbox.provider.values import Value


def to_request(shape: Shape, value: Value) -> Value:
    """A property's scalar in the form of its shape."""
    convert = _TO_REQUEST.get(shape.type_name)
    return value if convert is None else convert(value)


def convertible(shape: Shape, value: Value) -> bool:
    """Whether a scalar has a form that its shape takes: the text of a number or a time may be neither."""
    try:
        to_request(shape, value)
    except (TypeError, ValueError):
        return False
    return True


def _flag_of(value: Value) -> bool:
    return value == "true" if isinstance(value, str) else bool(value)


def _blob_of(value: Value) -> Value:
    return value.encode() if isinstance(value, str) else value


def _time_of(value: Value) -> Value:
    return datetime.datetime.fromisoformat(value) if isinstance(value, str) else value


def text_of(value: Value) -> str:
    """A scalar as the text that AWS's text attributes use."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def from_response(kind: PropertyType, value: Value) -> Value:
    """A scalar of an answer in the form of its property; times and bytes become text."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return as_kind(kind, value)


def as_kind(kind: PropertyType, value: Value) -> Value:
    """A scalar in the declared kind where the conversion loses nothing; any other value as it is."""
    convert = _TO_KIND.get(kind.kind) if isinstance(kind, Scalar) else None
    return value if convert is None else convert(value)


def _as_text(value: Value) -> Value:
    return text_of(value) if isinstance(value, bool | int | float) else value


def _as_integer(value: Value) -> Value:
    number = _as_number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else value


def _as_number(value: Value) -> Value:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _as_flag(value: Value) -> Value:
    return value == "true" if value in ("true", "false") else value


_TO_REQUEST: Mapping[str, Callable[[Value], Value]] = {
    "string": text_of,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": _flag_of,
    "blob": _blob_of,
    "timestamp": _time_of,
}
_TO_KIND: Mapping[str, Callable[[Value], Value]] = {
    "string": _as_text,
    "json": _as_text,
    "integer": _as_integer,
    "number": _as_number,
    "boolean": _as_flag,
}
