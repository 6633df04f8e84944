"""Writes the files under ``schema/`` from the installed pulumi_aws.

Run ``python -m headway_sandbox.provider.schema_generator`` after a type's table was added or pulumi_aws was
updated; a test compares the files with what this module would write.
"""

from __future__ import annotations

import collections.abc
import importlib
import importlib.util
import inspect
import json
import re
import types
import typing
from pathlib import Path
from typing import Any

from headway_sandbox.provider import registry
from headway_sandbox.provider.schema import SCHEMA_DIR
from headway_sandbox.provider.values import Value

_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", Any: "any"}
_PYTHON_MODULES = {"lambda": "lambda_"}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _classes(token: str) -> tuple[type, type]:
    """The resource class of a token and the class of its arguments."""
    _, module, name = token.split(":")
    package, file = module.split("/")
    package = _PYTHON_MODULES.get(package, package)
    loaded = importlib.import_module(f"pulumi_aws.{package}.{_snake(file)}")
    arguments = next(item for item in loaded.__all__ if item.endswith("Args"))
    return getattr(loaded, name), getattr(loaded, arguments)


def _origin(annotation: Value) -> Value:
    return typing.get_origin(annotation)


def _members(annotation: Value) -> list[Any]:
    """The alternatives of a union, without None and the wrappers that make a value a Pulumi input."""
    if typing.get_origin(annotation) in {typing.Union, types.UnionType}:
        return [member for part in typing.get_args(annotation) for member in _members(part)]
    if annotation is type(None) or _origin(annotation) is collections.abc.Awaitable:
        return []
    if isinstance(annotation, typing.ForwardRef) and annotation.__forward_arg__ == "Output[T]":
        return []
    return [annotation]


def _is_document(member: Value) -> bool:
    name = member.__forward_arg__ if isinstance(member, typing.ForwardRef) else member
    return isinstance(name, str) and name.split(".")[-1].endswith(("Args", "ArgsDict"))


class _Walker:
    """Turns annotations into the compact JSON form, resolving forward references in a package's modules."""

    def __init__(self, package: str, side: str) -> None:
        found = importlib.util.find_spec(f"pulumi_aws.{package}.{side}")
        # A package whose types have no blocks has no such module.
        self._types = vars(importlib.import_module(found.name)) if found is not None else {}

    def form(self, annotation: Value) -> Value:
        members = _members(annotation)
        if str in members:
            # Text or an enumeration's name is text; text or a policy document's class is JSON text.
            return "json" if any(_is_document(member) for member in members) else "string"
        return self._single(members[0]) if members else "any"

    def _single(self, annotation: Value) -> Value:
        if isinstance(annotation, typing.ForwardRef):
            return self._single(self._types[annotation.__forward_arg__.split(".")[-1]])
        if isinstance(annotation, str):
            return self._single(self._types[annotation.split(".")[-1]])
        if annotation in _SCALARS:
            return _SCALARS[annotation]
        origin = _origin(annotation)
        if origin in {collections.abc.Sequence, list}:
            return {"list": self.form(typing.get_args(annotation)[0])}
        if origin in {collections.abc.Mapping, dict}:
            return {"map": self.form(typing.get_args(annotation)[1])}
        if isinstance(annotation, type):
            return self._class(annotation)
        message = f"no compact form for the annotation {annotation!r}"
        raise TypeError(message)

    def _class(self, annotation: type) -> Value:
        if issubclass(annotation, str):
            return "string"
        if annotation.__module__.startswith("pulumi.asset"):
            return "asset"
        return {"object": self.properties(annotation)}

    def properties(self, annotation: type) -> dict[str, Any]:
        """Properties of a generated class by their camelCase name; required ones end in ``!``."""
        parameters = inspect.signature(annotation.__init__).parameters  # type: ignore[misc]
        found: dict[str, Any] = {}
        for name, value in sorted(vars(annotation).items()):
            if (
                not isinstance(value, property)
                or value.fget is None
                or (name in {"id", "urn"} and name not in parameters)
            ):
                continue
            camel = getattr(value.fget, "_pulumi_name", None)
            if camel is None:
                continue
            declared = parameters.get(name)
            required = declared is not None and declared.default is inspect.Parameter.empty
            returns = value.fget.__annotations__["return"]
            found[camel + ("!" if required else "")] = self.form(returns)
        return found


def _outputs(resource: type, walker: _Walker) -> dict[str, Any]:
    from pulumi import _types  # noqa: PLC0415 - only the generator pays for pulumi

    return {name: walker.form(kind) for name, kind in sorted(_types.resource_types(resource).items())}


def describe(token: str) -> dict[str, Any]:
    """The compact schema of one resource type.

    Args:
        token: pulumi-aws type token.
    """
    resource, arguments = _classes(token)
    package = resource.__module__.split(".")[1]
    return {
        "inputs": _Walker(package, "_inputs").properties(arguments),
        "outputs": _outputs(resource, _Walker(package, "outputs")),
    }


def generate() -> dict[str, str]:
    """File name to file text, for every type that has a table."""
    modules: dict[str, dict[str, Any]] = {}
    for token in sorted(registry.tokens()):
        modules.setdefault(token.split(":")[1].split("/")[0], {})[token] = describe(token)
    return {
        f"{module}.json": json.dumps(content, indent=1, sort_keys=True) + "\n"
        for module, content in modules.items()
    }


def main(directory: Path = SCHEMA_DIR) -> None:
    """Writes all files into a directory and removes files of modules that have no table any more."""
    files = generate()
    directory.mkdir(exist_ok=True)
    for stale in directory.glob("*.json"):
        if stale.name not in files:
            stale.unlink()
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
