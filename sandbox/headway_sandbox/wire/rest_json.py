"""Documents of the REST JSON protocol: where the model says that each member of a message is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from headway_sandbox.sagemaker.conformance import Shape
from headway_sandbox.sagemaker.protocol import Document, validation_error
from headway_sandbox.wire.request import HttpRequest

_TEXT: Mapping[str, Callable[[str], Any]] = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
}


def request_document(shape: Shape | None, labels: Mapping[str, str], request: HttpRequest) -> Document:
    """A request as the document that an operation gets.

    Args:
        shape: The operation's input shape.
        labels: Variable parts of the path.
        request: The request.

    Raises:
        ServiceError: If the request cannot be read.
    """
    if shape is None:
        return {}
    payload = shape.serialization.get("payload")
    headers, body = request.headers, request.body
    rest = _parsed(body) if payload is None and body else {}
    values = parse_qs(request.query, keep_blank_values=True)
    document: Document = {}
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        key = member.serialization.get("name", name)
        if location == "uri" and key in labels:
            document[name] = _from_text(member, labels[key], name)
        elif location == "querystring" and key in values:
            found = values[key]
            many = member.type_name == "list"
            document[name] = (
                [_from_text(member.member, text, name) for text in found]
                if many
                else _from_text(member, found[0], name)
            )
        elif location == "header" and key.lower() in headers:
            document[name] = _from_text(member, headers[key.lower()], name)
        elif name == payload:
            document[name] = body if member.type_name == "blob" else _named(member, _parsed(body))
        elif location is None and payload is None and key in rest:
            document[name] = _named(member, rest[key])
    unknown = sorted(
        set(rest) - {member.serialization.get("name", name) for name, member in shape.members.items()}
    )
    # Kept, so that the check against the model names them.
    return {**document, **{name: rest[name] for name in unknown}}


def answer(shape: Shape | None, document: Document) -> tuple[dict[str, str], bytes]:
    """Headers and body of an answer.

    Args:
        shape: The operation's output shape.
        document: What the operation answered.
    """
    headers = {"Content-Type": "application/json"}
    if shape is None:
        return headers, b""
    payload = shape.serialization.get("payload")
    rest: Document = {}
    body: bytes | None = None
    for name, value in document.items():
        member = shape.members[name]
        key = member.serialization.get("name", name)
        if member.serialization.get("location") == "header":
            headers[key] = str(value).lower() if isinstance(value, bool) else str(value)
        elif member.serialization.get("location") == "statusCode":
            continue
        elif name == payload and member.type_name == "blob":
            body = value if isinstance(value, bytes) else str(value).encode()
        elif name == payload:
            body = json.dumps(_wired(member, value)).encode()
        else:
            rest[key] = _wired(member, value)
    return headers, json.dumps(rest).encode() if body is None else body


def _parsed(body: bytes) -> Document:
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise validation_error(f"The request body is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise validation_error("The request body must be a JSON object.")
    return document


def _from_text(shape: Shape, text: str, name: str) -> Any:  # noqa: ANN401 - any JSON value
    read = _TEXT.get(shape.type_name)
    if read is None:
        return text
    try:
        return read(text)
    except (ValueError, KeyError) as error:
        raise validation_error(f"Value '{text}' at '{name}' must be of type {shape.type_name}.") from error


def _named(shape: Shape, value: Any) -> Any:  # noqa: ANN401
    """A value of the body with its members under the model's names instead of those on the wire."""
    return _renamed(shape, value, lambda name, member: (member.serialization.get("name", name), name))


def _wired(shape: Shape, value: Any) -> Any:  # noqa: ANN401
    """A value with its members under their names on the wire, and bytes as base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return _renamed(shape, value, lambda name, member: (name, member.serialization.get("name", name)))


def _renamed(shape: Shape, value: Any, names: Callable[[str, Shape], tuple[str, str]]) -> Any:  # noqa: ANN401
    if shape.type_name == "structure" and isinstance(value, dict):
        pairs = {names(name, member): member for name, member in shape.members.items()}
        known = {
            after: _renamed(member, value[before], names)
            for (before, after), member in pairs.items()
            if before in value
        }
        befores = {before for before, _ in pairs}
        return {**known, **{name: item for name, item in value.items() if name not in befores}}
    if shape.type_name == "list" and isinstance(value, list):
        return [_renamed(shape.member, item, names) for item in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _renamed(shape.value, item, names) for key, item in value.items()}
    return value
