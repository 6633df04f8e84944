"""Finds the table of a resource type. A service's module is imported when the first of its types is used."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

from headway_sandbox.provider import types
from headway_sandbox.provider.table import ResourceType


class UnknownTypeError(LookupError):
    """The stand-in has no table for a resource type; the message says which types it has."""


def _module_names() -> list[str]:
    return sorted(item.name for item in pkgutil.iter_modules(types.__path__) if not item.name.startswith("_"))


@cache
def _tables(module_name: str) -> dict[str, ResourceType]:
    module: ModuleType = importlib.import_module(f"{types.__name__}.{module_name}")
    tables: tuple[ResourceType, ...] = module.TYPES
    return {table.pulumi_type: table for table in tables}


def tokens() -> frozenset[str]:
    """Tokens of all resource types that have a table."""
    return frozenset(token for name in _module_names() for token in _tables(name))


@cache
def table(token: str) -> ResourceType:
    """The table of a resource type.

    Args:
        token: pulumi-aws type token.

    Raises:
        UnknownTypeError: there is no table for it.
    """
    module_name = token.split(":")[1].split("/", maxsplit=1)[0].rstrip("_") if token.count(":") == 2 else ""
    module_name = {"lambda": "lambda_"}.get(module_name, module_name)
    if module_name in _module_names():
        found = _tables(module_name).get(token)
        if found is not None:
            return found
    near = sorted(known for known in tokens() if known.split("/")[0] == token.split("/", maxsplit=1)[0])
    known_text = f"; of this service it has {', '.join(near)}" if near else ""
    message = (
        f"the sandbox's stand-in for the AWS provider has no resource type {token}{known_text}. "
        "Without a sandbox it can be planned (`headway gate --stack STACK`); deploy it to AWS with the "
        "official provider, and leave it out of stacks for the sandbox."
    )
    raise UnknownTypeError(message)
