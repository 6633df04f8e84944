"""The stand-in's package schema in Pulumi's own form, from the compact schemas of the types that it has.

The engine asks for it where it writes a program for imported resources, and `pulumi package get-schema`
shows it. Pure.
"""

from __future__ import annotations

from typing import Any

from headway_sandbox.provider import registry, schema
from headway_sandbox.provider.schema import ListOf, MapOf, ObjectOf, PropertyType, Scalar
from headway_sandbox.provider.values import Properties

_SCALARS: dict[str, Properties] = {
    "any": {"$ref": "pulumi.json#/Any"},
    "asset": {"$ref": "pulumi.json#/Asset"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "json": {"type": "string"},
    "number": {"type": "number"},
    "string": {"type": "string"},
}


class _Types:
    """Named types of blocks: the schema's language has no nested objects."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}

    def form(self, kind: PropertyType, name: str) -> Properties:
        """A property's type; ``name`` is the token that a block below it gets."""
        match kind:
            case ObjectOf():
                self.found[name] = {"type": "object", **self.properties(kind, name, "properties", "required")}
                return {"$ref": f"#/types/{name}"}
            case ListOf():
                return {"type": "array", "items": self.form(kind.item, name)}
            case MapOf():
                return {"type": "object", "additionalProperties": self.form(kind.item, name)}
            case Scalar():
                return _SCALARS[kind.kind]

    def properties(self, kind: ObjectOf, name: str, listed: str, required: str) -> Properties:
        """Properties and which of them are required, under the names that the caller needs."""
        package, path, _ = name.split(":")
        found = {}
        for prop, inner in sorted(kind.properties.items()):
            block = f"{path.split('/')[-1]}{prop[:1].upper()}{prop[1:]}"
            module = path.split("/", maxsplit=1)[0]
            title = f"{block[:1].upper()}{block[1:]}"
            found[prop] = self.form(inner, f"{package}:{module}/{block}:{title}")
        return {listed: found, required: sorted(kind.required)}


def document(version: str) -> Properties:
    """The package schema.

    Args:
        version: version of pulumi-aws that the stand-in answers for.
    """
    types, resources = _Types(), {}
    for token in sorted(registry.tokens()):
        described = schema.of(token)
        resources[token] = {
            **types.properties(described.outputs, token, "properties", "required"),
            **types.properties(described.inputs, token, "inputProperties", "requiredInputs"),
        }
    return {"name": "aws", "version": version, "types": types.found, "resources": resources}
