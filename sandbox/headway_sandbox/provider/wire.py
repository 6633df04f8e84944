"""Pulumi's wire values (protobuf Struct) to and from plain Python values.

Plain values are None, bool, int, float, str, list and dict; what Pulumi adds becomes a marker: ``Secret``,
``UNKNOWN`` and the classes of :mod:`headway_sandbox.provider.assets`. Whole numbers become ``int``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

from headway_sandbox.provider.assets import ARCHIVE_SIGNATURE, ASSET_SIGNATURE, Archive, Asset
from headway_sandbox.provider.values import Value

SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a wire marker, not a secret
OUTPUT_SIGNATURE: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
RESOURCE_SIGNATURE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
UNKNOWN_STRING: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWN_SENTINELS: Final = frozenset(
    {
        UNKNOWN_STRING,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_EXACT_INTEGER_LIMIT: Final = 2**53


class Unknown:
    """A value that is only known after other resources exist; there is one, :data:`UNKNOWN`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, _memo: object) -> Unknown:
        return self


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must never be shown; its representation hides it."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(...)"


def decode(struct: struct_pb2.Struct) -> dict[str, Any]:
    """The plain properties of a Struct, with markers for what Pulumi adds."""
    return {key: _decode_value(value) for key, value in struct.fields.items()}


def _decode_value(value: struct_pb2.Value) -> Value:
    kind = value.WhichOneof("kind")
    match kind:
        case "string_value":
            return UNKNOWN if value.string_value in _UNKNOWN_SENTINELS else value.string_value
        case "number_value":
            return _number(value.number_value)
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_decode_value(item) for item in value.list_value.values]
        case "struct_value":
            return _decode_struct(decode(value.struct_value))
    return None


def _number(value: float) -> int | float:
    return int(value) if value.is_integer() and abs(value) <= _EXACT_INTEGER_LIMIT else value


def _decode_struct(properties: dict[str, Any]) -> Value:
    match properties.get(SIGNATURE_KEY):
        case None:
            return properties
        case signature if signature == SECRET_SIGNATURE:
            return Secret(properties["value"])
        case signature if signature == OUTPUT_SIGNATURE:
            value = properties.get("value", UNKNOWN)
            return Secret(value) if properties.get("secret") is True else value
        case signature if signature == RESOURCE_SIGNATURE:
            return properties.get("id", properties["urn"])
        case signature if signature == ASSET_SIGNATURE:
            return Asset.from_properties(properties)
        case signature if signature == ARCHIVE_SIGNATURE:
            return Archive.from_properties(properties)
        case signature:
            message = f"the engine sent a value with the unknown signature {signature!r}"
            raise ValueError(message)


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """A Struct of plain properties; properties that are None are left out, as Pulumi does."""
    struct = struct_pb2.Struct()
    for key, value in properties.items():
        if value is not None:
            _encode_into(struct.fields[key], value)
    return struct


def _encode_into(target: struct_pb2.Value, value: Value) -> None:
    match value:
        case None:
            target.null_value = struct_pb2.NULL_VALUE
        case bool():
            target.bool_value = value
        case int() | float():
            target.number_value = value
        case str():
            target.string_value = value
        case Unknown():
            target.string_value = UNKNOWN_STRING
        case list() | tuple():
            target.list_value.SetInParent()
            for item in value:
                _encode_into(target.list_value.values.add(), item)
        case _:
            target.struct_value.SetInParent()
            for key, item in _struct_properties(value).items():
                if item is not None:
                    _encode_into(target.struct_value.fields[key], item)


def _struct_properties(value: Value) -> Mapping[str, Any]:
    match value:
        case Secret():
            return {SIGNATURE_KEY: SECRET_SIGNATURE, "value": value.value}
        case Asset() | Archive():
            return {SIGNATURE_KEY: value.signature, **value.properties()}
        case Mapping():
            return value
    message = f"a value of type {type(value).__name__} has no form on Pulumi's wire"
    raise TypeError(message)


def reveal(value: Value) -> Value:
    """The value without secret markers, at any depth."""
    match value:
        case Secret():
            return reveal(value.value)
        case dict():
            return {key: reveal(item) for key, item in value.items()}
        case list():
            return [reveal(item) for item in value]
    return value


def _any(value: Value, test: Callable[[Any], bool]) -> bool:
    if test(value):
        return True
    match value:
        case Secret():
            return _any(value.value, test)
        case dict():
            return any(_any(item, test) for item in value.values())
        case list():
            return any(_any(item, test) for item in value)
        case Archive():
            return any(_any(item, test) for item in (value.assets or {}).values())
    return False


def has_secret(value: Value) -> bool:
    """Whether the value is a secret or holds one."""
    return _any(value, lambda item: isinstance(item, Secret))


def has_unknown(value: Value) -> bool:
    """Whether the value is unknown or holds an unknown."""
    return _any(value, lambda item: item is UNKNOWN)


def seal(outputs: Mapping[str, Any], *sources: Mapping[str, Any]) -> dict[str, Any]:
    """Marks each output as secret whose property of the same name is secret in one of the sources.

    All tags are secret when the program's own are.

    Args:
        outputs: plain properties.
        sources: properties with secret markers, such as the inputs and the previous outputs.
    """
    secret = {name for source in sources for name, value in source.items() if has_secret(value)}
    if "tags" in secret:
        secret.add("tagsAll")
    return {
        name: Secret(reveal(value)) if name in secret and value is not None else value
        for name, value in outputs.items()
    }
