"""Check, diff, create, read, update and delete on plain values; the server only packs and unpacks."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from headway_sandbox.provider import checks, diffs, drift, planning, registry, schema, stand_ins
from headway_sandbox.provider.aws import Aws, partition_of
from headway_sandbox.provider.configuration import Configuration
from headway_sandbox.provider.lifecycle import Clock, Lifecycle, PartialFailureError
from headway_sandbox.provider.paths import covered, is_ignored, top_of
from headway_sandbox.provider.reading import derive
from headway_sandbox.provider.requests import request_shapes
from headway_sandbox.provider.schema import ResourceSchema
from headway_sandbox.provider.table import ResourceType
from headway_sandbox.provider.values import Properties, Value
from headway_sandbox.provider.wire import UNKNOWN, has_unknown, reveal, seal


@dataclass(frozen=True)
class Difference:
    """What a diff found.

    Attributes:
        changes: every changed property.
        delete_before_replace: whether the old resource must go before a new one can be made.
    """

    changes: tuple[diffs.Change, ...]
    delete_before_replace: bool


class Resources:
    """The resources of one configured provider.

    Args:
        configuration: what the provider was configured with.
        clock: time for waiting.
    """

    def __init__(self, configuration: Configuration, clock: Clock) -> None:
        self._configuration = configuration
        self._clock = clock
        self.aws = Aws(configuration.target)
        self._lock = threading.Lock()
        self._regions: dict[str, Aws] = {self.aws.region: self.aws}

    def _in_region(self, region: Value) -> Aws:
        if not isinstance(region, str):
            return self.aws
        with self._lock:
            target = dataclasses.replace(self._configuration.target, region=region)
            return self._regions.setdefault(region, Aws(target))

    def _lifecycle(self, token: str, *sources: Mapping[str, Any]) -> Lifecycle:
        named = (source["region"] for source in sources if source.get("region") is not None)
        aws = self._in_region(reveal(next(named, None)))
        tags = self._configuration.default_tags
        return Lifecycle(aws, registry.table(token), schema.of(token), tags, self._clock)

    def _type(self, token: str) -> tuple[ResourceType, ResourceSchema]:
        """Table and schema of a type; a plan without a sandbox may hold types that have no table."""
        if self._configuration.target.endpoint_url is None:
            return planning.table(token), planning.declared(token)
        return registry.table(token), schema.of(token)

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
        table, described = self._type(token)
        declared = described.inputs
        inputs: Properties = {
            name: checks.serialise_documents(value, declared.properties.get(name))
            for name, value in news.items()
            if value is not None
        }
        deploys = self._configuration.target.endpoint_url is not None
        validator = checks.Validator(table, declared, request_shapes(table, self.aws), deploys=deploys)
        problems = validator.problems(inputs)
        inputs, name_problems = checks.named(table, inputs, olds, naming)
        return checks.with_defaults(table, inputs), [*problems, *name_problems]

    def diff(
        self,
        token: str,
        logical_name: str,
        *,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        state: Mapping[str, Any],
        ignored: Collection[str] = (),
    ) -> Difference:
        """What changed between old and new inputs.

        Args:
            token: resource type.
            logical_name: name of the resource in the program.
            olds: inputs that the resource was last made with.
            news: checked inputs of the program.
            state: the resource's outputs.
            ignored: paths whose changes the program ignores; of a refresh the engine leaves them in.
        """
        table, declared = self._type(token)
        plain_olds, plain_news = reveal(dict(olds)), reveal(dict(news))
        comparison = diffs.Comparison(table, declared.inputs)
        changes = [change for change in comparison.changes(plain_olds, plain_news) if change.path != "region"]
        if self._region_moves(plain_news, state):
            changes.append(diffs.Change("region", "update", replaces=True))
        if self._default_tags_moved(table, plain_news, state) and not any(
            top_of(change.path) == "tags" for change in changes
        ):
            changes.append(diffs.Change("tagsAll", "update", replaces=False))
        changes = [change for change in changes if not is_ignored(ignored, change.path)]
        present = {**reveal(dict(state)), **plain_olds}
        replaces = any(change.replaces for change in changes)
        # The engine asks for another made-up name once it knows that the resource is replaced.
        collides = diffs.keeps_identity(table, present, plain_news) and not checks.is_made_up(
            table, logical_name, plain_news
        )
        first = replaces and (table.delete_first or collides)
        return Difference(tuple(changes), first)

    def _region_moves(self, news: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
        wanted = news.get("region")
        if wanted is None:
            wanted = self._configuration.target.region
        present = reveal(state.get("region"))
        return wanted is not None and present is not None and wanted != present

    def _default_tags_moved(self, table: ResourceType, news: Properties, state: Mapping[str, Any]) -> bool:
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
        """Id and outputs of a resource that does not exist yet; makes no call.

        What only AWS can tell is unknown, and so is what follows from a name that the update makes up anew.
        """
        table, declared = self._type(token)
        plain = reveal(dict(inputs))
        made_up = checks.is_made_up(table, logical_name, plain)
        predicted = {} if made_up else derive(table, {**plain, **self._places(plain)})
        predicted = {**self._certain(table, plain), **predicted}
        outputs: Properties = {}
        for name in declared.outputs.properties:
            if name in inputs or name in predicted:
                outputs[name] = inputs[name] if name in inputs else predicted[name]
            elif name not in declared.inputs.properties or covered(table.computed, name):
                outputs[name] = UNKNOWN
        if os.environ.get(stand_ins.VARIABLE) == "1":
            resource_id, outputs = stand_ins.fill(token, logical_name, inputs, outputs, self._places(plain))
            return resource_id, seal(outputs, inputs)
        known = not made_up and all(isinstance(plain.get(name), str) for name in table.id)
        return (table.id_of(plain) if known else ""), seal(outputs, inputs)

    def _certain(self, table: ResourceType, inputs: Properties) -> Properties:
        certain: Properties = {}
        if table.tagging is not None:
            certain["tagsAll"] = self._all_tags(inputs)
        if self._configuration.target.region is not None:
            certain["region"] = self._configuration.target.region
        return certain

    def _places(self, inputs: Properties) -> Properties:
        region = inputs.get("region")
        region = region if region is not None else self._configuration.target.region
        places: Properties = {"account": self._configuration.target.account}
        if isinstance(region, str):
            places |= {"region": region, "partition": partition_of(region)}
        return places

    def create(self, token: str, inputs: Mapping[str, Any]) -> tuple[str, Properties]:
        """Creates a resource; returns its id and outputs.

        Raises:
            AwsError: nothing was created.
            PartialFailureError: it exists, but a later call or wait failed.
        """
        try:
            resource_id, outputs = self._lifecycle(token, inputs).create(reveal(dict(inputs)))
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
        lifecycle = self._lifecycle(token, state, inputs)
        plain_state = reveal(dict(state))
        live = lifecycle.read(resource_id, {**reveal(dict(inputs)), **plain_state})
        if live is None:
            return None
        if not inputs and not state:
            found = drift.imported(table, declared, live)
            return found, lifecycle.outputs(found, live)
        new_inputs, outputs = drift.refreshed(
            table, declared, inputs, plain_state, live=live, readable=lifecycle.readable()
        )
        return new_inputs, seal(outputs, inputs, state)

    def preview_update(
        self, token: str, state: Mapping[str, Any], olds: Mapping[str, Any], news: Mapping[str, Any]
    ) -> Properties:
        """Outputs after an update that is only planned; makes no call."""
        table, declared = self._type(token)
        outputs: Properties = {}
        for name in declared.outputs.properties:
            kept = name not in declared.inputs.properties or name not in olds or covered(table.computed, name)
            if name in news:
                outputs[name] = news[name]
            elif name in table.volatile:
                outputs[name] = UNKNOWN
            elif kept and name in state:
                outputs[name] = state[name]
        if table.tagging is not None:
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
            AwsError: the service refused the first call; nothing has changed.
            PartialFailureError: some of the change took effect.
        """
        difference = self.diff(token, "", olds=olds, news=news, state=state)
        # Without a change, the engine repeats what failed after creation: everything is put in line.
        changed = frozenset(top_of(change.path) for change in difference.changes) or frozenset(news)
        plain_state, plain_news = reveal(dict(state)), reveal(dict(news))
        try:
            outputs = self._lifecycle(token, state, news).update(
                resource_id, plain_state, plain_news, changed
            )
        except PartialFailureError as error:
            raise PartialFailureError(error.id, seal(error.outputs, news), error.reason) from error
        return seal(outputs, news)

    def delete(
        self, token: str, resource_id: str, state: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> None:
        """Deletes a resource; a missing one is a success.

        Raises:
            AwsError: the service refused the deletion.
            WaitError: it is still there after the time that deletions may take.
        """
        known = {**reveal(dict(inputs)), **reveal(dict(state))}
        self._lifecycle(token, state, inputs).delete(resource_id, known)
