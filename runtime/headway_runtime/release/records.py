"""The record of every release: what was wanted, what serves, and why."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

CURRENT = "current"
"""Sort key under which the newest release is found; the others are found by their own id."""
BASE = "base"
"""Sort key under which the stack says what its base is."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """One release.

    Attributes:
        system: Name of the system.
        release_id: Time of the start and what is released; sorts by time.
        status: running, succeeded, failed or refused.
        model_package_arn: The package that is released; empty for the base's own model.
        desired: Configuration that should serve; empty when it was never derived.
        serving: Configuration that does serve, as read back.
        previous: Configuration that served when the release began.
        why: The reason, for a person.
        started_at: Time of the start, ISO 8601.
        at: Time of this record, ISO 8601.
    """

    system: str
    release_id: str
    status: str
    model_package_arn: str = ""
    desired: str = ""
    serving: str = ""
    previous: str = ""
    why: str = ""
    started_at: str = ""
    at: str = ""


@dataclass(frozen=True, kw_only=True)
class Base:
    """What the stack declares.

    Attributes:
        config: Name of the configuration that shapes are derived from.
        contract_digest: Contract that every model must honour.
    """

    config: str
    contract_digest: str


class Records:
    """The table that keeps them."""

    def __init__(self, dynamodb: Any, table: str, system: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._dynamodb = dynamodb
        self._table = table
        self._system = system

    def save(self, release: Release) -> None:
        """Keeps a release under its own id, and as the newest one."""
        for key in (release.release_id, CURRENT):
            self._put(asdict(replace(release, release_id=key)) | {"id": release.release_id})

    def find(self, release_id: str) -> Release | None:
        """The release with an id; None when there is none."""
        item = self._get(release_id)
        if item is None:
            return None
        item["release_id"] = item.pop("id")
        return Release(**item)

    def all(self) -> list[Release]:
        """Every release, the newest first."""
        items = (item for item in self._items() if "id" in item and item["release_id"] != CURRENT)
        releases = [Release(**{key: value for key, value in item.items() if key != "id"}) for item in items]
        return sorted(releases, key=lambda release: release.release_id, reverse=True)

    def declare_base(self, base: Base) -> None:
        """Keeps what the stack declares, and that it once did."""
        for key in (BASE, f"{BASE}:{base.config}"):
            self._put({"system": self._system, "release_id": key, **asdict(base)})

    def base(self) -> Base | None:
        """What the stack declares; None before it declared anything."""
        item = self._get(BASE)
        return None if item is None else _base(item)

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
        self._dynamodb.put_item(
            TableName=self._table, Item={key: {"S": value} for key, value in item.items()}
        )

    def _get(self, release_id: str) -> dict[str, str] | None:
        answer = self._dynamodb.get_item(
            TableName=self._table,
            Key={"system": {"S": self._system}, "release_id": {"S": release_id}},
            ConsistentRead=True,
        )
        return _plain(answer["Item"]) if "Item" in answer else None


def _base(item: Mapping[str, str]) -> Base:
    return Base(config=item["config"], contract_digest=item["contract_digest"])


def _plain(item: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {key: value["S"] for key, value in item.items()}
