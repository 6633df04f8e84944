"""What a refresh or an import makes of a live resource. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headway_sandbox.provider.checks import with_defaults
from headway_sandbox.provider.diffs import Comparison, empty
from headway_sandbox.provider.paths import covered
from headway_sandbox.provider.schema import ResourceSchema
from headway_sandbox.provider.table import ResourceType
from headway_sandbox.provider.values import Properties, Value
from headway_sandbox.provider.wire import Secret, reveal

_NOT_IMPORTED = frozenset({"tagsAll", "region", "timeouts"})


def refreshed(
    table: ResourceType,
    schema: ResourceSchema,
    inputs: Mapping[str, Any],
    state: Mapping[str, Any],
    *,
    live: Properties,
    readable: frozenset[str],
) -> tuple[Properties, Properties]:
    """Inputs and outputs after a refresh.

    A property drifted when its live value is another one than the state's, whatever the program's text is.
    Only then it is taken over into the inputs, so that the next diff with the program shows it.

    Args:
        table: the type's table.
        schema: the type's properties.
        inputs: inputs that the resource was last made with, secret markers included.
        state: its outputs without secret markers.
        live: properties of the live resource.
        readable: properties that the reads can tell; the absence of another one says nothing.
    """
    comparison = Comparison(table, schema.outputs)
    new_inputs, outputs = dict(inputs), dict(state)
    for name in schema.outputs.properties:
        value = live.get(name)
        if name in table.unread or (value is None and name not in readable):
            continue
        if comparison.same(name, state.get(name), value):
            continue
        outputs[name] = value
        if name in inputs or not covered(table.computed, name):
            _take_over(schema, new_inputs, name, value)
        for source in table.fingerprints.get(name, ()):
            if name not in inputs:
                new_inputs.pop(source, None)
    return _present(new_inputs), _present(outputs)


def _take_over(schema: ResourceSchema, inputs: Properties, name: str, value: Value) -> None:
    if name in schema.inputs.properties and name != "region":
        inputs[name] = Secret(value) if isinstance(inputs.get(name), Secret) else value


def imported(table: ResourceType, schema: ResourceSchema, live: Properties) -> Properties:
    """Inputs that describe a live resource: what is set and is not AWS's own choice to make.

    Args:
        table: the type's table.
        schema: the type's properties.
        live: properties of the live resource.
    """
    inputs: Properties = {}
    for name in schema.inputs.properties:
        value = _without_empty(reveal(live.get(name)))
        if name in _NOT_IMPORTED or covered(table.unsupported, name):
            continue
        # A switch that is off says something where it would be on by default.
        if not empty(value) or (value is not None and name in table.defaults):
            inputs[name] = value
    return with_defaults(table, inputs)


def _present(properties: Properties) -> Properties:
    return {name: value for name, value in properties.items() if value is not None}


def _without_empty(value: Value) -> Value:
    match value:
        case dict():
            kept = {key: _without_empty(item) for key, item in value.items()}
            return {key: item for key, item in kept.items() if item is not None and item not in ([], {})}
        case list():
            return [_without_empty(item) for item in value]
    return value
