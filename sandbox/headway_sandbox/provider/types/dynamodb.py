"""DynamoDB: tables with their indexes, streams, encryption, point-in-time recovery and time to live."""

from __future__ import annotations

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Session, Step, Tagging, Wait
from headway_sandbox.provider.values import Properties, Value

_ABSENT = frozenset({"ResourceNotFoundException"})
_TABLE = {"TableName": "name"}
_ON_DEMAND, _PROVISIONED = "PAY_PER_REQUEST", "PROVISIONED"
_TTL_ON = frozenset({"ENABLED", "ENABLING"})
_CAPACITY = ("readCapacity", "writeCapacity")


def _key_schema(hash_key: Value, range_key: Value) -> list[Properties]:
    keys = [(hash_key, "HASH"), (range_key, "RANGE")]
    return [{"AttributeName": name, "KeyType": kind} for name, kind in keys if name is not None]


def _index(block: Properties, table_hash_key: Value = None) -> Properties:
    """An index in AWS's form; a local one shares the table's hash key."""
    schemas = block.get("keySchemas")
    index: Properties = {
        "IndexName": block["name"],
        "KeySchema": [
            {"AttributeName": item["attributeName"], "KeyType": item["keyType"]} for item in schemas
        ]
        if schemas
        else _key_schema(block.get("hashKey", table_hash_key), block.get("rangeKey")),
        "Projection": {"ProjectionType": block["projectionType"]},
    }
    if block.get("nonKeyAttributes"):
        index["Projection"]["NonKeyAttributes"] = block["nonKeyAttributes"]
    if block.get("readCapacity"):
        index["ProvisionedThroughput"] = {
            "ReadCapacityUnits": block["readCapacity"],
            "WriteCapacityUnits": block["writeCapacity"],
        }
    return index


def _indexes(inputs: Properties) -> Properties:
    """Everything about keys: AWS keeps them in one schema a table and one an index."""
    hash_key = inputs.get("hashKey")
    local = [_index(block, hash_key) for block in inputs.get("localSecondaryIndexes") or []]
    distributed = [_index(block) for block in inputs.get("globalSecondaryIndexes") or []]
    found: Properties = {"KeySchema": _key_schema(hash_key, inputs.get("rangeKey"))}
    if local:
        found["LocalSecondaryIndexes"] = local
    if distributed:
        found["GlobalSecondaryIndexes"] = distributed
    return found


def _paid_on_demand(inputs: Properties) -> Properties:
    """Capacities are only for tables that provision them; AWS refuses them for the others."""
    if inputs.get("billingMode") != _ON_DEMAND:
        return inputs
    return {name: value for name, value in inputs.items() if name not in _CAPACITY}


def _encrypted(inputs: Properties) -> Properties:
    """Encryption with a key of one's own must be called by its name."""
    block = inputs.get("serverSideEncryption")
    if block is None or not block.get("enabled"):
        return {**inputs, "serverSideEncryption": None} if block is None else inputs
    return {**inputs, "SSESpecification": {"SSEType": "KMS"}}


def _new_table(inputs: Properties) -> Properties:
    indexed = ("hashKey", "rangeKey", "localSecondaryIndexes", "globalSecondaryIndexes")
    rest = {name: value for name, value in inputs.items() if name not in indexed}
    return {**_encrypted(_paid_on_demand(rest)), **_indexes(inputs)}


def _index_block(index: Properties) -> Properties:
    keys = {item["KeyType"]: item["AttributeName"] for item in index["KeySchema"]}
    throughput = index.get("ProvisionedThroughput") or {}
    block = {
        "name": index["IndexName"],
        "hashKey": keys.get("HASH"),
        "rangeKey": keys.get("RANGE"),
        "projectionType": index["Projection"].get("ProjectionType"),
        "nonKeyAttributes": index["Projection"].get("NonKeyAttributes"),
        "readCapacity": throughput.get("ReadCapacityUnits") or None,
        "writeCapacity": throughput.get("WriteCapacityUnits") or None,
    }
    return {name: value for name, value in block.items() if value is not None}


def _local_index_block(index: Properties) -> Properties:
    return {name: value for name, value in _index_block(index).items() if name not in {"hashKey", *_CAPACITY}}


def _described(answer: Properties) -> Properties:
    """A table's description in the form of its inputs."""
    keys = {item["KeyType"]: item["AttributeName"] for item in answer.get("KeySchema", [])}
    encryption = answer.get("SSEDescription")
    stream = answer.get("StreamSpecification") or {}
    billing = (answer.get("BillingModeSummary") or {}).get("BillingMode", _PROVISIONED)
    kept = {
        name: value
        for name, value in answer.items()
        if name not in {"GlobalSecondaryIndexes", "LocalSecondaryIndexes", "ProvisionedThroughput"}
    }
    throughput = answer.get("ProvisionedThroughput") if billing == _PROVISIONED else None
    found = {
        **kept,
        "hashKey": keys.get("HASH"),
        "rangeKey": keys.get("RANGE"),
        "billingMode": billing,
        "streamEnabled": stream.get("StreamEnabled"),
        "tableClass": (answer.get("TableClassSummary") or {}).get("TableClass", "STANDARD"),
        "ProvisionedThroughput": throughput,
        "globalSecondaryIndexes": [_index_block(item) for item in answer.get("GlobalSecondaryIndexes") or []]
        or None,
        "localSecondaryIndexes": [
            _local_index_block(item) for item in answer.get("LocalSecondaryIndexes") or []
        ]
        or None,
        "serverSideEncryption": None
        if encryption is None
        else {
            "enabled": encryption.get("Status") in {"ENABLED", "ENABLING", "UPDATING"},
            "kmsKeyArn": encryption.get("KMSMasterKeyArn"),
        },
    }
    return {name: value for name, value in found.items() if value is not None}


def _time_to_live(answer: Properties) -> Properties:
    enabled = answer.get("TimeToLiveStatus") in _TTL_ON
    block = {"enabled": enabled, "attributeName": answer.get("AttributeName")}
    return {"ttl": {name: value for name, value in block.items() if value is not None}}


def _recovery(answer: Properties) -> Properties:
    description = answer.get("PointInTimeRecoveryDescription") or {}
    enabled = description.get("PointInTimeRecoveryStatus") == "ENABLED"
    period = description.get("RecoveryPeriodInDays") if enabled else None
    return {
        "pointInTimeRecovery": {"enabled": enabled, **({"recoveryPeriodInDays": period} if period else {})}
    }


def _is_enabled(block: Value) -> bool:
    return isinstance(block, dict) and block.get("enabled") is True


def _is_disabled(block: Value) -> bool:
    return not _is_enabled(block)


def _stop_time_to_live(session: Session, state: Properties, _inputs: Properties) -> None:
    """Time to live can only be switched off by naming the attribute that it was on for."""
    present = state.get("ttl") or {}
    if present.get("enabled") is True:
        specification = {"Enabled": False, "AttributeName": present["attributeName"]}
        request = {"TableName": state["name"], "TimeToLiveSpecification": specification}
        session.call("dynamodb", "UpdateTimeToLive", request)


def _update_indexes(session: Session, state: Properties, inputs: Properties) -> None:
    """AWS changes one index a call and cannot change an index's keys, so a changed one is made anew."""
    olds = {block["name"]: _index(block) for block in state.get("globalSecondaryIndexes") or []}
    news = {block["name"]: _index(block) for block in inputs.get("globalSecondaryIndexes") or []}
    attributes = [
        {"AttributeName": item["name"], "AttributeType": item["type"]}
        for item in inputs.get("attributes") or []
    ]
    stale = [name for name in olds if olds[name] != news.get(name)]
    updates = [{"Delete": {"IndexName": name}} for name in stale]
    updates += [{"Create": index} for name, index in news.items() if index != olds.get(name)]
    for update in updates:
        request = {
            "TableName": state["name"],
            "AttributeDefinitions": attributes,
            "GlobalSecondaryIndexUpdates": [update],
        }
        session.call("dynamodb", "UpdateTable", request)


def _on_table(*properties: str, **differences: Value) -> Step:
    return Step(properties, Call("UpdateTable", **differences), on_create=False, settle=True)


TABLE = ResourceType(
    pulumi_type="aws:dynamodb/table:Table",
    service="dynamodb",
    id=("name",),
    identity=_TABLE,
    create=Call("CreateTable", fold=_new_table),
    reads=(
        Read("DescribeTable", at="Table", absent=_ABSENT, unfold=_described),
        Read("DescribeTimeToLive", at="TimeToLiveDescription", absent=_ABSENT, unfold=_time_to_live),
        Read(
            "DescribeContinuousBackups",
            at="ContinuousBackupsDescription",
            absent=_ABSENT | {"TableNotFoundException"},
            unfold=_recovery,
        ),
    ),
    steps=(
        _on_table("billingMode", *_CAPACITY, fold=_paid_on_demand),
        _on_table("streamEnabled", "streamViewType"),
        _on_table("serverSideEncryption", fold=_encrypted),
        _on_table("deletionProtectionEnabled"),
        _on_table("tableClass"),
        _on_table("onDemandThroughput"),
        Step(("globalSecondaryIndexes",), work=_update_indexes, on_create=False, settle=True),
        Step(("ttl",), Call("UpdateTimeToLive"), when=_is_enabled),
        Step(("ttl",), work=_stop_time_to_live, on_create=False, when=_is_disabled),
        Step(("pointInTimeRecovery",), Call("UpdateContinuousBackups"), when=_is_enabled),
        Step(
            ("pointInTimeRecovery",),
            Call(
                "UpdateContinuousBackups",
                only=(),
                constants={"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False}},
            ),
            on_create=False,
            when=_is_disabled,
        ),
    ),
    delete=(Call("DeleteTable"),),
    renames={
        "name": "TableName",
        "arn": "TableArn",
        "attributes": "AttributeDefinitions",
        "attributes[].name": "AttributeName",
        "attributes[].type": "AttributeType",
        "readCapacity": "ProvisionedThroughput.ReadCapacityUnits",
        "writeCapacity": "ProvisionedThroughput.WriteCapacityUnits",
        "streamEnabled": "StreamSpecification.StreamEnabled",
        "streamViewType": "StreamSpecification.StreamViewType",
        "streamArn": "LatestStreamArn",
        "streamLabel": "LatestStreamLabel",
        "serverSideEncryption": "SSESpecification",
        "serverSideEncryption.kmsKeyArn": "KMSMasterKeyId",
        "ttl": "TimeToLiveSpecification",
        "pointInTimeRecovery": "PointInTimeRecoverySpecification",
        "pointInTimeRecovery.enabled": "PointInTimeRecoveryEnabled",
    },
    tagging=Tagging(
        "TagResource", "UntagResource", identity={"ResourceArn": "arn"}, read="ListTagsOfResource"
    ),
    force_new=frozenset({"hashKey", "localSecondaryIndexes", "name", "rangeKey"}),
    defaults={"billingMode": _PROVISIONED, "tableClass": "STANDARD", "ttl.enabled": False},
    computed=frozenset(
        {
            "globalSecondaryIndexes",
            "onDemandThroughput",
            "pointInTimeRecovery",
            "readCapacity",
            "serverSideEncryption",
            "streamViewType",
            "ttl",
            "warmThroughput",
            "writeCapacity",
        }
    ),
    sets=frozenset({"attributes", "globalSecondaryIndexes", "localSecondaryIndexes"}),
    volatile=frozenset({"streamArn", "streamLabel"}),
    waits=(
        Wait(
            "TableStatus",
            pending=frozenset({"CREATING", "UPDATING"}),
            target=frozenset({"ACTIVE"}),
            timeout_s=1800.0,
        ),
    ),
    wait_deleted=True,
    autoname=Autoname(max_length=255),
    folded=frozenset({"globalSecondaryIndexes", "hashKey", "localSecondaryIndexes", "rangeKey"}),
    unsupported=frozenset(
        {
            "globalTableWitness",
            "importTable",
            "replicas",
            "restoreBackupArn",
            "restoreDateTime",
            "restoreSourceName",
            "restoreSourceTableArn",
            "restoreToLatestTime",
            "warmThroughput",
        }
    ),
)

TYPES = (TABLE,)
