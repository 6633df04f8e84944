"""What a resource type's table can say: its calls, and what differs from the mechanical translation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from headway_sandbox.provider.values import Properties, Value

Fold = Callable[[Properties], Properties]
Predicate = Callable[[Value], bool]


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


def unchanged(properties: Properties) -> Properties:
    """The fold that folds nothing."""
    return properties


@dataclass(frozen=True)
class Call:
    """One AWS call. Its members come from the inputs by name, from the identity and from constants.

    Attributes:
        operation: botocore operation name.
        constants: members with a fixed value.
        identity: member to property name, where it differs from the type's identity.
        only: input properties that may be sent; None sends every input that the request has a member for.
        at: dotted path of the member that holds the inputs; a list there gets one element.
        fold: rewrites the inputs before they are translated. It may add members under AWS's own names, which
            are sent as they are.
        each_attribute: one call for each attribute property (``AttributeName``, ``AttributeValue``).
        skip: whether the call is not needed for these inputs.
        ignore: error codes that count as success.
        retry: error codes that pass by themselves, so that the call is repeated for a while.
    """

    operation: str
    constants: Mapping[str, Any] = field(default_factory=dict)
    identity: Mapping[str, str] | None = None
    only: tuple[str, ...] | None = None
    at: str = ""
    fold: Fold = unchanged
    each_attribute: bool = False
    skip: Callable[[Properties], bool] = lambda _inputs: False
    ignore: frozenset[str] = frozenset()
    retry: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Step:
    """A call that keeps some properties in line: after creation when one is set, later when one changes.

    Attributes:
        properties: the properties that the step sends; empty means every property that no other step has.
        put: the call.
        remove: call when none of the properties has a value any more; None makes ``put`` then, too.
        on_create: whether it is needed after creation; False where the create call takes the properties.
        when: makes the call only for these values of the first property; for switches.
        initial: the value that AWS gives the first property at creation, so that no call is needed for it.
        settle: whether the resource must settle (see ``waits``) before the next step.
        work: done before ``put``, or without one, where one call is not enough: session, state, inputs.
    """

    properties: tuple[str, ...]
    put: Call | None = None
    remove: Call | None = None
    on_create: bool = True
    when: Predicate | None = None
    initial: Value = None
    settle: bool = False
    work: Callable[[Session, Properties, Properties], None] | None = None


@dataclass(frozen=True)
class Read:
    """A call that reads part of a resource.

    Attributes:
        operation: botocore operation name.
        decode: rewrites the answer before anything else is looked for in it.
        at: dotted path of the part of the answer that holds the properties; empty for all of it.
        where: which element of the list at ``at`` is meant: member to property name.
        identity: member to property name, where it differs from the type's identity.
        constants: members with a fixed value.
        absent: error codes that mean that this part (for the first read: the resource) is not there.
        absent_text: words in an error's message that mean the same, where the code is a general one.
        only: properties taken from the answer; None takes all that match.
        unfold: rewrites the part. It may add properties under their own names, which are taken as they are.
        match: whether a part is meant at all, beside ``where``: a test over the part.
        gone: dotted member to values that mean that the resource is not there any more.
    """

    operation: str
    decode: Fold = unchanged
    at: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    match: Predicate = lambda _element: True
    identity: Mapping[str, str] | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    absent_text: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    unfold: Fold = unchanged
    gone: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Wait:
    """Polling of the first read until a status is reached.

    Attributes:
        status: dotted path of the status in the answer.
        pending: statuses to wait through.
        target: statuses that end the wait; any other status is an error.
        dead: failed statuses that only deletion leads out of; an update makes such a resource anew.
        reason: dotted path of the explanation of a failure.
        timeout_s: how long to wait at most, in seconds.
    """

    status: str
    pending: frozenset[str]
    target: frozenset[str]
    dead: frozenset[str] = frozenset()
    reason: str = ""
    timeout_s: float = 600.0


@dataclass(frozen=True)
class Tagging:
    """How tags are changed and read on their own.

    Attributes:
        tag: operation that adds tags.
        untag: operation that removes tags by key; empty where ``tag`` replaces the whole set.
        identity: member to property name for all of these operations.
        constants: members with a fixed value for all of them.
        read: operation that lists the tags; empty where the reads of the resource hold them.
        absent: error codes of ``read`` that mean that there are no tags.
        on_create: whether tags need a call of their own after creation.
        member: dotted path of the tags in the request of ``tag``.
        read_member: dotted path of the tags in the answer of ``read``; empty for the last name of ``member``.
        keys: member that holds the keys to remove; where its elements are tags, they carry the keys only.
        clear: operation that removes all tags where ``untag`` is empty.
    """

    tag: str
    untag: str
    identity: Mapping[str, str]
    constants: Mapping[str, Any] = field(default_factory=dict)
    read: str = ""
    absent: frozenset[str] = frozenset()
    on_create: bool = False
    member: str = "Tags"
    read_member: str = ""
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
        separator: what stands in front of the random suffix.
        suffix: makes the end of the name from the inputs, such as ``.fifo``.
    """

    property: str = "name"
    max_length: int | None = 255
    lower: bool = False
    random: bool = True
    prefix: str = ""
    separator: str = "-"
    suffix: Callable[[Properties], str] = lambda _inputs: ""


class Handler(Protocol):
    """The life of a resource whose calls do not fit a table, such as the invocation of a function."""

    def create(self, session: Session, inputs: Properties) -> Properties:
        """Creates the resource; returns its live properties."""

    def read(self, session: Session, state: Properties) -> Properties | None:
        """The live properties, or None when it is gone; ``state`` holds at least the id's parts."""

    def update(self, session: Session, state: Properties, inputs: Properties) -> Properties:
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
        id_member: dotted path (``[]``: first element) of the id in the create call's answer, for types that
            have no property with it; the id's only part is then ``id``.
        create: the call that creates it.
        adopt: finds what exists already, for types that take something over instead of creating it.
        reads: calls that read it; the first one decides whether it exists.
        listing: a call that lists every resource of the type, ``where`` telling which members are the id's
            parts; needed where AWS makes up the id and the first read does not list.
        recognised: properties that tell a lost resource from others, beside those whose change replaces.
        steps: what changes properties in place, in this order.
        delete: the calls that delete it.
        handler: used instead of the calls where they do not fit.
        renames: property path to member, see :mod:`headway_sandbox.provider.mapping`.
        attributes: property to attribute name, for services with a map of text attributes.
        tagging: how tags are changed; None for types without tags.
        force_new: dotted paths whose change replaces the resource; a bare property covers all below it.
        immutable: every property but tags and those in ``local`` replaces.
        replace_when: property to a test over old and new inputs that decides whether its change replaces.
        defaults: dotted path to the value that an omitted property gets.
        computed: properties that AWS fills when they are omitted; dotted paths for nested ones.
        json: properties that hold JSON text, compared by meaning.
        sets: dotted paths of lists whose order means nothing.
        local: properties that only the provider uses, never sent.
        write_only: properties that are sent but cannot be read back.
        forgotten: properties that AWS gives back and the sandbox's service does not.
        fingerprints: output to the inputs that it is made from; a drift of the one is a drift of the others.
        derived: output to a template over properties, ``{region}``, ``{account}`` and ``{partition}``.
        volatile: outputs that any update may change.
        waits: what to wait for after creation and update.
        wait_deleted: whether to poll until the resource is gone after deletion.
        keep: whether the state says that deletion only forgets the resource.
        autoname: how an omitted name is made.
        delete_first: whether a replacement always deletes before it creates.
        exclusive: groups of properties of which at most one may be given.
        one_of: groups of properties of which at least one must be given.
        folded: properties that a fold turns into members of another form; they never match by name.
        unsupported: dotted paths of inputs that the sandbox does not translate; using one is an error.
        lacks: dotted path of an input (empty for the whole type) to the operation that the sandbox's services
            lack for it; it can be planned for AWS, but not deployed to the sandbox.
        before_delete: work that must be done before deletion.
        fold: rewrites the inputs before the create call and the steps, like :attr:`Call.fold`.
        unfold: rewrites the live properties after all reads.
        gather: live properties that take calls of their own; gets what is known by then.
        own_account: property that is the caller's account when it is left out.
        parse_id: turns an id into properties where splitting at the separator does not.
        make_id: makes the id where joining does not.
        equivalent: dotted path to a test whether two values mean the same.
    """

    pulumi_type: str
    service: str
    id: tuple[str, ...]
    identity: Mapping[str, str] = field(default_factory=dict)
    id_separator: str = ":"
    id_member: str = ""
    create: Call | None = None
    adopt: Callable[[Session, Properties], Properties] | None = None
    reads: tuple[Read, ...] = ()
    listing: Read | None = None
    recognised: frozenset[str] = frozenset()
    steps: tuple[Step, ...] = ()
    delete: tuple[Call, ...] = ()
    handler: Handler | None = None
    renames: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    tagging: Tagging | None = None
    force_new: frozenset[str] = frozenset()
    immutable: bool = False
    replace_when: Mapping[str, Callable[[Properties, Properties], bool]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    computed: frozenset[str] = frozenset()
    json: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()
    write_only: frozenset[str] = frozenset()
    forgotten: frozenset[str] = frozenset()
    fingerprints: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)
    volatile: frozenset[str] = frozenset()
    waits: tuple[Wait, ...] = ()
    wait_deleted: bool = False
    keep: Callable[[Properties], bool] = lambda _state: False
    autoname: Autoname | None = None
    delete_first: bool = False
    exclusive: tuple[tuple[str, ...], ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    folded: frozenset[str] = frozenset()
    unsupported: frozenset[str] = frozenset()
    lacks: Mapping[str, str] = field(default_factory=dict)
    before_delete: Callable[[Session, Properties], None] | None = None
    fold: Fold = unchanged
    unfold: Fold = unchanged
    gather: Callable[[Session, Properties], Properties] = lambda _session, _known: {}
    own_account: str = ""
    parse_id: Callable[[str], Properties] | None = None
    make_id: Callable[[Properties], str] | None = None
    equivalent: Mapping[str, Callable[[Value, Value], bool]] = field(default_factory=dict)

    @property
    def unread(self) -> frozenset[str]:
        """Properties whose live value says nothing, so that the state keeps the program's."""
        return self.local | self.write_only | self.forgotten

    def identify(self, resource_id: str) -> Properties:
        """The properties that an id holds."""
        if self.parse_id is not None:
            return self.parse_id(resource_id)
        parts = resource_id.split(self.id_separator, len(self.id) - 1) if len(self.id) > 1 else [resource_id]
        return dict(zip(self.id, parts, strict=False))

    def id_of(self, properties: Properties) -> str:
        """The id of a resource with these properties."""
        if self.make_id is not None:
            return self.make_id(properties)
        return self.id_separator.join(str(properties[name]) for name in self.id)
