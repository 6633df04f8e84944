"""The record of every release: what was wanted, what serves, why, and everything that was decided."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from botocore.exceptions import ClientError

CURRENT = "current"
"""Sort key under which the newest release is found; the others are found by their own id."""
BASE = "base"
"""Sort key under which the stack says what its base is."""
LOCK = "lock"
"""Sort key under which it says which release moves the endpoint."""
ORDER = "order"
"""Sort key under which a person says what a release should do."""
REJECTED = "rejected:"
"""Beginning of the sort keys under which rejected models are found."""


class OvertakenError(Exception):
    """Another step of the same release was faster: what this one goes by is old, and it must end.

    A function that was given up, or a state machine that was started twice, may still be at work.
    """


@dataclass(frozen=True, kw_only=True)
class Release:
    """One release.

    Attributes:
        system: Name of the system.
        release_id: Time of the start and what is released; sorts by time.
        status: running, waiting, promoted, rolled_back, refused or failed.
        model_package_arn: The package that is released; empty for the base's own model.
        model_digest: Digest of what the package holds, by which a rejected model is known again.
        position: Where the release is: begin, baseline, stage, promote or roll_back.
        stage: Number of the stage that it is in, from 0.
        desired: Configuration in which the challenger serves alone; empty when it was never derived.
        serving: Configuration that does serve, as read back.
        weights: Share of the traffic of each production variant, as read back, in percent.
        previous: Configuration in which the champion serves alone.
        base: Configuration that the shapes are derived from.
        plan: The release plan that it began with and goes by, as JSON; empty before it began.
        champion: Model that answered when the release began.
        challenger: Model that is released.
        over_placeholder: Whether the champion is the base's own model, which came from no model package.
        shapes: Every configuration that this release knows.
        target_config: Configuration that the endpoint should have now.
        target_weights: Share of the traffic of each production variant there, in percent.
        asked: How often SageMaker was asked to move to the target.
        arrived_at: Time at which the endpoint was seen at the target, ISO 8601; empty before.
        slow_us: Latency from which on an answer counts as slow, in microseconds; 0 before it is known.
        errors_in_a_row: Looks that failed one after the other.
        observations: What was counted, one for each stage so far.
        counted: What was counted in this stage before metrics were lost; empty where none were.
        counted_from: Since when the rest is counted, ISO 8601; empty where none were lost.
        counted_until: Up to when the last look at this stage counted, ISO 8601; empty before.
        metrics: What each metric said at the last look.
        history: Every decision, the oldest first.
        why: The reason for how it stands, for a person.
        cause: What turned it back, one of `Cause`; empty where nothing did.
        override: Who released a rejected model again, and why; empty for nobody.
        report: Place of the report in S3; empty before there is one.
        told: Status and number of decisions that were told of last.
        taken_over_by: Release that turns this one back because its execution ended; empty for none.
        execution: ARN of the execution that moves it; empty where it is not known.
        revision: How often it was saved.
        started_at: Time of the start, ISO 8601.
        at: Time of this record, ISO 8601.
    """

    system: str
    release_id: str
    status: str
    model_package_arn: str = ""
    model_digest: str = ""
    position: str = "begin"
    stage: int = 0
    desired: str = ""
    serving: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)
    previous: str = ""
    base: str = ""
    plan: str = ""
    champion: str = ""
    challenger: str = ""
    over_placeholder: bool = False
    shapes: Sequence[str] = ()
    target_config: str = ""
    target_weights: Mapping[str, float] = field(default_factory=dict)
    asked: int = 0
    arrived_at: str = ""
    slow_us: float = 0.0
    errors_in_a_row: int = 0
    observations: Sequence[Mapping[str, Any]] = ()
    counted: Mapping[str, Any] = field(default_factory=dict)
    counted_from: str = ""
    counted_until: str = ""
    metrics: Sequence[Mapping[str, Any]] = ()
    history: Sequence[Mapping[str, Any]] = ()
    why: str = ""
    cause: str = ""
    override: str = ""
    report: str = ""
    told: str = ""
    taken_over_by: str = ""
    execution: str = ""
    revision: int = 0
    started_at: str = ""
    at: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the machine is done with it."""
        return self.status not in GOING_ON

    def decided(self, at: str, why: str, *, what: str) -> "Release":
        """The release with one more decision in its history.

        Args:
            at: Time of the decision, ISO 8601.
            why: The reason, for a person.
            what: What was decided, in a word or two.
        """
        entry = {"at": at, "what": what, "stage": self.stage, "position": self.position, "why": why}
        return replace(self, at=at, why=why, history=(*self.history, entry))


GOING_ON = ("running", "waiting")
"""Statuses of a release that is not over."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """What the stack declares.

    Attributes:
        config: Name of the configuration that shapes are derived from.
        contract_digest: Contract that every model must honour.
    """

    config: str
    contract_digest: str


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a person says a release should do.

    Attributes:
        release_id: The release.
        what: pause, resume, accept (end the stage as passed) or rollback.
        by: Who says so.
        why: The reason.
    """

    release_id: str
    what: str
    by: str
    why: str


class Records:
    """The table that keeps them.

    Args:
        dynamodb: A boto3 client.
        table: Name of the table.
        system: Name of the system.
    """

    def __init__(self, dynamodb: Any, table: str, system: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._dynamodb = dynamodb
        self._table = table
        self._system = system

    def save(self, release: Release) -> Release:
        """Keeps a release under its own id, and as the newest one where no newer one has begun.

        Returns:
            The release, which only this revision of it can be saved after.

        Raises:
            OvertakenError: Somebody else has saved it since it was read.
        """
        saved = replace(release, revision=release.revision + 1)
        # A new release has no revision, and neither has one that an older machine recorded.
        condition, known = "attribute_not_exists(revision)", {}
        if release.revision:
            condition, known = "revision = :known", {":known": str(release.revision)}
        if not self._put_if(_item(saved), condition, known):
            raise OvertakenError(f"{release.release_id} was saved by somebody else")
        # Sorts by release, then by revision: a step that was held up must not put an older one back.
        newness = f"{release.release_id} {saved.revision:09d}"
        self._put_if(
            _item(replace(saved, release_id=CURRENT)) | {"id": release.release_id, "newness": newness},
            "attribute_not_exists(newness) OR newness < :newness",
            {":newness": newness},
        )
        return saved

    def find(self, release_id: str) -> Release | None:
        """The release with an id; None when there is none."""
        item = self._get(release_id)
        return None if item is None else _release(item)

    def all(self) -> list[Release]:
        """Every release, the newest first."""
        items = (item for item in self._items() if "position" in item and item["release_id"] != CURRENT)
        return sorted(map(_release, items), key=lambda release: release.release_id, reverse=True)

    def before(self, release_id: str) -> Release | None:
        """The oldest release that began before another one and is not over; None where there is none."""
        waiting = [item for item in self.all() if item.release_id < release_id and not item.is_over]
        return waiting[-1] if waiting else None

    def lock(self, release_id: str) -> str:
        """Lets one release move the endpoint.

        Returns:
            The release that may: this one, or the one that already does and is not over.
        """
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_attributes({"system": self._system, "release_id": LOCK, "holder": release_id}),
                ConditionExpression="attribute_not_exists(release_id) OR holder = :holder",
                ExpressionAttributeValues={":holder": {"S": release_id}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
        else:
            return release_id
        held = self._get(LOCK)
        if held is None:
            return self.lock(release_id)
        holder = self.find(held["holder"])
        if holder is not None and not holder.is_over:
            return held["holder"]
        # Whoever held it ended without giving it back.
        self.unlock(held["holder"])
        return self.lock(release_id)

    def holder(self) -> str | None:
        """The release that may move the endpoint, or the last that did; None where none does."""
        held = self._get(LOCK)
        return None if held is None else held["holder"]

    def unlock(self, release_id: str) -> None:
        """Gives the endpoint back, if this release held it."""
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=_attributes({"system": self._system, "release_id": LOCK}),
                ConditionExpression="holder = :holder",
                ExpressionAttributeValues={":holder": {"S": release_id}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def order(self, release_id: str) -> Order | None:
        """What a person says that this release should do; None where nobody said anything."""
        item = self._get(ORDER)
        if item is None or item["order_for"] != release_id:
            return None
        return Order(release_id=release_id, what=item["what"], by=item["by"], why=item["why"])

    def give_order(self, order: Order) -> None:
        """Says what a release should do; a newer order takes the place of an older one."""
        self._put(
            {
                "system": self._system,
                "release_id": ORDER,
                "order_for": order.release_id,
                "what": order.what,
                "by": order.by,
                "why": order.why,
            }
        )

    def forget_order(self) -> None:
        """Removes what a person said, once it is done."""
        self._dynamodb.delete_item(
            TableName=self._table, Key=_attributes({"system": self._system, "release_id": ORDER})
        )

    def reject(self, release: Release) -> None:
        """Remembers that a model was turned down, so that it is not tried again by itself."""
        key = f"{REJECTED}{release.model_digest}"
        told = {"rejected_by": release.release_id, "why": release.why, "at": release.at}
        self._put({"system": self._system, "release_id": key, **told})

    def forgive(self, model_digest: str) -> None:
        """Forgets that a model was turned down."""
        self._dynamodb.delete_item(
            TableName=self._table,
            Key=_attributes({"system": self._system, "release_id": f"{REJECTED}{model_digest}"}),
        )

    def rejection(self, model_digest: str) -> str | None:
        """Why a model was turned down; None where it was not."""
        item = self._get(f"{REJECTED}{model_digest}")
        return None if item is None else item["why"]

    def declare_base(self, base: Base) -> None:
        """Keeps what the stack declares, and that it once did."""
        for key in (BASE, f"{BASE}:{base.config}"):
            self._put({"system": self._system, "release_id": key, **asdict(base)})

    def base(self) -> Base | None:
        """What the stack declares; None before it declared anything."""
        item = self._get(BASE)
        if item is None:
            return None
        return Base(config=item["config"], contract_digest=item["contract_digest"])

    def former_bases(self) -> set[str]:
        """Configurations that were a base at some time."""
        return {item["config"] for item in self._items() if item["release_id"].startswith(f"{BASE}:")}

    def _items(self) -> list[dict[str, str]]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#system = :system",
            ExpressionAttributeNames={"#system": "system"},
            ExpressionAttributeValues={":system": {"S": self._system}},
            ConsistentRead=True,
        )
        return [_plain(item) for page in pages for item in page["Items"]]

    def _put(self, item: Mapping[str, str]) -> None:
        self._dynamodb.put_item(TableName=self._table, Item=_attributes(item))

    def _put_if(self, item: Mapping[str, str], condition: str, values: Mapping[str, str]) -> bool:
        """Puts an item where a condition holds; answers whether it did."""
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_attributes(item),
                ConditionExpression=condition,
                **({"ExpressionAttributeValues": _attributes(values)} if values else {}),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _get(self, release_id: str) -> dict[str, str] | None:
        answer = self._dynamodb.get_item(
            TableName=self._table,
            Key=_attributes({"system": self._system, "release_id": release_id}),
            ConsistentRead=True,
        )
        return _plain(answer["Item"]) if "Item" in answer else None


_TEXTS = frozenset(item.name for item in fields(Release) if item.type is str)


def _item(release: Release) -> dict[str, str]:
    """The record: a text for each field, JSON where it is more than a text."""
    values = asdict(release)
    return {
        name: value if name in _TEXTS else json.dumps(value, sort_keys=True) for name, value in values.items()
    }


def _release(item: Mapping[str, str]) -> Release:
    known = {field_.name for field_ in fields(Release)}
    values: dict[str, Any] = {
        name: value if name in _TEXTS else json.loads(value) for name, value in item.items() if name in known
    }
    values["release_id"] = item.get("id", item["release_id"])
    return Release(**values)


def _attributes(item: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {key: {"S": value} for key, value in item.items()}


def _plain(item: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {key: value["S"] for key, value in item.items()}
