"""Feature Store's runtime API: records in and out."""

from __future__ import annotations

import base64
import functools
from collections.abc import Awaitable, Callable

from headway_sandbox.sagemaker.feature_store.event_time import iso, parse_event_time
from headway_sandbox.sagemaker.feature_store.groups import group_name, not_found
from headway_sandbox.sagemaker.feature_store.records import OnlineRecord
from headway_sandbox.sagemaker.feature_store.schema import (
    CREATED,
    OFFLINE,
    ONLINE,
    FeatureGroup,
    RecordError,
    ttl_milliseconds,
)
from headway_sandbox.sagemaker.feature_store.stores import FeatureStore, feature_store
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, service_operation

SERVICE = "sagemaker-featurestore-runtime"
LIST_PAGE = 100

_INVALID = "ValidationError"
_NOT_FOUND = "ResourceNotFound"
_STATUS = {_NOT_FOUND: 404}

RecordOperation = Callable[[FeatureStore, Document], Document]


def _operation(name: str) -> Callable[[RecordOperation], RecordOperation]:
    """Registers an operation; what does not fit its feature group is a ValidationError."""

    def register(function: RecordOperation) -> RecordOperation:
        @functools.wraps(function)
        async def answer(service: SageMaker, request: Document) -> Document:
            try:
                return function(feature_store(service), request)
            except RecordError as error:
                raise ServiceError(_INVALID, _invalid(error)) from error
            except UnicodeEncodeError as error:
                reason = RecordError(f"the text {error.object[:100]!r} is no Unicode text: {error.reason}")
                raise ServiceError(_INVALID, _invalid(reason)) from error

        registered: Callable[[SageMaker, Document], Awaitable[Document]] = answer
        service_operation(SERVICE, name)(registered)
        return function

    return register


@_operation("PutRecord")
def put_record(store: FeatureStore, request: Document) -> Document:
    """Writes a record: online if it is the newest of its identifier, offline always."""
    group = _usable(store, request["FeatureGroupName"], missing=_INVALID)
    _put(store, group, request, request.get("TtlDuration"))
    return {}


@_operation("GetRecord")
def get_record(store: FeatureStore, request: Document) -> Document:
    """The newest record of an identifier; empty if there is none."""
    group = _readable(store, request["FeatureGroupName"])
    chosen = group.chosen(request.get("FeatureNames"))
    record = store.records.get(group, request["RecordIdentifierValueAsString"], store.now_ms)
    return {} if record is None else _shown(record, chosen, request)


@_operation("DeleteRecord")
def delete_record(store: FeatureStore, request: Document) -> Document:
    """Deletes a record, softly unless asked otherwise; the offline store gets a mark that says so."""
    group = _usable(store, request["FeatureGroupName"], missing=_INVALID)
    text = request["EventTime"]
    try:
        event_time_ms = parse_event_time(text, group.event_time_type)
    except ValueError as error:
        raise RecordError(f"EventTime: {error}") from error
    store.records.delete(
        group,
        request["RecordIdentifierValueAsString"],
        (text, event_time_ms),
        group.targets(request.get("TargetStores")),
        store.now_ms,
        hard=request.get("DeletionMode", "SoftDelete") == "HardDelete",
    )
    store.written()
    return {}


@_operation("BatchGetRecord")
def batch_get_record(store: FeatureStore, request: Document) -> Document:
    """The newest records of several identifiers; what cannot be read is listed and stops nothing."""
    records: list[Document] = []
    errors: list[Document] = []
    for wanted in request["Identifiers"]:
        name = wanted["FeatureGroupName"]
        for identifier in wanted["RecordIdentifiersValueAsString"]:
            where = {"FeatureGroupName": name, "RecordIdentifierValueAsString": identifier}
            try:
                group = _readable(store, name)
                chosen = group.chosen(wanted.get("FeatureNames"))
            except (RecordError, ServiceError) as error:
                errors.append({**where, **_reported(error)})
                continue
            record = store.records.get(group, identifier, store.now_ms)
            shown = {} if record is None else _shown(record, chosen, request)
            if shown:
                records.append({**where, **shown})
    return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}


@_operation("BatchWriteRecord")
def batch_write_record(store: FeatureStore, request: Document) -> Document:
    """Writes several records; what does not fit is listed and stops nothing."""
    errors: list[Document] = []
    for entry in request["Entries"]:
        ttl = entry.get("TtlDuration", request.get("TtlDuration"))
        try:
            group = _usable(store, entry["FeatureGroupName"], missing=_NOT_FOUND)
            _put(store, group, entry, ttl)
        except (RecordError, ServiceError) as error:
            errors.append({"Entry": entry, **_reported(error)})
    return {"Errors": errors, "UnprocessedEntries": []}


@_operation("ListRecords")
def list_records(store: FeatureStore, request: Document) -> Document:
    """Lists the identifiers of a group's online records."""
    group = _readable(store, request["FeatureGroupName"])
    size = request.get("MaxResults", LIST_PAGE)
    found = store.records.identifiers(
        group,
        _after(request.get("NextToken")),
        size + 1,
        store.now_ms,
        deleted=request.get("IncludeSoftDeletedRecords", False),
    )
    if len(found) <= size:
        return {"RecordIdentifiers": found}
    token = base64.urlsafe_b64encode(found[size - 1].encode()).decode()
    return {"RecordIdentifiers": found[:size], "NextToken": token}


def _put(store: FeatureStore, group: FeatureGroup, entry: Document, ttl: Document | None) -> None:
    targets = group.targets(entry.get("TargetStores"))
    if ttl is not None and ONLINE not in targets:
        raise RecordError("TtlDuration is about the online store, which the record is not for")
    ttl_ms = group.ttl_ms if ttl is None else ttl_milliseconds(ttl)
    store.records.put(group, group.record(entry["Record"]), targets, ttl_ms, store.now_ms)
    store.written()


def _usable(store: FeatureStore, name_or_arn: str, *, missing: str) -> FeatureGroup:
    """A group that takes calls; `missing` is the code of the error if there is none."""
    group = store.group(group_name(name_or_arn))
    if group is None:
        raise ServiceError(missing, not_found(name_or_arn), _STATUS.get(missing, 400))
    if group.status != CREATED:
        raise RecordError(
            f"The feature group {group.name} is in status {group.status}; it takes calls when it is {CREATED}"
        )
    return group


def _readable(store: FeatureStore, name_or_arn: str) -> FeatureGroup:
    group = _usable(store, name_or_arn, missing=_NOT_FOUND)
    if ONLINE not in group.stores:
        raise RecordError(
            f"The feature group {group.name} has no {ONLINE}; its records can be read from the {OFFLINE} only"
        )
    return group


def _shown(record: OnlineRecord, chosen: frozenset[str] | None, request: Document) -> Document:
    """A record as it is answered, or an empty document if it has none of the chosen features."""
    features = [
        {"FeatureName": name, "ValueAsString": value}
        for name, value in record.values.items()
        if chosen is None or name in chosen
    ]
    if not features:
        return {}
    asked = request.get("ExpirationTimeResponse", "Disabled") == "Enabled"
    expires = {"ExpiresAt": iso(record.expires_ms)} if asked and record.expires_ms is not None else {}
    return {"Record": features, **expires}


def _reported(error: RecordError | ServiceError) -> Document:
    """An error as a batch call lists it."""
    if isinstance(error, ServiceError):
        return {"ErrorCode": error.code, "ErrorMessage": error.message}
    return {"ErrorCode": _INVALID, "ErrorMessage": _invalid(error)}


def _invalid(error: RecordError) -> str:
    return f"Validation Error: {error}"


def _after(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except ValueError as error:
        raise RecordError(f"Invalid NextToken: {token}") from error
