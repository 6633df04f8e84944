"""One resource of the round trip: what it is made with, and what happens to it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

Arguments = Callable[[Any], Mapping[str, Any]]
Client = Callable[[str], Any]
Outside = Callable[[Client, str, Mapping[str, Any]], object]

_PACKAGES = {"lambda": "lambda_"}


def nothing(_made: Any) -> Mapping[str, Any]:
    """The arguments of a phase that changes nothing."""
    return {}


@dataclass(frozen=True)
class Case:
    """One resource.

    Attributes:
        name: logical name; also the attribute that later cases find it by.
        token: pulumi-aws type token.
        first: arguments of the creation, from the resources made so far.
        changed: arguments that are then changed in place.
        replaced: arguments whose change needs a new resource.
        outside: changes the live resource behind Pulumi's back: client by service, id, outputs.
        options: options of the resource.
        import_id: the id to import it by, from the state's id and outputs.
        after: names of resources that it depends on, beside those in its arguments.
        unimported: properties that nobody can tell an import, so that the next update brings them.
        stays: whether it is still there after the stack was destroyed, as AWS keeps it.
    """

    name: str
    token: str
    first: Arguments
    changed: Arguments = nothing
    replaced: Arguments = nothing
    outside: Outside | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    import_id: Callable[[str, Mapping[str, Any]], str] = lambda resource_id, _outputs: resource_id
    after: tuple[str, ...] = ()
    unimported: frozenset[str] = frozenset()
    stays: bool = False

    def arguments(self, phase: str, made: SimpleNamespace) -> dict[str, Any]:
        """The arguments in a phase."""
        arguments = dict(self.first(made))
        if phase in {"changed", "replaced"}:
            arguments |= self.changed(made)
        if phase == "replaced":
            arguments |= self.replaced(made)
        return arguments

    def declare(self, phase: str, made: SimpleNamespace) -> Any:
        """Declares the resource in a Pulumi program."""
        import pulumi  # noqa: PLC0415 - only programs declare

        after = [getattr(made, name) for name in self.after]
        options = pulumi.ResourceOptions(depends_on=after, **self.options)
        return resource_class(self.token)(self.name, opts=options, **self.arguments(phase, made))


def resource_class(token: str) -> type:
    """The class of pulumi_aws for a type."""
    _, module, name = token.split(":")
    package, file = module.split("/")
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", file).lower()
    loaded = importlib.import_module(f"pulumi_aws.{_PACKAGES.get(package, package)}.{snake}")
    found: type = getattr(loaded, name)
    return found
