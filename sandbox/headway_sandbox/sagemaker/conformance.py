"""Requests and answers held against botocore's published model of the SageMaker API.

botocore itself checks on the client's side only for unknown, missing and mistyped members. Everything else
the model publishes is checked here: enumerations, patterns, lengths and ranges, in the words SageMaker
uses.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

# The model's patterns are Java's; Python has no Unicode category classes, so the nearest sets are spelled
# out.
_JAVA_CLASSES = {
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{L}": r"^\W\d_",
    r"\p{M}": r"\u0300-\u036f",
    r"\p{N}": r"\d",
    # Comes by itself, not within brackets.
    r"\p{Print}": r"[\x20-\x7e]",
    r"\p{P}": r"!-/:-@\[-`{-~\u2010-\u2027",
    r"\p{S}": r"$+<=>^`|~\u20a0-\u20cf",
    r"\p{Z}": r"\s",
}
Shape = Any
"""A shape of botocore's model, which is not typed."""

# SageMaker's control plane publishes none of them, and answers with the first.
_VALIDATION_CODES = ("ValidationException", "ValidationError", "IllegalArgumentException")

_UNDECIDABLE = re.compile(r"\\p\{(?:L|M)\}|\\uD800|\$\{")


class ServiceModel:
    """The published model of one service, parsed once on first use.

    Args:
        service: botocore's name of the service.
    """

    def __init__(self, service: str = "sagemaker") -> None:
        self.service = service

    @functools.cached_property
    def _model(self) -> Any:  # noqa: ANN401 - botocore is not typed
        # Imported on first use: parsing the model costs a fifth of the time a start may take.
        import botocore.session  # noqa: PLC0415

        return botocore.session.get_session().get_service_model(self.service)

    @property
    def title(self) -> str:
        """The service as AWS writes its name, for example ``SageMaker`` or ``Service Quotas``."""
        return str(self._model.metadata["serviceId"])

    def input_shape(self, operation: str) -> Shape | None:
        """The shape of an operation's request; None if it takes nothing."""
        return self._model.operation_model(operation).input_shape

    def output_shape(self, operation: str) -> Shape | None:
        """The shape of an operation's answer; None if it has none."""
        return self._model.operation_model(operation).output_shape

    @property
    def protocol(self) -> str:
        """The protocol that botocore speaks with the service, for example ``rest-xml``."""
        return str(self._model.metadata["protocol"])

    def errors(self, operation: str) -> dict[str, tuple[str, int]]:
        """Code on the wire and HTTP status of the errors that an operation publishes, by their names."""
        if operation not in self.operation_names:
            return {}
        published = {}
        for shape in self._model.operation_model(operation).error_shapes:
            details = shape.metadata.get("error", {})
            status = details.get("httpStatusCode", 500 if shape.metadata.get("fault") else 400)
            published[shape.name] = (details.get("code", shape.name), int(status))
        return {**{code: (code, status) for code, status in published.values()}, **published}

    def validation_code(self, operation: str) -> str:
        """The error with which an operation refuses a request that its model does not allow."""
        published = self.errors(operation)
        return next((code for code in _VALIDATION_CODES if code in published), _VALIDATION_CODES[0])

    def http(self, operation: str) -> dict[str, Any]:
        """Method, URI and status of an operation, as REST protocols need them."""
        return dict(self._model.operation_model(operation).http)

    @property
    def operation_names(self) -> frozenset[str]:
        """Every operation that the service publishes."""
        return frozenset(self._model.operation_names)

    def request_problems(self, operation: str, request: dict[str, Any]) -> list[str]:
        """What is wrong with a request, one sentence a problem; empty if nothing is."""
        shape = self.input_shape(operation)
        return [] if shape is None else list(_problems(shape, request, "", strict=True))

    def response_problems(self, operation: str, response: dict[str, Any]) -> list[str]:
        """What in an answer is not as the model publishes it: unknown, missing or mistyped members."""
        shape = self.output_shape(operation)
        if shape is None:
            return [f"unknown member {name}" for name in response]
        return list(_problems(shape, response, "", strict=False))

    def idempotency_tokens(self, operation: str) -> frozenset[str]:
        """Members of a request that the SDKs fill in with a random token."""
        return frozenset(self._model.operation_model(operation).idempotent_members)


def _problems(shape: Shape, value: object, path: str, *, strict: bool) -> Iterator[str]:
    """Yields problems; `strict` adds enumerations, patterns, lengths and ranges."""
    check = _CHECKS.get(shape.type_name)
    if check is None:
        yield f"the service model's type {shape.type_name} at {_quoted(path)} is not supported"
        return
    yield from check(shape, value, path, strict)


def _structure(shape: Shape, value: object, path: str, strict: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _mistyped(value, path, "a structure")
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield _constraint(None, _join(path, name), "Member must not be null")
    for name, member in value.items():
        if name not in shape.members:
            yield (
                f"Unknown parameter {name!r} at {_quoted(path)}, must be one of: "
                f"{', '.join(sorted(shape.members))}"
                if strict
                else f"unknown member {_join(path, name)}"
            )
        elif member is not None:
            yield from _problems(shape.members[name], member, _join(path, name), strict=strict)
        elif not strict:
            yield f"member {_join(path, name)} is null"
    if strict and shape.is_tagged_union and len(value) != 1:
        yield f"Exactly one of {', '.join(shape.members)} must be set at {_quoted(path)}, found {len(value)}"


def _list(shape: Shape, value: object, path: str, strict: bool) -> Iterator[str]:
    if not isinstance(value, list):
        yield _mistyped(value, path, "a list")
        return
    if strict:
        yield from _bounds(shape, value, len(value), path, "length")
    for index, member in enumerate(value):
        yield from _problems(shape.member, member, f"{path}.{index + 1}.member", strict=strict)


def _map(shape: Shape, value: object, path: str, strict: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        yield _mistyped(value, path, "a map")
        return
    if strict:
        yield from _bounds(shape, value, len(value), path, "length")
    for key, member in value.items():
        yield from _problems(shape.key, key, f"{path}.key", strict=strict)
        yield from _problems(shape.value, member, f"{path}.{key}", strict=strict)


def _string(shape: Shape, value: object, path: str, strict: bool) -> Iterator[str]:
    if not isinstance(value, str):
        yield _mistyped(value, path, "a string")
        return
    if shape.enum and value not in shape.enum:
        yield _constraint(value, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    if strict:
        yield from _bounds(shape, value, len(value), path, "length")
        pattern = shape.metadata.get("pattern")
        compiled = _compiled(pattern) if pattern else None
        if compiled is not None and not compiled.fullmatch(value):
            yield _constraint(value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _number(kinds: tuple[type, ...], label: str) -> Callable[[Shape, object, str, bool], Iterator[str]]:
    def check(shape: Shape, value: object, path: str, strict: bool) -> Iterator[str]:
        if isinstance(value, bool) or not isinstance(value, kinds):
            yield _mistyped(value, path, label)
        elif strict:
            yield from _bounds(shape, value, float(value), path, "value")  # type: ignore[arg-type]

    return check


def _plain(kinds: tuple[type, ...], label: str) -> Callable[[Shape, object, str, bool], Iterator[str]]:
    def check(_shape: Shape, value: object, path: str, _strict: bool) -> Iterator[str]:
        if not isinstance(value, kinds):
            yield _mistyped(value, path, label)

    return check


_CHECKS: dict[str, Callable[[Shape, object, str, bool], Iterator[str]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _number((int,), "an integer"),
    "long": _number((int,), "an integer"),
    "float": _number((int, float), "a number"),
    "double": _number((int, float), "a number"),
    "boolean": _plain((bool,), "a boolean"),
    "timestamp": _plain((int, float, str), "a timestamp"),
    "blob": _plain((str, bytes), "base64 text"),
}


def _bounds(shape: Shape, value: object, measure: float, path: str, noun: str) -> Iterator[str]:
    """Lower and upper bound as the model publishes them for lengths and values."""
    for bound, text, breaks in (
        ("min", "greater than or equal to", operator.lt),
        ("max", "less than or equal to", operator.gt),
    ):
        limit = shape.metadata.get(bound)
        if limit is not None and breaks(measure, float(limit)):
            have = "have length" if noun == "length" else "have value"
            yield _constraint(value, path, f"Member must {have} {text} {limit}")


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern for Python, or None where its character classes have no equivalent here."""
    if _UNDECIDABLE.search(pattern):
        return None
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _constraint(value: object, path: str, constraint: str) -> str:
    shown = "null" if value is None else str(value)
    return f"Value '{shown[:200]}' at {_quoted(path)} failed to satisfy constraint: {constraint}"


def _mistyped(value: object, path: str, expected: str) -> str:
    return f"Value at {_quoted(path)} must be {expected}, not {type(value).__name__}"


def _quoted(path: str) -> str:
    return f"'{path}'"


def _join(path: str, name: str) -> str:
    # SageMaker names members in its messages with a small first letter.
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member
