"""What is wrong with a request for a feature group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headway_sandbox.sagemaker.feature_store.event_time import EVENT_TIME_TYPES
from headway_sandbox.sagemaker.feature_store.offline import ADDED_COLUMNS
from headway_sandbox.sagemaker.feature_store.schema import CREATED
from headway_sandbox.sagemaker.protocol import Document
from headway_sandbox.sagemaker.s3_files import S3FileError, S3Location

FEATURE_LIMIT = 2500

_UPDATES = ("FeatureAdditions", "OnlineStoreConfig", "ThroughputConfig")


def creation_problems(request: Document) -> Iterator[str]:
    """What AWS would refuse of a CreateFeatureGroup request, and what is not emulated."""
    definitions = request["FeatureDefinitions"]
    yield from _definition_problems(definitions)
    types = {item["FeatureName"]: item["FeatureType"] for item in definitions}
    for member in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if request[member] not in types:
            yield f"{member} {request[member]} is not among the FeatureDefinitions"
    event_time = request["EventTimeFeatureName"]
    if types.get(event_time, EVENT_TIME_TYPES[0]) not in EVENT_TIME_TYPES:
        yield f"The event time feature {event_time} is {types[event_time]}; it must be String or Fractional"
    if request["RecordIdentifierFeatureName"] == event_time:
        yield f"The record identifier and the event time must be two features, not both {event_time}"
    online = request.get("OnlineStoreConfig", {})
    if not online.get("EnableOnlineStore", False) and "OfflineStoreConfig" not in request:
        yield "A feature group needs an online store (EnableOnlineStore), an OfflineStoreConfig, or both"
    yield from _online_problems(online)
    yield from _offline_problems(request)
    yield from _throughput_problems(request.get("ThroughputConfig", {}))


def update_problems(document: Document, request: Document) -> Iterator[str]:
    """What AWS would refuse of an UpdateFeatureGroup request, and what is not emulated."""
    if document["FeatureGroupStatus"] != CREATED:
        yield f"The feature group is in status {document['FeatureGroupStatus']}; it must be {CREATED}"
    if document.get("LastUpdateStatus", {}).get("Status") == "InProgress":
        yield "Another update of the feature group is in progress"
    given = [member for member in _UPDATES if member in request]
    if len(given) != 1:
        yield f"Exactly one of {', '.join(_UPDATES)} must be given at a time, found {len(given)}"
    additions = request.get("FeatureAdditions", [])
    yield from _definition_problems([*document["FeatureDefinitions"], *additions])
    online = request.get("OnlineStoreConfig")
    if online is not None:
        if not document.get("OnlineStoreConfig", {}).get("EnableOnlineStore", False):
            yield "The feature group has no online store, so its OnlineStoreConfig cannot be updated"
        yield from _storage_problems(online)
        duration = online.get("TtlDuration", {})
        if len([member for member in ("Unit", "Value") if duration.get(member) is not None]) == 1:
            yield "TtlDuration needs both Unit and Value, or neither to remove the default"
    yield from _throughput_problems(
        {**document.get("ThroughputConfig", {}), **request.get("ThroughputConfig", {})}
    )


def keys(document: Document) -> list[str]:
    """The KMS keys that a group names."""
    online = document.get("OnlineStoreConfig", {}).get("SecurityConfig", {})
    offline = document.get("OfflineStoreConfig", {}).get("S3StorageConfig", {})
    return [config["KmsKeyId"] for config in (online, offline) if config.get("KmsKeyId")]


def _definition_problems(definitions: Sequence[Document]) -> Iterator[str]:
    names = [item["FeatureName"].lower() for item in definitions]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"The feature {name} is defined more than once; names are compared without case"
    for name in sorted(set(names) & set(ADDED_COLUMNS)):
        yield f"{name} is reserved; the offline store adds a column of that name"
    if len(definitions) > FEATURE_LIMIT:
        yield f"A feature group can have {FEATURE_LIMIT} features; it would have {len(definitions)}"
    for item in definitions:
        if "CollectionType" in item:
            yield (
                f"The feature {item['FeatureName']} is a {item['CollectionType']}; collections need the "
                "online storage type InMemory or Standard_V2, which this sandbox does not emulate"
            )


def _online_problems(online: Document) -> Iterator[str]:
    yield from _storage_problems(online)
    duration = online.get("TtlDuration")
    if duration is not None and not ("Unit" in duration and "Value" in duration):
        yield "TtlDuration needs Unit and Value"


def _storage_problems(online: Document) -> Iterator[str]:
    storage = online.get("StorageType", "Standard")
    if storage != "Standard":
        yield f"The online storage type {storage} is not emulated by this sandbox; use Standard"


def _offline_problems(request: Document) -> Iterator[str]:
    config = request.get("OfflineStoreConfig")
    if config is None:
        return
    if "RoleArn" not in request:
        yield "RoleArn must be given with an OfflineStoreConfig; its role writes the offline store"
    table_format = config.get("TableFormat", "Glue")
    if table_format == "Iceberg":
        yield "The table format Iceberg is not emulated by this sandbox; use Glue"
    try:
        S3Location.parse(config["S3StorageConfig"]["S3Uri"])
    except S3FileError as error:
        yield f"OfflineStoreConfig.S3StorageConfig.S3Uri: {error}"


def _throughput_problems(throughput: Document) -> Iterator[str]:
    units = ("ProvisionedReadCapacityUnits", "ProvisionedWriteCapacityUnits")
    given = [name for name in units if name in throughput]
    match throughput.get("ThroughputMode"):
        case "Provisioned" if len(given) < len(units):
            yield f"ThroughputMode Provisioned needs {' and '.join(units)}"
        case "OnDemand" if given:
            yield f"ThroughputMode OnDemand goes without {' and '.join(given)}"
        case _:
            return
