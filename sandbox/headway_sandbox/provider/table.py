"""What a resource type's table can say: its calls, and what differs from the mechanical translation. Data only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from headway_sandbox.provider.values import Properties

Fold = Callable[[Properties], Properties]


class Session(Protocol):
    """What a table's functions may use of the running provider."""

    @property
    def region(self) -> str:
        """Region that calls go to."""

    @property
    def account(self) -> str:
        """Account number that the sandbox answers with."""

    def call(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Calls an operation (botocore name, such as ``CreateBucket``).

        Raises:
            AwsError: the service refused the call.
        """


def _same(properties: Properties) -> Properties:
    return properties


@dataclass(frozen=True)
class Call:
    """One AWS call, whose members come from the inputs by name, from the identity and from constants.

    Attributes:
        operation: botocore operation name.
        constants: members with a fixed value.
        identity: member to property name, where it differs from the type's identity; None for the type's own.
        only: input properties that may be sent; None sends every input that the request has a member for.
        fold: rewrites the inputs before they are translated.
        ignore: error codes that count as success.
    """

    operation: str
    constants: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, str] | None = None
    only: tuple[str, ...] | None = None
    fold: Fold = _same
    ignore: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Step:
    """Calls that keep some properties in line: made after creation when one is set, and when one changes.

    Attributes:
        properties: the properties that the step stands for; empty means every property that no other step has.
        put: call when at least one of them has a value.
        remove: call when none has a value any more; None makes ``put`` in that case, too.
        on_create: whether it is needed after creation; False where the create call takes the properties.
        when: the values of ``properties[0]`` that make the call; used for switches. None means any value.
        initial: the value that AWS gives ``properties[0]`` at creation, so that no call is needed for it.
    """

    properties: tuple[str, ...]
    put: Call
    remove: Call | None = None
    on_create: bool = True
    when: Any = None
    initial: Any = None


@dataclass(frozen=True)
class Read:
    """A call that reads part of a resource.

    Attributes:
        operation: botocore operation name.
        at: dotted path of the part of the response that holds the properties; empty for all of it.
        where: element of the list at ``at`` that is meant: member to property name.
        identity: member to property name, where it differs from the type's identity.
        constants: members with a fixed value.
        absent: error codes that mean that this part, or for the first read the resource, is not there.
        absent_text: words in an error's message that mean the same, where the code is a general one.
        only: properties taken from the response; None takes all that match.
        unfold: turns the part of the response into one whose names can be matched.
        gone: member to values that mean that the resource is not there any more.
    """

    operation: str
    at: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    identity: Mapping[str, str] | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    absent_text: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    unfold: Fold = _same
    gone: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Wait:
    """Polling of the first read until a status is reached.

    Attributes:
        status: dotted path of the status in the response.
        pending: statuses to wait through.
        target: statuses that end the wait; any other status is an error.
        reason: dotted path of the explanation of a failure.
        timeout_s: how long to wait at most, in seconds.
    """

    status: str
    pending: frozenset[str]
    target: frozenset[str]
    reason: str = ""
    timeout_s: float = 600.0


@dataclass(frozen=True)
class Tagging:
    """How tags are changed and read on their own.

    Attributes:
        tag: operation that adds tags.
        untag: operation that removes tags by key; empty where ``tag`` replaces the whole set.
        identity: member to property name for both and for ``read``.
        read: call that lists the tags; None where another read holds them.
        on_create: whether tags need a call of their own after creation.
        member: member that holds the tags in the request and the answer.
        keys: member that holds the keys to remove.
        clear: operation that removes all tags where ``untag`` is empty.
    """

    tag: str
    untag: str
    identity: Mapping[str, str]
    read: Read | None = None
    on_create: bool = False
    member: str = "Tags"
    keys: str = "TagKeys"
    clear: str = ""


@dataclass(frozen=True)
class Autoname:
    """The property that gets a name made from the logical name when it is left out.

    Attributes:
        property: the property.
        max_length: longest name, in characters; None for no limit.
        lower: whether the logical name is lower-cased.
        random: whether a random suffix of seven hexadecimal digits is added.
        prefix: text in front of the name.
        suffix: makes the end of the name from the inputs, such as ``.fifo``.
    """

    property: str = "name"
    max_length: int | None = 255
    lower: bool = False
    random: bool = True
    prefix: str = ""
    suffix: Callable[[Properties], str] = lambda _inputs: ""


class Handler(Protocol):
    """The life of a resource whose calls do not fit a table (an upload, an invocation)."""

    def create(self, session: Session, inputs: Properties) -> Properties:
        """Creates the resource; returns its live properties."""

    def read(self, session: Session, state: Properties) -> Properties | None:
        """The live properties, or None when it is gone. ``state`` holds what is known, at least the id's parts."""

    def update(
        self, session: Session, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> Properties:
        """Changes the resource in place; returns its live properties."""

    def delete(self, session: Session, state: Properties) -> None:
        """Deletes the resource; one that is gone already is a success."""


@dataclass(frozen=True)
class ResourceType:
    """The table of one resource type.

    Attributes:
        pulumi_type: pulumi-aws type token, such as ``aws:s3/bucket:Bucket``.
        service: botocore service name.
        id: properties that make up the Pulumi id, joined by ``id_separator``.
        identity: request member to property name: what every call needs to name the resource.
        create: the call that creates it.
        reads: calls that read it; the first one decides whether it exists.
        steps: what changes properties in place, see :class:`Step`.
        delete: the calls that delete it.
        handler: used instead of the calls where they do not fit.
        renames: property path to member, see :mod:`headway_sandbox.provider.mapping`.
        tagging: how tags are changed; None for types without tags.
        force_new: dotted paths whose change replaces the resource; a bare property covers all below it.
        immutable: every property but tags and those in ``local`` replaces.
        defaults: dotted path to the value that an omitted property gets.
        computed: properties that AWS fills when they are omitted; dotted paths for nested ones.
        json: properties that hold JSON text, compared by meaning.
        sets: dotted paths of lists whose order means nothing.
        local: properties that only the provider uses, never sent.
        write_only: properties that are sent but cannot be read back.
        derived: output to a template over properties, ``{region}``, ``{account}`` and ``{partition}``.
        volatile: outputs that any update may change.
        wait: what to wait for after creation and update.
        wait_deleted: whether to poll until the resource is gone after deletion.
        absent_text: as in :class:`Read`, for deletion.
        autoname: how an omitted name is made.
        delete_first: whether a replacement always deletes before it creates.
        exclusive: groups of properties of which at most one may be given.
        one_of: groups of properties of which at least one must be given.
        unsupported: dotted paths of inputs that the sandbox does not translate; using one is an error.
        before_delete: work that must be done before deletion.
        fold: rewrites the inputs before the create call and the steps.
        unfold: rewrites the live properties after all reads.
        parse_id: turns an id into properties where splitting at the separator does not.
        equivalent: dotted path to a test whether two values mean the same.
    """

    pulumi_type: str
    service: str
    id: tuple[str, ...]
    identity: Mapping[str, str] = field(default_factory=dict)
    id_separator: str = ":"
    create: Call | None = None
    reads: tuple[Read, ...] = ()
    steps: tuple[Step, ...] = ()
    delete: tuple[Call, ...] = ()
    handler: Handler | None = None
    renames: Mapping[str, str] = field(default_factory=dict)
    tagging: Tagging | None = None
    force_new: frozenset[str] = frozenset()
    immutable: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)
    computed: frozenset[str] = frozenset()
    json: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()
    write_only: frozenset[str] = frozenset()
    derived: Mapping[str, str] = field(default_factory=dict)
    volatile: frozenset[str] = frozenset()
    wait: Wait | None = None
    wait_deleted: bool = False
    absent_text: tuple[str, ...] = ()
    autoname: Autoname | None = None
    delete_first: bool = False
    exclusive: tuple[tuple[str, ...], ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    unsupported: frozenset[str] = frozenset()
    before_delete: Callable[[Session, Properties], None] | None = None
    fold: Fold = _same
    unfold: Fold = _same
    parse_id: Callable[[str], Properties] | None = None
    equivalent: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict)

    def identify(self, resource_id: str) -> Properties:
        """The properties that an id holds."""
        if self.parse_id is not None:
            return self.parse_id(resource_id)
        parts = resource_id.split(self.id_separator, len(self.id) - 1) if len(self.id) > 1 else [resource_id]
        return dict(zip(self.id, parts, strict=False))

    def id_of(self, properties: Mapping[str, Any]) -> str:
        """The id of a resource with these properties."""
        return self.id_separator.join(str(properties[name]) for name in self.id)
