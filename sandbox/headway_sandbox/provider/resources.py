"""Check, diff, create, read, update and delete of one resource on plain values; the server only packs and unpacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import StructureShape

from headway_sandbox.provider import checks, diffs, registry, schema
from headway_sandbox.provider.aws import Aws, partition_of
from headway_sandbox.provider.configuration import Configuration
from headway_sandbox.provider.lifecycle import Lifecycle, PartialFailureError, derive
from headway_sandbox.provider.paths import covered
from headway_sandbox.provider.table import ResourceType
from headway_sandbox.provider.values import Properties, Value
from headway_sandbox.provider.wire import UNKNOWN, Secret, has_unknown, reveal, seal


@dataclass(frozen=True)
class Difference:
    """What a diff found.

    Attributes:
        changes: every changed property.
        delete_before_replace: whether the old resource must go before a new one can be made.
    """

    changes: tuple[diffs.Change, ...]
    delete_before_replace: bool

    @property
    def replaces(self) -> bool:
        """Whether the resource is replaced."""
        return any(change.replaces for change in self.changes)


class Resources:
    """The resources of one configured provider.

    Args:
        configuration: what the provider was configured with.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._aws = Aws(configuration.target)

    @property
    def aws(self) -> Aws:
        """The sandbox."""
        return self._aws

    def _lifecycle(self, token: str) -> Lifecycle:
        return Lifecycle(self._aws, registry.table(token), schema.of(token), self._configuration.default_tags)

    def check(
        self, token: str, olds: Mapping[str, Any], news: Mapping[str, Any], naming: checks.Naming
    ) -> tuple[Properties, list[checks.Problem]]:
        """The inputs with defaults and name, and what is wrong with them.

        Args:
            token: resource type.
            olds: inputs of the existing resource, empty for a new one.
            news: the program's inputs.
            naming: what the engine says about names.
        """
        table, declared = registry.table(token), schema.of(token).inputs
        inputs: Properties = {name: value for name, value in news.items() if value is not None}
        inputs = {
            name: checks.serialise_documents(value, declared.properties.get(name))
            for name, value in inputs.items()
        }
        problems = checks.Validator(table, declared, self._request_shape(table)).problems(inputs)
        inputs, name_problems = checks.named(table, inputs, olds, naming)
        inputs = checks.with_defaults(table, inputs)
        missing = {problem.property for problem in name_problems}
        return inputs, [problem for problem in problems if problem.property not in missing] + name_problems

    def _request_shape(self, table: ResourceType) -> StructureShape | None:
        if table.create is None:
            return None
        shape: StructureShape | None = self._aws.operation(table.service, table.create.operation).input_shape
        return shape

    def diff(
        self, token: str, olds: Mapping[str, Any], news: Mapping[str, Any], state: Mapping[str, Any]
    ) -> Difference:
        """What changed between old and new inputs.

        Args:
            token: resource type.
            olds: inputs that the resource was last made with.
            news: checked inputs of the program.
            state: the resource's outputs.
        """
        table = registry.table(token)
        plain_olds, plain_news = reveal(olds), reveal(news)
        found = diffs.Comparison(table, schema.of(token).inputs).changes(plain_olds, plain_news)
        changes = [
            change
            for change in found
            if change.path != "region" or self._region_moves(change, plain_news, state)
        ]
        if not any(change.path.split(".")[0] == "tags" for change in changes) and self._default_tags_moved(
            table, plain_news, state
        ):
            changes.append(diffs.Change("tagsAll", "update", replaces=False))
        identity = {**state, **plain_olds}
        first = any(change.replaces for change in changes) and (
            table.delete_first or diffs.keeps_identity(table, reveal(identity), plain_news)
        )
        return Difference(tuple(changes), first)

    def _region_moves(self, change: diffs.Change, news: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
        wanted = news.get("region")
        if wanted is None:
            wanted = self._configuration.target.region
        present = reveal(state.get("region"))
        return not (wanted is None or wanted == present) and change.replaces

    def _default_tags_moved(
        self, table: ResourceType, news: Mapping[str, Any], state: Mapping[str, Any]
    ) -> bool:
        if table.tagging is None or "tagsAll" not in state:
            return False
        wanted = self._all_tags(news)
        return not has_unknown(wanted) and wanted != (reveal(state["tagsAll"]) or {})

    def _all_tags(self, inputs: Mapping[str, Any]) -> Value:
        tags = inputs.get("tags")
        if tags is UNKNOWN:
            return UNKNOWN
        return {**self._configuration.default_tags, **(tags if tags is not None else {})}

    def preview_create(
        self, token: str, logical_name: str, inputs: Mapping[str, Any]
    ) -> tuple[str, Properties]:
        """Id and outputs of a resource that does not exist yet: unknown where only AWS can tell. Makes no call."""
        table, plain = registry.table(token), reveal(inputs)
        made_up = checks.is_made_up(table, logical_name, plain)
        predicted = {} if made_up else derive(table, plain, self._places(), None)
        outputs: Properties = {}
        for name in schema.of(token).outputs.properties:
            if name in inputs:
                outputs[name] = self._input_preview(table, name, inputs[name])
            elif name in predicted:
                outputs[name] = predicted[name]
            elif name == "tagsAll":
                outputs[name] = self._all_tags(plain)
            elif name == "region" and self._configuration.target.region is not None:
                outputs[name] = self._configuration.target.region
            elif name not in schema.of(token).inputs.properties or covered(table.computed, name):
                outputs[name] = UNKNOWN
        known = not made_up and all(isinstance(plain.get(name), str) for name in table.id)
        return (table.id_of(plain) if known else ""), seal(outputs, inputs)

    def _input_preview(self, table: ResourceType, name: str, value: Value) -> Value:
        # The live form of an identity that AWS rewrites is only known afterwards.
        return value if name not in table.equivalent else UNKNOWN if has_unknown(value) else value

    def _places(self) -> dict[str, str]:
        target = self._configuration.target
        places = {"account": target.account or ""}
        if target.region is not None:
            places |= {"region": target.region, "partition": partition_of(target.region)}
        return places

    def create(self, token: str, inputs: Mapping[str, Any]) -> tuple[str, Properties]:
        """Creates a resource; returns its id and outputs.

        Raises:
            AwsError: nothing was created.
            PartialFailureError: it exists, but a later call or wait failed.
        """
        try:
            resource_id, outputs = self._lifecycle(token).create(reveal(dict(inputs)))
        except PartialFailureError as error:
            raise PartialFailureError(error.id, seal(error.outputs, inputs), error.reason) from error
        return resource_id, seal(outputs, inputs)

    def read(
        self, token: str, resource_id: str, inputs: Mapping[str, Any], state: Mapping[str, Any]
    ) -> tuple[Properties, Properties] | None:
        """Inputs and outputs of the live resource, or None when it is gone.

        Args:
            token: resource type.
            resource_id: id of the resource.
            inputs: inputs that it was last made with; empty for an import.
            state: its outputs; empty for an import.
        """
        table, declared = registry.table(token), schema.of(token)
        lifecycle = self._lifecycle(token)
        plain_inputs, plain_state = reveal(dict(inputs)), reveal(dict(state))
        live = lifecycle.read(resource_id, plain_state)
        if live is None:
            return None
        if not inputs and not state:
            imported = self._imported(table, declared.inputs, live)
            return imported, lifecycle.outputs(imported, live)
        comparison = diffs.Comparison(table, declared.outputs)
        new_inputs, outputs = dict(inputs), dict(plain_state)
        for name in declared.outputs.properties:
            value = live.get(name)
            if (
                (value is None and name not in _clearable(table))
                or name in table.local
                or name in table.write_only
            ):
                continue
            if comparison.same(name, plain_state.get(name), value):
                continue
            outputs[name] = value
            if name in declared.inputs.properties and name != "region":
                self._drift(table, new_inputs, plain_inputs, name, value)
        kept = {name: value for name, value in outputs.items() if value is not None}
        return {name: value for name, value in new_inputs.items() if value is not None}, seal(
            kept, inputs, state
        )

    def _drift(
        self, table: ResourceType, inputs: Properties, plain: Properties, name: str, value: Value
    ) -> None:
        """Takes a drifted value over into the inputs, so that the next diff sees it."""
        if name not in plain and covered(table.computed, name):
            return
        inputs[name] = Secret(value) if isinstance(inputs.get(name), Secret) else value

    def _imported(self, table: ResourceType, declared: schema.ObjectOf, live: Properties) -> Properties:
        """Inputs that describe a live resource: what is set and not AWS's own choice."""
        inputs: Properties = {}
        for name in declared.properties:
            value = _without_empty(live.get(name))
            skipped = name in {"tagsAll", "region"} or covered(table.unsupported, name)
            if not skipped and not diffs.empty(value):
                inputs[name] = value
        return checks.with_defaults(table, inputs)

    def preview_update(
        self, token: str, state: Mapping[str, Any], olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> Properties:
        """Outputs after an update that is only planned. Makes no call."""
        table, declared = registry.table(token), schema.of(token)
        outputs = {name: value for name, value in state.items() if name not in declared.inputs.properties}
        for name in declared.inputs.properties:
            if name in news:
                outputs[name] = news[name]
            elif name in state and (name not in olds or covered(table.computed, name)):
                outputs[name] = state[name]
        outputs |= dict.fromkeys(table.volatile & declared.outputs.properties.keys(), UNKNOWN)
        if table.tagging is not None and "tagsAll" in declared.outputs.properties:
            outputs["tagsAll"] = self._all_tags(reveal(dict(news)))
        return seal({name: reveal(value) for name, value in outputs.items()}, news, state)

    def update(
        self,
        token: str,
        resource_id: str,
        state: Mapping[str, Any],
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
    ) -> Properties:
        """Changes a resource in place; returns its outputs.

        Raises:
            AwsError: the service refused a call.
            PartialFailureError: the calls were made, but the resource did not settle.
        """
        difference = self.diff(token, olds, news, state)
        changed = frozenset(change.path.split(".")[0].split("[")[0] for change in difference.changes)
        plain = reveal(dict(news))
        try:
            outputs = self._lifecycle(token).update(resource_id, reveal(dict(state)), plain, changed)
        except PartialFailureError as error:
            raise PartialFailureError(error.id, seal(error.outputs, news, state), error.reason) from error
        return seal(outputs, news)

    def delete(
        self, token: str, resource_id: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> None:
        """Deletes a resource; a missing one is a success."""
        plain = {**reveal(dict(inputs)), **reveal(dict(state))}
        self._lifecycle(token).delete(resource_id, plain)


def _clearable(table: ResourceType) -> frozenset[str]:
    return frozenset({"tags"}) if table.tagging is not None else frozenset()


def _without_empty(value: Value) -> Value:
    match value:
        case dict():
            kept = {key: _without_empty(item) for key, item in value.items()}
            return {key: item for key, item in kept.items() if item is not None and item not in ([], {})}
        case list():
            return [_without_empty(item) for item in value]
    return value
