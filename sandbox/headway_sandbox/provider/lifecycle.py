"""The life of a resource over its table: create, update, delete, and waiting for it to settle."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from headway_sandbox.provider import mapping, paths
from headway_sandbox.provider.aws import Aws, AwsError
from headway_sandbox.provider.diffs import Comparison
from headway_sandbox.provider.mapping import RequestBuilder, UntranslatableError
from headway_sandbox.provider.reading import LiveReader, is_absence
from headway_sandbox.provider.requests import RequestFactory, holds_pairs, identity_members
from headway_sandbox.provider.schema import ObjectOf, ResourceSchema
from headway_sandbox.provider.table import Call, ResourceType, Step, Wait
from headway_sandbox.provider.values import Properties, Value

_FIRST_POLL_S = 0.02
_LONGEST_POLL_S = 1.0
_GONE_TIMEOUT_S = 600.0
_RETRY_S = 120.0
_TAG_PROPERTIES = frozenset({"tags", "tagsAll"})


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
        default_tags: tags that the provider's configuration puts on every resource.
        clock: time for polling.
    """

    def __init__(
        self,
        aws: Aws,
        table: ResourceType,
        schema: ResourceSchema,
        default_tags: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self._aws = aws
        self._table = table
        self._schema = schema
        self._default_tags = default_tags
        self._clock = clock
        self._requests = RequestFactory(table, schema.inputs)
        self._reader = LiveReader(aws, table, schema, default_tags)
        self._comparison = Comparison(table, schema.outputs)
        self._took_effect = False

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Creates the resource; returns its id and outputs.

        Raises:
            AwsError: nothing was created.
            PartialFailureError: the resource exists, but a later call or wait failed.
        """
        sent = self._sent(inputs)
        own = {name: sent[name] for name in (self._table.own_account,) if name}
        state = {**_given(inputs), **own, **self._create(sent)}
        state = {**state, **self._reader.derived(state)}
        resource_id = self._table.id_of(state)
        try:
            self._settle(state)
            for step in self._table.steps:
                if step.on_create and _wanted_at_creation(step, sent):
                    self._step(step, sent, state)
            tagging = self._table.tagging
            if tagging is not None and tagging.on_create and sent.get("tags"):
                self._tag(sent["tags"], state)
            live = self._reader.live(state)
        except (AwsError, UntranslatableError, WaitError) as error:
            seen = {**state, **self._as_far_as_readable(state)}
            raise PartialFailureError(resource_id, self.outputs(inputs, seen), str(error)) from error
        return resource_id, self.outputs(inputs, {**state, **(live if live is not None else {})})

    def _as_far_as_readable(self, known: Properties) -> Properties:
        """What can be read of a resource that is not ready; why it is not is known already."""
        try:
            live = self._reader.live(known)
        except AwsError:
            return {}
        return live if live is not None else {}

    def _create(self, sent: Properties) -> Properties:
        if self._table.handler is not None:
            return self._table.handler.create(self._aws, sent)
        if self._table.adopt is not None:
            return self._table.adopt(self._aws, sent)
        call = self._table.create
        assert call is not None
        answer = self._send(call, sent, {})
        found = self._reader.answered(call.operation, answer)
        member = self._table.id_member
        return {**found, "id": mapping.get(answer, member)} if member else found

    def read(self, resource_id: str, state: Properties) -> Properties | None:
        """The live properties, or None when the resource is gone.

        Args:
            resource_id: the resource's id.
            state: what is known of it; empty for an import.
        """
        named = self._table.identify(resource_id)
        live = self._reader.live({**state, **named})
        return None if live is None else {**named, **live}

    def update(
        self, resource_id: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> Properties:
        """Changes the resource in place; returns its outputs.

        Args:
            resource_id: the resource's id.
            state: outputs of the resource.
            inputs: the new inputs.
            changed: top-level properties that changed.

        Raises:
            AwsError: a service refused the first call; nothing has changed.
            PartialFailureError: calls have taken effect, but a later one was refused, or the resource did
                not settle.
        """
        sent = self._sent(inputs)
        known = {**state, **self._table.identify(resource_id)}
        if self._is_dead(known):
            self.delete(resource_id, known)
            return self.create(inputs)[1]
        try:
            known = self._change(state, known, inputs, sent, changed)
            self._settle(known)
            live = self._reader.live(known)
        except (AwsError, UntranslatableError, WaitError) as error:
            if not self._took_effect:
                raise
            seen = {**known, **self._as_far_as_readable(known)}
            raise PartialFailureError(resource_id, self._outputs_now(inputs, seen), str(error)) from error
        return self.outputs(inputs, {**known, **(live if live is not None else {})})

    def _change(
        self,
        state: Properties,
        known: Properties,
        inputs: Properties,
        sent: Properties,
        changed: frozenset[str],
    ) -> Properties:
        """Makes the calls of an update; returns what is known of the resource then."""
        if self._table.handler is not None:
            known = {**known, **_given(inputs), **self._table.handler.update(self._aws, known, sent)}
        else:
            self._apply_steps(sent, known, changed)
            known = {**known, **_given(inputs)}
        if changed & _TAG_PROPERTIES:
            self._retag(state, sent, known)
        return known

    def delete(self, resource_id: str, state: Properties) -> None:
        """Deletes the resource; a missing one is a success.

        Raises:
            AwsError: a service refused the deletion.
            WaitError: the resource is still there after the time that deletions may take.
        """
        known = {**state, **self._table.identify(resource_id)}
        if self._table.keep(known):
            return
        try:
            if self._table.before_delete is not None:
                self._table.before_delete(self._aws, known)
            if self._table.handler is not None:
                self._table.handler.delete(self._aws, known)
            for call in self._table.delete:
                # Only what a deletion names is sent: the state holds properties of many other calls, too.
                self._send(call if call.only is not None else replace(call, only=()), known, known)
        except AwsError as error:
            if not is_absence(error, self._table.reads[:1]):
                raise
            return
        if self._table.wait_deleted:
            self._poll(lambda: not self._reader.exists(known), _GONE_TIMEOUT_S, "it still exists")

    def readable(self) -> frozenset[str]:
        """Properties that the reads can tell, so that their absence means something."""
        return self._reader.readable()

    def outputs(self, inputs: Properties, live: Properties) -> Properties:
        """What the state keeps: live values, or the program's where those mean the same or more."""
        outputs: Properties = {}
        for name in self._schema.outputs.properties:
            value, given = live.get(name), inputs.get(name)
            ours = name in self._table.unread or value is None
            if ours or (given is not None and self._comparison.same(name, given, value)):
                value = given
            if value is not None:
                outputs[name] = value
        if "region" in self._schema.outputs.properties:
            outputs.setdefault("region", self._aws.region)
        return outputs

    def _outputs_now(self, inputs: Properties, live: Properties) -> Properties:
        """What the state keeps of a change that went half-way: the live values, also where they are old."""
        wanted = self.outputs(inputs, live)
        names = self._schema.outputs.properties.keys() - self._table.unread
        return {**wanted, **{name: live[name] for name in names if live.get(name) is not None}}

    def _sent(self, inputs: Properties) -> Properties:
        sent = {name: value for name, value in inputs.items() if name not in {"tagsAll", "timeouts"}}
        sent["region"] = self._aws.region
        account = self._table.own_account
        if account and sent.get(account) is None:
            sent[account] = self._aws.account
        if self._table.tagging is not None:
            tags = {**self._default_tags, **(inputs.get("tags") or {})}
            sent["tags"] = tags or None
        return self._table.fold(sent)

    def _send(self, call: Call, inputs: Properties, known: Properties) -> Properties:
        if call.skip(inputs):
            return {}
        shape = self._aws.operation(self._table.service, call.operation).input_shape
        answer: Properties = {}
        for request in self._requests.build(call, shape, inputs, {**inputs, **known}):
            try:
                answer = self._patiently(call, request)
            except AwsError as error:
                if error.code not in call.ignore:
                    raise
            _raise_for_part(call.operation, answer)
            self._took_effect = True
        return answer

    def _patiently(self, call: Call, request: Mapping[str, Value]) -> Properties:
        """Repeats a call while it is refused for a reason that passes by itself."""
        deadline = self._clock.monotonic() + _RETRY_S
        pause_s = _FIRST_POLL_S
        while True:
            try:
                return self._aws.call(self._table.service, call.operation, request)
            except AwsError as error:
                if error.code not in call.retry or self._clock.monotonic() >= deadline:
                    raise
            self._clock.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _LONGEST_POLL_S)

    def _apply_steps(self, inputs: Properties, known: Properties, changed: frozenset[str]) -> None:
        named = {name for step in self._table.steps for name in step.properties}
        for step in self._table.steps:
            touched = (
                changed & frozenset(step.properties) if step.properties else changed - named - _TAG_PROPERTIES
            )
            if touched and (step.when is None or step.when(inputs.get(step.properties[0]))):
                self._step(step, inputs, known, touched)

    def _step(
        self, step: Step, inputs: Properties, known: Properties, touched: frozenset[str] | None = None
    ) -> None:
        if step.work is not None:
            # Work may make several calls, of which the first took effect when a later one is refused.
            self._took_effect = True
            step.work(self._aws, known, inputs)
        given = not step.properties or any(inputs.get(name) is not None for name in step.properties)
        call = step.put if given or step.remove is None else step.remove
        if call is not None:
            names = step.properties or tuple(self._schema.inputs.properties)
            names = tuple(name for name in names if name not in _TAG_PROPERTIES)
            if call.each_attribute:
                wanted = (
                    touched
                    if touched is not None
                    else {name for name in names if inputs.get(name) is not None}
                )
                names = tuple(name for name in names if name in wanted)
            self._send(call if call.only is not None else replace(call, only=names), inputs, known)
        if step.settle:
            self._settle({**known, **_given(inputs)})

    def _tag(self, tags: Mapping[str, str], known: Properties) -> None:
        tagging = self._table.tagging
        assert tagging is not None
        shape = self._aws.operation(self._table.service, tagging.tag).input_shape
        assert shape is not None
        declared = ObjectOf({"tags": self._schema.inputs.properties["tags"]}, frozenset())
        members = RequestBuilder({"tags": tagging.member}).structure(shape, declared, {"tags": dict(tags)})
        identity = identity_members(tagging.identity, shape, known)
        self._aws.call(self._table.service, tagging.tag, {**tagging.constants, **identity, **members})

    def _retag(self, state: Properties, inputs: Properties, known: Properties) -> None:
        tagging = self._table.tagging
        if tagging is None:
            return
        wanted: Mapping[str, str] = inputs.get("tags") or {}
        present: Mapping[str, str] = state.get("tagsAll") or state.get("tags") or {}
        gone = sorted(present.keys() - wanted.keys())
        if gone and tagging.untag:
            shape = self._aws.operation(self._table.service, tagging.untag).input_shape
            assert shape is not None
            named = {**tagging.constants, **identity_members(tagging.identity, shape, known)}
            keys: Value = [{"Key": key} for key in gone] if holds_pairs(shape, tagging.keys) else gone
            self._aws.call(self._table.service, tagging.untag, {**named, tagging.keys: keys})
        if gone and not wanted and tagging.clear:
            shape = self._aws.operation(self._table.service, tagging.clear).input_shape
            named = {**tagging.constants, **identity_members(tagging.identity, shape, known)}
            self._aws.call(self._table.service, tagging.clear, named)
        elif wanted and wanted != present:
            self._tag(wanted, known)

    def _settle(self, known: Properties) -> None:
        for wait in self._table.waits:
            still = f"{wait.status} is none of {', '.join(sorted(wait.target))}"
            self._poll(functools.partial(self._settled, wait, known), wait.timeout_s, still)

    def _is_dead(self, known: Properties) -> bool:
        answer = self._reader.answer(self._table.reads[0], known) if self._table.waits else None
        return answer is not None and any(
            paths.get(answer, wait.status) in wait.dead for wait in self._table.waits
        )

    def _settled(self, wait: Wait, known: Properties) -> bool:
        answer = self._reader.answer(self._table.reads[0], known)
        if answer is None:
            message = "it disappeared while it was changing"
            raise WaitError(message)
        status: Value = paths.get(answer, wait.status)
        if status is None or status in wait.target:
            return True
        if status in wait.pending:
            return False
        reason = paths.get(answer, wait.reason) if wait.reason else None
        raise WaitError(f"{wait.status} is {status}" + (f": {reason}" if reason else ""))

    def _poll(self, settled: Callable[[], bool], timeout_s: float, still: str) -> None:
        deadline = self._clock.monotonic() + timeout_s
        pause_s = _FIRST_POLL_S
        while not settled():
            if self._clock.monotonic() >= deadline:
                message = f"after {timeout_s:.0f} s {still}"
                raise WaitError(message)
            self._clock.sleep(pause_s)
            pause_s = min(pause_s * 1.5, _LONGEST_POLL_S)


def _wanted_at_creation(step: Step, inputs: Properties) -> bool:
    if step.when is not None:
        value = inputs.get(step.properties[0])
        return value is not None and step.when(value) and value != step.initial
    return any(inputs.get(name) is not None for name in step.properties)


def _given(inputs: Properties) -> Properties:
    return {name: value for name, value in inputs.items() if value is not None}


def _raise_for_part(operation: str, answer: Properties) -> None:
    """Some operations answer well and say in a list what they did not do."""
    for entry in answer.get("FailedEntries", ()):
        raise AwsError(operation, str(entry.get("ErrorCode")), str(entry.get("ErrorMessage")))
    for entry in answer.get("Unsuccessful", ()):
        error = entry.get("Error", {})
        raise AwsError(operation, str(error.get("Code")), str(error.get("Message")))
