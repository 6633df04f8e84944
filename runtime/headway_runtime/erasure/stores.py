"""The two stores that are no files: records online, and answers in review."""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from headway_runtime.erasure.captured import Traces
from headway_runtime.erasure.subject import is_about
from headway_runtime.review.item import Item
from headway_runtime.review.queue import KEY, ReviewQueue

_LAST = datetime(9999, 12, 31, tzinfo=UTC)
_STRING = "String"


@dataclass(frozen=True)
class OnlineGroup:
    """A feature group, as its records are erased online.

    Attributes:
        label: `<name>-v<version>` of its contract.
        name: Its name.
        key: Column of the record identifier.
        features: Names of the features.
        sagemaker: A boto3 client.
        runtime: A boto3 client for the feature store's runtime.
        clock: The time, with a time zone.
    """

    label: str
    name: str
    key: str
    features: Collection[str]
    sagemaker: Any
    runtime: Any
    clock: Callable[[], datetime]

    def find(self, identifier: str) -> dict[str, str]:
        """The newest record of an identifier; empty where there is none."""
        answer = self.runtime.get_record(FeatureGroupName=self.name, RecordIdentifierValueAsString=identifier)
        return {item["FeatureName"]: item["ValueAsString"] for item in answer.get("Record", ())}

    def erase(self, identifier: str) -> None:
        """Deletes the record of an identifier, and the mark that an earlier deletion left.

        Online alone: a deletion that is told offline as well leaves the identifier there.
        """
        described = self.sagemaker.describe_feature_group(FeatureGroupName=self.name)
        column = described["EventTimeFeatureName"]
        types = {item["FeatureName"]: item["FeatureType"] for item in described["FeatureDefinitions"]}
        write = _iso if types[column] == _STRING else _seconds
        # A record or a mark may be of a later time than now; of a hard deletion's time nothing stays.
        for moment in (self.clock(), _LAST):
            try:
                self.runtime.delete_record(
                    FeatureGroupName=self.name,
                    RecordIdentifierValueAsString=identifier,
                    EventTime=write(moment),
                    TargetStores=["OnlineStore"],
                    DeletionMode="HardDelete",
                )
            except ClientError as error:
                is_late = error.response.get("Error", {}).get("Code") == "ValidationError"
                if not is_late or moment is _LAST:
                    raise
            else:
                return


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(moment: datetime) -> str:
    return repr(math.floor(moment.timestamp() * 1_000) / 1_000)


@dataclass(frozen=True)
class ReviewTable:
    """The answers in review.

    Attributes:
        dynamodb: A boto3 client.
        name: Name of the table.
    """

    dynamodb: Any
    name: str

    def find(self, traces: Traces) -> list[str]:
        """Ids of the answers that are about the subject; their requests are remembered."""
        found = []
        for item in ReviewQueue(self.dynamodb, self.name).all():
            if _is_about(item, traces):
                traces.add(item.inference_id, [item.place])
                found.append(item.review_id)
        return found

    def erase(self, review_id: str) -> None:
        """Deletes an answer."""
        self.dynamodb.delete_item(TableName=self.name, Key={KEY: {"S": review_id}})

    def backups_until(self, now: datetime) -> datetime | None:
        """How far the table's continuous backups still have what is deleted now; None without any."""
        answer: Mapping[str, Any] = self.dynamodb.describe_continuous_backups(TableName=self.name)
        found = answer["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription", {})
        if found.get("PointInTimeRecoveryStatus") != "ENABLED":
            return None
        return now + timedelta(days=float(found.get("RecoveryPeriodInDays", _BACKUP_DAYS)))


_BACKUP_DAYS = 35
"""How far DynamoDB's continuous backups reach back unless somebody has said less."""


def _is_about(item: Item, traces: Traces) -> bool:
    return is_about(item.inputs, traces.signs.requests) or traces.has(item.inference_id, item.place)
