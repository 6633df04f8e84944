"""The feature store through unmodified boto3: groups, records online and offline."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headway_sandbox import lifecycle
from support.control import BUCKET, Cloud, refused, unique, until
from support.feature_groups import DEFINITIONS, NOON, ONE, TWO, Group, features, queried


@pytest.fixture(scope="module")
def group(cloud: Cloud) -> Group:
    return Group(cloud).wait()


def test_the_newest_record_is_online_and_every_record_offline(cloud: Cloud) -> None:
    group = Group(cloud).wait()
    assert group.get("UA") is None

    group.put(carrier="UA", at=ONE, delay="12", rate="0.5")
    group.put(carrier="UA", at=NOON, delay="-3")
    group.put(carrier="DL", at=NOON, delay="7")

    assert group.get("UA") == {"carrier": "UA", "at": ONE, "delay": "12", "rate": "0.5"}
    assert group.get("DL") == {"carrier": "DL", "at": NOON, "delay": "7"}
    assert group.get("UA", FeatureNames=["delay"]) == {"delay": "12"}
    assert group.get("DL", FeatureNames=["rate"]) is None
    rows = group.rows(3)
    assert [(row["carrier"], row["at"], row["delay"], row["rate"]) for row in rows] == [
        ("UA", NOON, -3, None),
        ("DL", NOON, 7, None),
        ("UA", ONE, 12, 0.5),
    ]
    assert not any(row["is_deleted"] for row in rows)
    now = datetime.now(UTC).replace(tzinfo=None)
    for row in rows:
        assert now - timedelta(seconds=30) < row["api_invocation_time"] <= row["write_time"] <= now
    assert re.fullmatch(
        rf"s3://{BUCKET}/features/000000000000/sagemaker/us-east-1/offline-store/{group.name}-\d{{10}}/data",
        group.described()["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"],
    )
    assert {re.sub(r"_\w{16}\.parquet$", "", path) for path in group.files()} == {
        "year=2013/month=09/day=01/hour=12/20130901T120000Z",
        "year=2013/month=09/day=01/hour=13/20130901T130000Z",
    }


def test_a_soft_deletion_keeps_older_records_out_and_a_hard_one_does_not(cloud: Cloud) -> None:
    group = Group(cloud).wait()
    for carrier in ("UA", "DL", "AA"):
        group.put(carrier=carrier, at=ONE, delay="1")

    group.delete("UA", TWO)
    group.delete("DL", TWO, DeletionMode="HardDelete")
    group.delete("AA", NOON)
    code, message = refused(
        group.runtime.delete_record,
        FeatureGroupName=group.name,
        RecordIdentifierValueAsString="AA",
        EventTime=ONE,
        DeletionMode="HardDelete",
    )

    assert (code, f"EventTime {ONE} must be later" in message) == ("ValidationError", True)
    assert (group.get("UA"), group.get("DL")) == (None, None)
    assert group.get("AA") == {"carrier": "AA", "at": ONE, "delay": "1"}
    group.put(carrier="UA", at=ONE)
    group.put(carrier="DL", at=ONE)
    assert (group.get("UA"), group.get("DL")) == (None, {"carrier": "DL", "at": ONE})
    marks = [row for row in group.rows(8) if row["is_deleted"]]
    assert sorted((row["carrier"], row["at"], row["delay"]) for row in marks) == [
        ("AA", NOON, None),
        ("DL", TWO, None),
        ("UA", TWO, None),
    ]
    listed = group.runtime.list_records(FeatureGroupName=group.name)["RecordIdentifiers"]
    with_deleted = group.runtime.list_records(FeatureGroupName=group.name, IncludeSoftDeletedRecords=True)
    assert (listed, with_deleted["RecordIdentifiers"]) == (["AA", "DL"], ["AA", "DL", "UA"])


def test_a_call_can_be_for_one_store_only(cloud: Cloud) -> None:
    group = Group(cloud).wait()

    for carrier, store in (("UA", "OnlineStore"), ("DL", "OfflineStore")):
        group.runtime.put_record(
            FeatureGroupName=group.name, Record=features(carrier=carrier, at=ONE), TargetStores=[store]
        )

    assert group.get("UA") == {"carrier": "UA", "at": ONE}
    assert group.get("DL") is None
    assert [row["carrier"] for row in group.rows(1)] == ["DL"]


def test_records_expire_by_their_own_or_the_groups_time_to_live(cloud: Cloud) -> None:
    online = {"EnableOnlineStore": True, "TtlDuration": {"Unit": "Seconds", "Value": 2}}
    group = Group(cloud, OnlineStoreConfig=online).wait()
    now = datetime.now(UTC)
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")

    group.put(carrier="UA", at=at)
    group.runtime.put_record(
        FeatureGroupName=group.name,
        Record=features(carrier="DL", at=at),
        TtlDuration={"Unit": "Weeks", "Value": 1},
    )
    answer = group.runtime.get_record(
        FeatureGroupName=group.name, RecordIdentifierValueAsString="DL", ExpirationTimeResponse="Enabled"
    )

    assert answer["ExpiresAt"] == (now + timedelta(weeks=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    until(lambda: group.get("UA") is None, "the record's end")
    assert group.get("DL") is not None
    rows = group.rows(3)
    assert [(row["carrier"], row["is_deleted"]) for row in rows if row["at"] > at] == [("UA", True)]
    cloud.sagemaker.update_feature_group(FeatureGroupName=group.name, OnlineStoreConfig={"TtlDuration": {}})
    until(lambda: group.described()["LastUpdateStatus"]["Status"] == "Successful", "the update")
    group.put(carrier="AA", at="1999-01-01T00:00:00Z")
    assert group.get("AA") is not None


def test_batches_answer_what_they_can(cloud: Cloud, group: Group) -> None:
    answer = group.runtime.batch_write_record(
        Entries=[
            {"FeatureGroupName": group.name, "Record": features(carrier="B6", at=ONE, delay="1")},
            {"FeatureGroupName": group.name, "Record": features(carrier="B6", at=TWO, delay="x")},
            {"FeatureGroupName": "nobody", "Record": features(carrier="B6", at=ONE)},
        ]
    )
    assert [error["ErrorCode"] for error in answer["Errors"]] == ["ValidationError", "ResourceNotFound"]
    assert "'x' of the feature delay is not Integral" in answer["Errors"][0]["ErrorMessage"]

    arn = group.described()["FeatureGroupArn"]
    found = group.runtime.batch_get_record(
        Identifiers=[
            {
                "FeatureGroupName": arn,
                "RecordIdentifiersValueAsString": ["B6", "ZZ"],
                "FeatureNames": ["delay"],
            },
            {"FeatureGroupName": "nobody", "RecordIdentifiersValueAsString": ["B6"]},
        ]
    )

    assert found["Records"] == [
        {
            "FeatureGroupName": arn,
            "RecordIdentifierValueAsString": "B6",
            "Record": [{"FeatureName": "delay", "ValueAsString": "1"}],
        }
    ]
    assert [(item["FeatureGroupName"], item["ErrorCode"]) for item in found["Errors"]] == [
        ("nobody", "ResourceNotFound")
    ]
    assert found["UnprocessedIdentifiers"] == []


@pytest.mark.parametrize(
    ("method", "arguments", "code", "part"),
    [
        (
            "put_record",
            {"Record": features(carrier="UA", at="2013-09-01")},
            "ValidationError",
            "yyyy-MM-dd'T'HH:mm:ssZ",
        ),
        ("put_record", {"Record": features(at=ONE)}, "ValidationError", "must have the feature carrier"),
        (
            "put_record",
            {"Record": features(carrier="UA", at=ONE, delay="x" * 360_000)},
            "ValidationError",
            "less than or equal to 358400",
        ),
        (
            "put_record",
            {"Record": features(carrier="\ud800", at=ONE)},
            "ValidationError",
            "is no Unicode text",
        ),
        (
            "get_record",
            {"RecordIdentifierValueAsString": "UA", "FeatureNames": ["gate"]},
            "ValidationError",
            "no feature gate",
        ),
        (
            "get_record",
            {"FeatureGroupName": "nobody", "RecordIdentifierValueAsString": "UA"},
            "ResourceNotFound",
            "can't find a FeatureGroup with name nobody",
        ),
        (
            "put_record",
            {"FeatureGroupName": "nobody", "Record": features(carrier="UA", at=ONE)},
            "ValidationError",
            "can't find a FeatureGroup with name nobody",
        ),
        (
            "delete_record",
            {"RecordIdentifierValueAsString": "UA", "EventTime": "now"},
            "ValidationError",
            "the event time 'now'",
        ),
        (
            "update_record",
            {"RecordIdentifierValueAsString": "UA", "Features": features(delay="1")},
            "UnknownOperationException",
            "UpdateRecord",
        ),
    ],
)
def test_calls_that_cannot_be_answered_say_why(
    group: Group, method: str, arguments: dict[str, Any], code: str, part: str
) -> None:
    found = refused(getattr(group.runtime, method), **{"FeatureGroupName": group.name, **arguments})

    assert found[0] == code
    assert part in found[1]


def test_a_request_for_a_group_is_refused_with_every_reason(cloud: Cloud) -> None:
    code, message = refused(
        Group,
        cloud=cloud,
        EventTimeFeatureName="delay",
        RecordIdentifierFeatureName="tail",
        FeatureDefinitions=[
            *DEFINITIONS,
            {"FeatureName": "Rate", "FeatureType": "Integral"},
            {"FeatureName": "is_deleted", "FeatureType": "String"},
            {"FeatureName": "tags", "FeatureType": "String", "CollectionType": "List"},
        ],
        OnlineStoreConfig={"EnableOnlineStore": True, "StorageType": "InMemory"},
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "https://host/x"}, "TableFormat": "Iceberg"},
        RoleArn=None,
        ThroughputConfig={"ThroughputMode": "Provisioned"},
    )

    assert code == "ValidationException"
    for part in (
        "RecordIdentifierFeatureName tail",
        "delay is Integral; it must be String or Fractional",
        "rate is defined more than once",
        "is_deleted is reserved",
        "tags is a List",
        "InMemory is not emulated",
        "Iceberg is not emulated",
        "RoleArn must be given",
        "'https://host/x' is not an S3 URI",
        "Provisioned needs ProvisionedReadCapacityUnits",
    ):
        assert part in message


def test_a_group_without_a_bucket_or_key_fails_to_be_created(cloud: Cloud) -> None:
    storage = {"S3Uri": f"s3://{unique('nowhere')}/x"}
    key = "00000000-0000-0000-0000-000000000000"
    no_bucket = Group(cloud, OfflineStoreConfig={"S3StorageConfig": storage})
    no_key = Group(cloud, OnlineStoreConfig={"EnableOnlineStore": True, "SecurityConfig": {"KmsKeyId": key}})

    for group, operation in ((no_bucket, "GetBucketAcl"), (no_key, "DescribeKey")):
        assert operation in group.wait("CreateFailed").described()["FailureReason"]
        code, message = refused(
            group.runtime.put_record, FeatureGroupName=group.name, Record=features(carrier="UA", at=ONE)
        )
        assert (code, "in status CreateFailed" in message) == ("ValidationError", True)
        cloud.sagemaker.delete_feature_group(FeatureGroupName=group.name)


def test_groups_are_listed_updated_and_deleted(cloud: Cloud) -> None:
    sagemaker = cloud.sagemaker
    group = Group(cloud, Tags=[{"Key": "team", "Value": "flights"}]).wait()
    code, _ = refused(
        sagemaker.create_feature_group,
        FeatureGroupName=group.name,
        RecordIdentifierFeatureName="carrier",
        EventTimeFeatureName="at",
        FeatureDefinitions=DEFINITIONS,
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    assert code == "ResourceInUse"
    assert sagemaker.list_tags(ResourceArn=group.described()["FeatureGroupArn"])["Tags"] == [
        {"Key": "team", "Value": "flights"}
    ]
    listed = sagemaker.list_feature_groups(
        NameContains=group.name, FeatureGroupStatusEquals="Created", OfflineStoreStatusEquals="Active"
    )["FeatureGroupSummaries"]
    assert [item["FeatureGroupName"] for item in listed] == [group.name]

    group.put(carrier="UA", at=NOON)
    group.rows(1)
    sagemaker.update_feature_group(
        FeatureGroupName=group.name,
        FeatureAdditions=[{"FeatureName": "gate", "FeatureType": "String"}],
    )
    until(lambda: group.described()["LastUpdateStatus"]["Status"] == "Successful", "the update")
    group.put(carrier="UA", at=ONE, gate="B7")
    assert group.get("UA") == {"carrier": "UA", "at": ONE, "gate": "B7"}
    assert [row.get("gate") for row in group.rows(2)] == [None, "B7"]

    sagemaker.update_feature_metadata(
        FeatureGroupName=group.name,
        FeatureName="gate",
        Description="Where it parks",
        ParameterAdditions=[{"Key": "unit", "Value": "none"}, {"Key": "pii", "Value": "no"}],
    )
    sagemaker.update_feature_metadata(
        FeatureGroupName=group.name, FeatureName="gate", ParameterRemovals=["pii"]
    )
    metadata = sagemaker.describe_feature_metadata(FeatureGroupName=group.name, FeatureName="gate")
    assert (metadata["FeatureType"], metadata["Description"], metadata["Parameters"]) == (
        "String",
        "Where it parks",
        [{"Key": "unit", "Value": "none"}],
    )
    code, message = refused(
        sagemaker.describe_feature_metadata, FeatureGroupName=group.name, FeatureName="nothing"
    )
    assert (code, "no feature nothing" in message) == ("ResourceNotFound", True)

    files = group.files()
    group.put(carrier="DL", at=TWO)
    # An update under way is no obstacle.
    sagemaker.update_feature_group(
        FeatureGroupName=group.name, FeatureAdditions=[{"FeatureName": "seat", "FeatureType": "String"}]
    )
    prefix = group.described()["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    sagemaker.delete_feature_group(FeatureGroupName=group.name)
    gone = until(
        lambda: not sagemaker.list_feature_groups(NameContains=group.name)["FeatureGroupSummaries"], "the end"
    )
    assert gone
    # What was buffered is written before the group goes, and the offline store stays.
    assert len(cloud.keys(prefix.removeprefix(f"s3://{BUCKET}/"))) == len(files) + 1
    again = Group.__new__(Group)
    again.cloud, again.name = cloud, group.name
    assert refused(again.described)[0] == "ResourceNotFound"


def test_athena_reads_the_offline_store_and_it_is_encrypted_under_its_key(cloud: Cloud) -> None:
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    storage = {"S3Uri": f"s3://{BUCKET}/secret", "KmsKeyId": key}
    group = Group(cloud, OfflineStoreConfig={"S3StorageConfig": storage}).wait()
    group.put(carrier="UA", at=NOON, delay="3", rate="0.25")
    group.put(carrier="UA", at=ONE, delay="4")
    group.rows(2)

    config = group.described()["OfflineStoreConfig"]
    folder = config["S3StorageConfig"]["ResolvedOutputS3Uri"].removeprefix(f"s3://{BUCKET}/")
    for path in cloud.keys(folder):
        head = cloud.client("s3").head_object(Bucket=BUCKET, Key=path)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
    catalog = config["DataCatalogConfig"]
    table = cloud.client("glue").get_table(DatabaseName=catalog["Database"], Name=catalog["TableName"])
    columns = {item["Name"]: item["Type"] for item in table["Table"]["StorageDescriptor"]["Columns"]}
    assert columns == {
        "carrier": "string",
        "at": "string",
        "delay": "bigint",
        "rate": "double",
        "write_time": "timestamp",
        "api_invocation_time": "timestamp",
        "is_deleted": "boolean",
    }
    sql = (
        f"SELECT carrier, max(delay), max(hour) FROM {catalog['TableName']} WHERE NOT is_deleted "
        "GROUP BY carrier"
    )
    assert queried(cloud, sql, catalog["Database"]) == [["UA", "4", "13"]]


def test_a_bucket_that_refuses_blocks_the_offline_store_until_it_is_back(cloud: Cloud) -> None:
    bucket = unique("coming-and-going")
    cloud.client("s3").create_bucket(Bucket=bucket)
    group = Group(
        cloud,
        OfflineStoreConfig={
            "S3StorageConfig": {"S3Uri": f"s3://{bucket}/x"},
            "DisableGlueTableCreation": True,
        },
    ).wait()
    assert "DataCatalogConfig" not in group.described()["OfflineStoreConfig"]
    cloud.client("s3").delete_bucket(Bucket=bucket)

    group.put(carrier="UA", at=ONE)

    status = until(
        lambda: (found := group.described()["OfflineStoreStatus"])["Status"] == "Blocked" and found,
        "the block",
    )
    assert "NoSuchBucket" in status["BlockedReason"]
    assert group.get("UA") == {"carrier": "UA", "at": ONE}
    cloud.client("s3").create_bucket(Bucket=bucket)
    until(lambda: group.described()["OfflineStoreStatus"] == {"Status": "Active"}, "the offline store")
    assert cloud.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 1


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path)
    yield cloud
    lifecycle.stop(tmp_path)


def test_nothing_that_was_answered_is_lost_at_a_kill(own: Cloud) -> None:
    own.client("s3").create_bucket(Bucket=BUCKET)
    group = Group(own).wait()
    for number in range(120):
        group.put(carrier=f"C{number:03}", at=f"2013-09-{1 + number % 3:02}T00:00:00Z", delay=str(number))
        if number % 60 == 59:
            # Somewhere in the middle of a write to the bucket, or before it, or after it.
            time.sleep(0.45 + number / 1200)
            os.kill(own.record.pid, signal.SIGKILL)
            own.start()

    assert sorted(row["delay"] for row in group.rows(120)) == list(range(120))
    assert all(group.get(f"C{number:03}") is not None for number in range(120))
    assert [
        item["FeatureGroupStatus"] for item in own.sagemaker.list_feature_groups()["FeatureGroupSummaries"]
    ] == ["Created"]


def test_a_reset_forgets_every_record(own: Cloud) -> None:
    own.client("s3").create_bucket(Bucket=BUCKET)
    group = Group(own).wait()
    group.put(carrier="UA", at=ONE)

    lifecycle.reset(own.state_dir)

    assert refused(group.described)[0] == "ResourceNotFound"
    own.client("s3").create_bucket(Bucket=BUCKET)
    again = Group(own).wait()
    assert again.get("UA") is None
    again.put(carrier="UA", at=NOON)
    assert again.rows(1)[0]["at"] == NOON
