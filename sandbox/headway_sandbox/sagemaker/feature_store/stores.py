"""The feature store of one running SageMaker: its records, its groups, and the work behind the calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from headway_sandbox.sagemaker.credentials import acting_as
from headway_sandbox.sagemaker.feature_store.offline import write_waiting
from headway_sandbox.sagemaker.feature_store.records import RecordStore
from headway_sandbox.sagemaker.feature_store.schema import FeatureGroup
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError
from headway_sandbox.sagemaker.s3_files import S3Location, encryption_arguments

KIND = "feature-group"
ACTIVE = "Active"
BLOCKED = "Blocked"
REASON_LIMIT = 1024

BUFFER_S = 0.5
"""How long records are collected before they are written to the offline store."""
RETRY_S = 2.0
"""How long a group whose bucket refuses is left alone."""
EXPIRY_CHECK_S = 1.0
"""Longest time between looks at the clock while records are to expire."""

_OFFLINE_TASK = "feature-store/offline"
_EXPIRY_TASK = "feature-store/expiry"

_log = logging.getLogger(__name__)


class FeatureStore:
    """Feature groups and their records.

    Args:
        service: The running SageMaker.
    """

    def __init__(self, service: SageMaker) -> None:
        self._service = service
        self.records = RecordStore(service.work_dir / "feature-store" / "records.sqlite")
        self._groups = {
            document["FeatureGroupName"].lower(): FeatureGroup.from_document(document)
            for document in service.store.list(KIND)
        }
        self._writing: dict[str, asyncio.Lock] = {}
        self._not_before: dict[str, float] = {}

    @property
    def now_ms(self) -> int:
        """The time, milliseconds since the epoch."""
        return int(self._service.clock() * 1000)

    def group(self, name: str) -> FeatureGroup | None:
        """A group by its name; None if there is none."""
        return self._groups.get(name.lower())

    def document(self, name: str) -> Document | None:
        """A group's stored document; None if there is none."""
        return self._service.store.get(KIND, name.lower())

    def save(self, document: Document) -> None:
        """Stores a group's document."""
        name = document["FeatureGroupName"].lower()
        self._service.store.put(KIND, name, document)
        self._groups[name] = FeatureGroup.from_document(document)

    def remove(self, document: Document) -> None:
        """Removes a group and all that it has online."""
        name = document["FeatureGroupName"].lower()
        self.records.drop(document["GroupId"])
        self.records.forget(document["GroupId"])
        self._service.store.delete(KIND, name)
        self._groups.pop(name, None)

    def written(self) -> None:
        """Says that records were written or deleted; starts the work that follows."""
        self._start(_OFFLINE_TASK, self._write_offline)
        self._start(_EXPIRY_TASK, self._expire)

    async def write_out(self, document: Document) -> str | None:
        """Writes all that waits for a group's offline store.

        Args:
            document: The group's document.

        Returns:
            Why the bucket refuses; None if all is written.
        """
        group = FeatureGroup.from_document(document)
        storage = document["OfflineStoreConfig"]["S3StorageConfig"]
        location = S3Location.parse(storage["ResolvedOutputS3Uri"])
        encryption = encryption_arguments(storage.get("KmsKeyId"))
        async with self._writing.setdefault(group.group_id, asyncio.Lock()):
            try:
                aws = await acting_as(self._service, document["RoleArn"], "SageMakerFeatureStore")
            except ServiceError as error:
                return error.message

            def upload(path: str, body: bytes) -> None:
                target = location.child(*path.split("/"))
                aws.client("s3").put_object(Bucket=target.bucket, Key=target.key, Body=body, **encryption)

            def write() -> str | None:
                from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as boto3 itself

                try:
                    while write_waiting(self.records, group, upload, self.now_ms):
                        pass
                except (BotoCoreError, ClientError) as error:
                    return f"Records cannot be written to {location}: {error}"
                return None

            return await asyncio.to_thread(write)

    def close(self) -> None:
        """Closes the files; the background work has ended."""
        self.records.close()

    def _start(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if not self._service.tasks.running(name):
            self._service.tasks.start(name, work())

    async def _write_offline(self) -> None:
        """Writes waiting records to the buckets until none wait."""
        while waiting := self.records.groups_waiting():
            await asyncio.sleep(BUFFER_S)
            by_id = {document["GroupId"]: document for document in self._service.store.list(KIND)}
            for group_id in waiting:
                if group_id not in by_id:
                    self.records.forget(group_id)
                elif self._service.clock() >= self._not_before.get(group_id, 0.0):
                    await self._write_group(by_id[group_id])

    async def _write_group(self, document: Document) -> None:
        reason = await self.write_out(document)
        if reason is not None:
            _log.warning("the offline store of %s is blocked: %s", document["FeatureGroupName"], reason)
            self._not_before[document["GroupId"]] = self._service.clock() + RETRY_S
        current = self.document(document["FeatureGroupName"])
        status = (
            {"Status": ACTIVE}
            if reason is None
            else {"Status": BLOCKED, "BlockedReason": reason[:REASON_LIMIT]}
        )
        if (
            current is not None
            and current["GroupId"] == document["GroupId"]
            and current.get("OfflineStoreStatus") != status
        ):
            self.save({**current, "OfflineStoreStatus": status})

    async def _expire(self) -> None:
        """Deletes expired records until none are left that could expire."""
        while True:
            groups = list(self._groups.values())
            expiry_ms = self.records.next_expiry_ms([group.group_id for group in groups])
            if expiry_ms is None:
                return
            wait_s = (expiry_ms - self.now_ms) / 1000
            if wait_s > 0:
                await asyncio.sleep(min(wait_s, EXPIRY_CHECK_S))
                continue
            if sum(self.records.expire(group, self.now_ms) for group in groups):
                self._start(_OFFLINE_TASK, self._write_offline)


_stores: dict[int, FeatureStore] = {}


def feature_store(service: SageMaker) -> FeatureStore:
    """The feature store of a running SageMaker."""
    store = _stores.get(id(service))
    if store is None:
        store = _stores[id(service)] = FeatureStore(service)
    return store


async def close(service: SageMaker) -> None:
    """Ends the feature store of a SageMaker that stops or is reset; its background work has ended."""
    store = _stores.pop(id(service), None)
    if store is not None:
        store.close()
