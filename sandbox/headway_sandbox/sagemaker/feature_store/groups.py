"""Feature groups: create, describe, update, list, delete."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any

from headway_sandbox.sagemaker.credentials import acting_as, check_role
from headway_sandbox.sagemaker.feature_store import catalog, group_checks
from headway_sandbox.sagemaker.feature_store.offline import resolved_uri
from headway_sandbox.sagemaker.feature_store.schema import CREATED, ttl_milliseconds
from headway_sandbox.sagemaker.feature_store.stores import (
    ACTIVE,
    KIND,
    REASON_LIMIT,
    FeatureStore,
    feature_store,
)
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, operation, validation_error
from headway_sandbox.sagemaker.s3_files import S3Location
from headway_sandbox.sagemaker.tags import delete_tags, save_tags

CREATING = "Creating"
CREATE_FAILED = "CreateFailed"
DELETING = "Deleting"
PAGE_SIZE = 100

_METADATA_KIND = "feature-metadata"
_INTERNAL = ("GroupId", "Tags")
_SUMMARY = (
    "FeatureGroupName",
    "FeatureGroupArn",
    "CreationTime",
    "FeatureGroupStatus",
    "OfflineStoreStatus",
)

_log = logging.getLogger(__name__)


def find_group(service: SageMaker, name_or_arn: str) -> Document:
    """A group's stored document.

    Raises:
        ServiceError: If there is no such group.
    """
    document = feature_store(service).document(group_name(name_or_arn))
    if document is None:
        raise ServiceError("ResourceNotFound", not_found(name_or_arn))
    return document


def group_name(name_or_arn: str) -> str:
    """The name in a name or an ARN."""
    return name_or_arn.rpartition("/")[2]


def not_found(name_or_arn: str) -> str:
    """What Feature Store says of a group that does not exist."""
    return (
        f"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {group_name(name_or_arn)}"
    )


@operation("CreateFeatureGroup")
async def create_feature_group(service: SageMaker, request: Document) -> Document:
    """Accepts a feature group, and makes it in the background."""
    store = feature_store(service)
    name = request["FeatureGroupName"]
    arn = service.arn(KIND, name)
    if store.document(name) is not None:
        raise ServiceError(
            "ResourceInUse", f"Resource Already Exists: FeatureGroup with name {name} already exists."
        )
    problems = list(group_checks.creation_problems(request))
    if problems:
        raise validation_error("; ".join(problems))
    check_role(service, request.get("RoleArn"))
    now = service.clock()
    document = {
        **{member: value for member, value in request.items() if member != "Tags"},
        "FeatureGroupArn": arn,
        "CreationTime": now,
        "FeatureGroupStatus": CREATING,
        "GroupId": str(uuid.uuid4()),
    }
    if "OfflineStoreConfig" in request:
        document |= {
            "OfflineStoreConfig": _offline_config(service, request, now),
            "OfflineStoreStatus": {"Status": ACTIVE},
        }
    if "OnlineStoreConfig" in request:
        document["OnlineStoreConfig"] = {"EnableOnlineStore": False, **request["OnlineStoreConfig"]}
    save_tags(service, arn, request.get("Tags"))
    store.save(document)
    _in_background(service, document)
    return {"FeatureGroupArn": arn}


@operation("DescribeFeatureGroup")
async def describe_feature_group(service: SageMaker, request: Document) -> Document:
    """Describes a feature group."""
    document = find_group(service, request["FeatureGroupName"])
    answer = {member: value for member, value in document.items() if member not in _INTERNAL}
    if document.get("OnlineStoreConfig", {}).get("EnableOnlineStore", False):
        answer["OnlineStoreTotalSizeBytes"] = feature_store(service).records.size_bytes(document["GroupId"])
    return {**answer, "NextToken": ""}


@operation("UpdateFeatureGroup")
async def update_feature_group(service: SageMaker, request: Document) -> Document:
    """Adds features, or changes the default time to live or the throughput."""
    document = find_group(service, request["FeatureGroupName"])
    problems = list(group_checks.update_problems(document, request))
    if problems:
        raise validation_error("; ".join(problems))
    changed = {
        **document,
        "LastModifiedTime": service.clock(),
        "LastUpdateStatus": {"Status": "InProgress"},
    }
    if "FeatureAdditions" in request:
        changed["FeatureDefinitions"] = [*document["FeatureDefinitions"], *request["FeatureAdditions"]]
    if "TtlDuration" in request.get("OnlineStoreConfig", {}):
        online = {key: value for key, value in document["OnlineStoreConfig"].items() if key != "TtlDuration"}
        duration = request["OnlineStoreConfig"]["TtlDuration"]
        keeps = ttl_milliseconds(duration) is not None
        changed["OnlineStoreConfig"] = {**online, **({"TtlDuration": duration} if keeps else {})}
    if "ThroughputConfig" in request:
        changed["ThroughputConfig"] = {**document.get("ThroughputConfig", {}), **request["ThroughputConfig"]}
    feature_store(service).save(changed)
    _in_background(service, changed)
    return {"FeatureGroupArn": document["FeatureGroupArn"]}


@operation("ListFeatureGroups")
async def list_feature_groups(service: SageMaker, request: Document) -> Document:
    """Lists feature groups."""
    documents = [
        {**document, "OfflineStatus": document.get("OfflineStoreStatus", {}).get("Status", "")}
        for document in service.store.list(KIND)
    ]
    chosen = select(
        documents,
        request,
        name="FeatureGroupName",
        equal={
            "FeatureGroupStatusEquals": "FeatureGroupStatus",
            "OfflineStoreStatusEquals": "OfflineStatus",
        },
        sort_keys={
            "Name": "FeatureGroupName",
            "FeatureGroupStatus": "FeatureGroupStatus",
            "OfflineStoreStatus": "OfflineStatus",
        },
    )
    groups, token = page(chosen, request, default_size=PAGE_SIZE)
    summaries = [{member: group[member] for member in _SUMMARY if member in group} for group in groups]
    return {"FeatureGroupSummaries": summaries, **token}


@operation("DeleteFeatureGroup")
async def delete_feature_group(service: SageMaker, request: Document) -> Document:
    """Deletes a feature group and its online records; what it has offline stays."""
    document = find_group(service, request["FeatureGroupName"])
    if document["FeatureGroupStatus"] not in (CREATED, CREATE_FAILED):
        raise ServiceError(
            "ResourceInUse",
            f"The feature group {document['FeatureGroupName']} is in status "
            f"{document['FeatureGroupStatus']}; it can be deleted when it is {CREATED} or {CREATE_FAILED}.",
        )
    deleting = {**document, "FeatureGroupStatus": DELETING}
    feature_store(service).save(deleting)
    _in_background(service, deleting)
    return {}


def metadata_of(service: SageMaker, document: Document, feature: str) -> Document:
    """What UpdateFeatureMetadata said of a feature; empty if nothing."""
    found = service.store.get(_METADATA_KIND, f"{document['GroupId']}/{feature}")
    return {} if found is None else found


def save_metadata(service: SageMaker, document: Document, feature: str, metadata: Document) -> None:
    """Keeps what UpdateFeatureMetadata says of a feature."""
    service.store.put(_METADATA_KIND, f"{document['GroupId']}/{feature}", metadata)


def resume(service: SageMaker) -> None:
    """Goes on with groups that were being created, updated or deleted when the sandbox ended."""
    for document in service.store.list(KIND):
        _in_background(service, document)


def _offline_config(service: SageMaker, request: Document, now: float) -> Document:
    config = request["OfflineStoreConfig"]
    storage = config["S3StorageConfig"]
    name = request["FeatureGroupName"]
    uri = resolved_uri(storage["S3Uri"], service.account, service.region, name, now)
    disabled = config.get("DisableGlueTableCreation", False)
    answer = {
        **config,
        "S3StorageConfig": {**storage, "ResolvedOutputS3Uri": uri},
        "DisableGlueTableCreation": disabled,
    }
    if not disabled and "DataCatalogConfig" not in config:
        answer["DataCatalogConfig"] = catalog.catalog_config(name, now)
    return answer


def _in_background(service: SageMaker, document: Document) -> None:
    """Starts the work that a group's document asks for, if any."""
    if document["FeatureGroupStatus"] == CREATING:
        work = _create
    elif document["FeatureGroupStatus"] == DELETING:
        work = _delete
    elif document.get("LastUpdateStatus", {}).get("Status") == "InProgress":
        work = _update
    else:
        return
    # Each kind of work has its own name: a group can be deleted while an update of it ends.
    name = f"{KIND}/{document['FeatureGroupName'].lower()}/{work.__name__}"
    service.tasks.start(name, work(service, feature_store(service), document))


async def _create(service: SageMaker, store: FeatureStore, document: Document) -> None:
    reason = await _reason(service, document, new=True)
    outcome = (
        {"FeatureGroupStatus": CREATED}
        if reason is None
        else {"FeatureGroupStatus": CREATE_FAILED, "FailureReason": reason[:REASON_LIMIT]}
    )
    store.save({**document, **outcome})


async def _update(service: SageMaker, store: FeatureStore, document: Document) -> None:
    reason = await _reason(service, document, new=False)
    outcome = (
        {"Status": "Successful"}
        if reason is None
        else {"Status": "Failed", "FailureReason": reason[:REASON_LIMIT]}
    )
    current = store.document(document["FeatureGroupName"])
    if current is not None:
        store.save({**current, "LastUpdateStatus": outcome})


async def _delete(service: SageMaker, store: FeatureStore, document: Document) -> None:
    if "OfflineStoreConfig" in document:
        reason = await store.write_out(document)
        if reason is not None:
            _log.warning("records of %s are lost with it: %s", document["FeatureGroupName"], reason)
    for feature in document["FeatureDefinitions"]:
        service.store.delete(_METADATA_KIND, f"{document['GroupId']}/{feature['FeatureName']}")
    delete_tags(service, document["FeatureGroupArn"])
    store.remove(document)


async def _reason(service: SageMaker, document: Document, *, new: bool) -> str | None:
    """Prepares what a group needs of other services; why that does not work, or None."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as boto3 itself

    try:
        if new:
            for key in group_checks.keys(document):
                await service.aws.call("kms", "describe_key", KeyId=key)
        if "OfflineStoreConfig" in document:
            await _prepare_offline(service, document, new=new)
    except (BotoCoreError, ClientError) as error:
        return f"{_what_failed(error)}: {error}"
    except ServiceError as error:
        return error.message
    return None


async def _prepare_offline(service: SageMaker, document: Document, *, new: bool) -> None:
    offline = document["OfflineStoreConfig"]
    if new:
        bucket = S3Location.parse(offline["S3StorageConfig"]["S3Uri"]).bucket
        aws = await acting_as(service, document["RoleArn"], "SageMakerFeatureStore")
        # The permission that the managed policy AmazonSageMakerFeatureStoreAccess grants for this check.
        await aws.call("s3", "get_bucket_acl", Bucket=bucket)
    if not offline["DisableGlueTableCreation"]:
        await asyncio.to_thread(catalog.write_table, service.aws.client("glue"), document)


def _what_failed(error: Any) -> str:  # noqa: ANN401 - botocore is not typed
    operation_name = getattr(error, "operation_name", None)
    return "The feature group's stores cannot be prepared" + (
        f" ({operation_name})" if operation_name else ""
    )
