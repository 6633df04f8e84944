"""The life of a resource over its table: create, read, update, delete. The only module that strings calls together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import StructureShape

from headway_sandbox.provider import mapping, paths
from headway_sandbox.provider.aws import Aws, AwsError, partition_of
from headway_sandbox.provider.diffs import Comparison, same_json
from headway_sandbox.provider.schema import ObjectOf, ResourceSchema
from headway_sandbox.provider.table import Call, Read, ResourceType, Step
from headway_sandbox.provider.values import Properties, Value

_FIRST_POLL_S = 0.02
_LONGEST_POLL_S = 1.0
_GONE_TIMEOUT_S = 600.0


class PartialFailureError(Exception):
    """The resource exists, but what had to follow failed.

    Attributes:
        id: id of the resource.
        outputs: what is known of it.
        reason: what failed, for a person.
    """

    def __init__(self, resource_id: str, outputs: Properties, reason: str) -> None:
        self.id = resource_id
        self.outputs = outputs
        self.reason = reason
        super().__init__(reason)


class WaitError(Exception):
    """A resource did not reach the status that it has to reach."""


@dataclass(frozen=True)
class Clock:
    """Time for polling, so that tests need not wait.

    Attributes:
        monotonic: seconds of a clock that never goes back.
        sleep: waits for a number of seconds.
    """

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Lifecycle:
    """Creates, reads, updates and deletes resources of one type.

    Args:
        aws: the sandbox.
        table: the type's table.
        schema: the type's properties.
        clock: time for polling.
        default_tags: tags that the provider's configuration puts on every resource.
    """

    def __init__(
        self,
        aws: Aws,
        table: ResourceType,
        schema: ResourceSchema,
        default_tags: Mapping[str, str],
        clock: Clock | None = None,
    ) -> None:
        self._aws = aws
        self._table = table
        self._schema = schema
        self._default_tags = default_tags
        self._clock = clock if clock is not None else Clock()
        self._comparison = Comparison(table, schema.inputs)

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Creates the resource; returns its id and outputs.

        Raises:
            AwsError: nothing was created.
            PartialFailureError: the resource exists, but a later call or wait failed.
        """
        sent = self._sent(inputs)
        if self._table.handler is not None:
            state = {**inputs, **self._table.handler.create(self._aws, sent)}
        else:
            assert self._table.create is not None
            answer = self._send(self._table.create, sent, {}, everything=True)
            state = {**sent, **self._answered(self._table.create.operation, answer)}
        state = {**state, **self._derived(state)}
        resource_id = self._table.id_of(state)
        try:
            for step in self._table.steps:
                if step.on_create and any(_given(sent, step)):
                    self._step(step, sent, state)
            self._tag_new(sent, state)
            self._wait(state)
            live = self._live(state)
        except (AwsError, WaitError) as error:
            raise PartialFailureError(resource_id, self._outputs(inputs, state), str(error)) from error
        return resource_id, self._outputs(inputs, {**state, **(live if live is not None else {})})

    def read(self, resource_id: str, state: Properties) -> Properties | None:
        """The live properties, or None when the resource is gone.

        Args:
            resource_id: the resource's id.
            state: what is known of it; empty for an import.
        """
        return self._live({**state, **self._table.identify(resource_id)})

    def update(
        self, resource_id: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> Properties:
        """Changes the resource in place; returns its outputs.

        Args:
            resource_id: the resource's id.
            state: outputs of the resource.
            inputs: the new inputs.
            changed: top-level properties that changed.
        """
        sent = self._sent(inputs)
        known = {**state, **self._table.identify(resource_id)}
        if self._table.handler is not None:
            self._table.handler.update(self._aws, known, sent, changed)
        else:
            self._apply_steps(sent, {**known, **_given_values(inputs)}, changed)
        if "tags" in changed or "tagsAll" in changed:
            self._retag(state, sent, known)
        known = {**known, **_given_values(inputs)}
        try:
            self._wait(known)
            live = self._live(known)
        except (AwsError, WaitError) as error:
            raise PartialFailureError(resource_id, self._outputs(inputs, known), str(error)) from error
        return self._outputs(inputs, {**known, **(live if live is not None else {})})

    def delete(self, resource_id: str, state: Properties) -> None:
        """Deletes the resource; a missing one is a success."""
        known = {**state, **self._table.identify(resource_id)}
        try:
            if self._table.before_delete is not None:
                self._table.before_delete(self._aws, known)
            if self._table.handler is not None:
                self._table.handler.delete(self._aws, known)
            for call in self._table.delete:
                self._send(call, known, known, everything=False)
        except AwsError as error:
            if not self._is_gone(error, self._table.reads[:1]):
                raise
            return
        if self._table.wait_deleted:
            self._poll(lambda: self._live(known) is None, _GONE_TIMEOUT_S, "it still exists")

    def outputs(self, inputs: Properties, live: Properties) -> Properties:
        """Outputs for known inputs and live properties."""
        return self._outputs(inputs, live)

    # How requests are made

    def _sent(self, inputs: Properties) -> Properties:
        sent = dict(inputs)
        if self._table.tagging is not None:
            tags = {**self._default_tags, **(inputs.get("tags") or {})}
            sent["tags"] = tags or None
        sent.pop("tagsAll", None)
        sent.pop("region", None)
        return self._table.fold(sent)

    def _send(self, call: Call, inputs: Properties, known: Properties, *, everything: bool) -> Properties:
        model = self._aws.operation(self._table.service, call.operation)
        shape = model.input_shape
        request: dict[str, Any] = dict(call.constants)
        if shape is not None:
            request.update(self._members(call, shape, inputs, everything=everything))
            request.update(self._identity(call.identity, shape, {**inputs, **known}))
        try:
            return self._aws.call(self._table.service, call.operation, request)
        except AwsError as error:
            if error.code in call.ignore:
                return {}
            raise

    def _members(
        self, call: Call, shape: StructureShape, inputs: Properties, *, everything: bool
    ) -> dict[str, Any]:
        values = call.fold(inputs)
        if call.only is not None:
            values = {name: values.get(name) for name in call.only}
        elif not everything:
            return {}
        builder = mapping.RequestBuilder(self._table.renames)
        declared = self._schema.inputs
        values = {
            name: value for name, value in values.items() if name in declared.properties and value is not None
        }
        members = builder.structure(shape, declared, values)
        lost = [path for path in builder.unmatched if self._must_be_sent(path, call)]
        if lost:
            raise mapping.UntranslatableError(lost)
        return members

    def _must_be_sent(self, path: str, call: Call) -> bool:
        """Whether a property without a member is a loss: nested ones always, others unless a step sends them."""
        top = path.split(".", maxsplit=1)[0].removesuffix("[]")
        if top != path:
            return True
        elsewhere = {name for step in self._table.steps for name in step.properties}
        return call is self._table.create and not (
            top in elsewhere
            or top in self._table.local
            or top == "tags"
            or top in self._table.identity.values()
        )

    def _identity(
        self, declared: Mapping[str, str] | None, shape: StructureShape | None, known: Properties
    ) -> dict[str, Any]:
        identity = self._table.identity if declared is None else declared
        if shape is None:
            return {}
        return {
            member: known[name]
            for member, name in identity.items()
            if known.get(name) is not None and (declared is not None or member in shape.members)
        }

    def _answered(self, operation: str, answer: Properties) -> Properties:
        """Properties in the create call's answer, whether at its top or one level below."""
        shape = self._aws.operation(self._table.service, operation).output_shape
        if shape is None:
            return {}
        reader = mapping.ResponseReader(self._table.renames)
        found = reader.structure(shape, self._schema.outputs, answer)
        for name, member in shape.members.items():
            if isinstance(member, StructureShape) and isinstance(answer.get(name), dict):
                found = {**reader.structure(member, self._schema.outputs, answer[name]), **found}
        return {name: value for name, value in found.items() if name != "tags"}

    # Steps, tags and waits

    def _apply_steps(self, inputs: Properties, known: Properties, changed: frozenset[str]) -> None:
        named = {name for step in self._table.steps for name in step.properties}
        for step in self._table.steps:
            touched = (
                changed & frozenset(step.properties)
                if step.properties
                else changed - named - {"tags", "tagsAll"}
            )
            if touched and (step.when is None or inputs.get(step.properties[0]) == step.when):
                self._step(step, inputs, known)

    def _step(self, step: Step, inputs: Properties, known: Properties) -> None:
        names = step.properties or tuple(self._schema.inputs.properties)
        value = inputs.get(names[0])
        if step.when is not None and value != step.when:
            return
        given = any(inputs.get(name) is not None for name in names)
        call = step.put if given or step.remove is None else step.remove
        self._send(call, inputs, known, everything=call.only is None)

    def _tag_new(self, inputs: Properties, state: Properties) -> None:
        tagging = self._table.tagging
        if tagging is not None and tagging.on_create and inputs.get("tags"):
            self._tag(inputs["tags"], state)

    def _tag(self, tags: Mapping[str, str], known: Properties) -> None:
        tagging = self._table.tagging
        assert tagging is not None
        shape = self._aws.operation(self._table.service, tagging.tag).input_shape
        assert shape is not None
        member = mapping.resolve(shape, tagging.member)
        assert member is not None
        declared = self._schema.inputs.properties["tags"]
        builder = mapping.RequestBuilder({"tags": tagging.member})
        request = builder.structure(shape, ObjectOf({"tags": declared}, frozenset()), {"tags": dict(tags)})
        request.update(self._identity(tagging.identity, shape, known))
        self._aws.call(self._table.service, tagging.tag, request)

    def _retag(self, state: Properties, inputs: Properties, known: Properties) -> None:
        tagging = self._table.tagging
        if tagging is None:
            return
        wanted: Mapping[str, str] = inputs.get("tags") or {}
        present: Mapping[str, str] = state.get("tagsAll") or state.get("tags") or {}
        gone = sorted(present.keys() - wanted.keys())
        identity = self._identity(tagging.identity, None, known) or {
            member: known[name] for member, name in tagging.identity.items()
        }
        if gone and tagging.untag:
            self._aws.call(self._table.service, tagging.untag, {**identity, tagging.keys: gone})
        if gone and not wanted and tagging.clear:
            self._aws.call(self._table.service, tagging.clear, identity)
        elif wanted and wanted != present:
            self._tag(wanted, known)

    def _wait(self, known: Properties) -> None:
        wait = self._table.wait
        if wait is None:
            return
        read = self._table.reads[0]

        def settled() -> bool:
            answer = self._answer(read, known)
            if answer is None:
                message = "it disappeared while it was being created"
                raise WaitError(message)
            status = paths.get(answer, wait.status)
            if status in wait.target or status is None:
                return True
            if status in wait.pending:
                return False
            reason = paths.get(answer, wait.reason) if wait.reason else None
            raise WaitError(f"{wait.status} is {status}" + (f": {reason}" if reason else ""))

        self._poll(settled, wait.timeout_s, f"{wait.status} is not one of {', '.join(sorted(wait.target))}")

    def _poll(self, settled: Callable[[], bool], timeout_s: float, still: str) -> None:
        deadline = self._clock.monotonic() + timeout_s
        pause_s = _FIRST_POLL_S
        while not settled():
            if self._clock.monotonic() >= deadline:
                message = f"after {timeout_s:.0f} s {still}"
                raise WaitError(message)
            self._clock.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _LONGEST_POLL_S)

    # How answers are read

    def _live(self, known: Properties) -> Properties | None:
        if self._table.handler is not None:
            found = self._table.handler.read(self._aws, known)
            return None if found is None else {**found, **self._derived({**known, **found})}
        live: Properties = {}
        context = dict(known)
        for index, read in enumerate(self._table.reads):
            answer = self._answer(read, context)
            if answer is None:
                if index == 0:
                    return None
                continue
            found = self._properties(read, answer)
            context.update({name: value for name, value in answer.items() if isinstance(value, str)})
            live.update(found)
            context.update(found)
        live = self._table.unfold({**self._table.identify(self._table.id_of({**known, **live})), **live})
        live.update(self._derived({**known, **live}))
        tags = self._read_tags({**known, **live})
        return self._with_tags(live, tags, known)

    def _read_tags(self, known: Properties) -> Mapping[str, str] | None:
        tagging = self._table.tagging
        if tagging is None or tagging.read is None:
            return known.get("tags") if tagging is not None else None
        answer = self._answer(tagging.read, known)
        if answer is None:
            return {}
        shape = self._aws.operation(self._table.service, tagging.read.operation).output_shape
        assert shape is not None
        member = tagging.member.rsplit(".", 1)[-1]
        declared = ObjectOf({"tags": self._schema.outputs.properties["tags"]}, frozenset())
        found = mapping.ResponseReader({"tags": member}).structure(shape, declared, answer)
        tags: Mapping[str, str] = found.get("tags") or {}
        return tags

    def _with_tags(self, live: Properties, tags: Mapping[str, str] | None, known: Properties) -> Properties:
        if self._table.tagging is None:
            return live
        everything = {key: value for key, value in (tags or {}).items() if not key.startswith("aws:")}
        declared: Mapping[str, str] = known.get("tags") or {}
        own = {
            key: value
            for key, value in everything.items()
            if key in declared or self._default_tags.get(key) != value
        }
        return {**live, "tags": own or None, "tagsAll": everything}

    def _answer(self, read: Read, known: Properties) -> Properties | None:
        shape = self._aws.operation(self._table.service, read.operation).input_shape
        request = {**read.constants, **self._identity(read.identity, shape, known)}
        try:
            if read.where:
                return self._element(read, request, known)
            answer = self._aws.call(self._table.service, read.operation, request)
        except AwsError as error:
            if self._is_gone(error, (read,)):
                return None
            raise
        part = paths.get(answer, read.at) if read.at else answer
        if part is None or any(paths.get(part, member) in values for member, values in read.gone.items()):
            return None
        return read.unfold(part)

    def _element(self, read: Read, request: Properties, known: Properties) -> Properties | None:
        for page in self._aws.pages(self._table.service, read.operation, request):
            for element in paths.get(page, read.at) or ():
                if all(element.get(member) == known.get(name) for member, name in read.where.items()):
                    found: Properties = read.unfold(element)
                    return found
        return None

    def _properties(self, read: Read, answer: Properties) -> Properties:
        shape = self._aws.operation(self._table.service, read.operation).output_shape
        part = mapping.resolve(shape, read.at) if read.at and shape is not None else shape
        part = getattr(part, "member", part) if read.where else part
        if not isinstance(part, StructureShape):
            return {}
        found = mapping.ResponseReader(self._table.renames).structure(part, self._schema.outputs, answer)
        return found if read.only is None else {name: found[name] for name in read.only if name in found}

    def _is_gone(self, error: AwsError, reads: Iterable[Read]) -> bool:
        return any(
            error.code in read.absent or any(text in error.message for text in read.absent_text)
            for read in reads
        ) or any(text in error.message for text in self._table.absent_text)

    # What the state keeps

    def _derived(self, known: Properties) -> Properties:
        return derive(
            self._table, known, {"region": self._aws.region, "partition": "", "account": ""}, self._aws
        )

    def _outputs(self, inputs: Properties, live: Properties) -> Properties:
        """Live values; the program's own text where it means the same or AWS tells nothing."""
        outputs: Properties = {}
        for name in self._schema.outputs.properties:
            value, given = live.get(name), inputs.get(name)
            if (
                name in self._table.write_only
                or name in self._table.local
                or value is None
                or (given is not None and self._means(name, given, value))
            ):
                value = given
            if value is not None:
                outputs[name] = value
        if "region" in self._schema.outputs.properties and "region" not in outputs:
            outputs["region"] = self._aws.region
        return outputs

    def _means(self, name: str, given: Value, live: Value) -> bool:
        return self._comparison.same(name, given, live) or (
            name in self._table.json and same_json(given, live)
        )


def derive(
    table: ResourceType, known: Mapping[str, Any], places: Mapping[str, str], aws: Aws | None
) -> Properties:
    """Outputs that follow from a template over properties and places; templates with a gap give nothing.

    Args:
        table: the type's table.
        known: properties of the resource.
        places: ``region``, ``partition`` and ``account``, as far as they are known; an empty one is asked for.
        aws: asked for what is missing; None leaves it out.
    """
    found: Properties = {}
    for name, template in table.derived.items():
        values = dict(known)
        for place in ("region", "partition", "account"):
            if f"{{{place}}}" not in template:
                continue
            value = places.get(place)
            if not value and aws is not None:
                value = aws.account if place == "account" else partition_of(aws.region)
            values[place] = value
        needed = _placeholders(template)
        if all(isinstance(values.get(item), str) and values[item] for item in needed):
            found[name] = template.format(**{item: values[item] for item in needed})
    return found


def _placeholders(template: str) -> list[str]:
    return [part.split("}")[0] for part in template.split("{")[1:]]


def _given(inputs: Properties, step: Step) -> list[bool]:
    if step.when is not None:
        return [inputs.get(step.properties[0]) == step.when and step.when != step.initial]
    return [inputs.get(name) is not None for name in step.properties]


def _given_values(inputs: Properties) -> Properties:
    return {name: value for name, value in inputs.items() if value is not None}
