"""The plugin process as the engine sees it: previews, calls, failures."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from headway_sandbox.provider import registry, server, wire
from headway_sandbox.provider.assets import Archive, Asset
from headway_sandbox.provider.wire import UNKNOWN, Secret
from support.provider_plugin import CallError, Plugin
from support.sandboxes import client

BUCKET = "aws:s3/bucket:Bucket"
ENDPOINT = "aws:sagemaker/endpoint:Endpoint"
ENDPOINT_CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
MODEL = "aws:sagemaker/model:Model"
QUEUE = "aws:sqs/queue:Queue"
VPC = "aws:ec2/vpc:Vpc"
KEY = "aws:kms/key:Key"
ITEM = "aws:dynamodb/getTableItem:getTableItem"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
UPDATE, REPLACE = provider_pb2.PropertyDiff.UPDATE, provider_pb2.PropertyDiff.UPDATE_REPLACE


def aws(variables: dict[str, str], service: str) -> Any:
    return client(variables["AWS_ENDPOINT_URL"], service)


def test_a_preview_tells_what_is_certain_and_nothing_else(offline: Plugin) -> None:
    offline.configure(region="eu-west-1", defaultTags={"tags": {"team": "t"}})
    resource_id, outputs = offline.create(BUCKET, {"bucket": "named", "tags": {"a": "1"}}, preview=True)
    assert resource_id == "named"
    assert outputs["arn"] == "arn:aws:s3:::named"
    assert outputs["tagsAll"] == {"a": "1", "team": "t"}
    assert outputs["bucketRegion"] == outputs["region"] == "eu-west-1"
    assert outputs["hostedZoneId"] is UNKNOWN
    made_up_id, made_up = offline.create(BUCKET, {"bucket": "thing-0a1b2c3"}, preview=True)
    assert (made_up_id, made_up["arn"], made_up["bucket"]) == ("", UNKNOWN, "thing-0a1b2c3")
    key_id, key = offline.create(KEY, {"description": Secret("d")}, preview=True)
    assert (key_id, key["arn"], key["policy"], key["description"]) == ("", UNKNOWN, UNKNOWN, Secret("d"))
    assert "customKeyStoreId" not in key


def test_any_type_of_pulumi_aws_is_planned_without_a_sandbox(offline: Plugin, plugin: Plugin) -> None:
    queue = "aws:kinesis/stream:Stream"
    offline.configure(region="eu-west-1", defaultTags={"tags": {"team": "t"}})
    inputs, problems = offline.check(queue, {"shardCount": 1, "tags": {"a": "1"}})
    assert (inputs, problems) == ({"shardCount": 1, "tags": {"a": "1"}}, {})
    resource_id, outputs = offline.create(queue, inputs, preview=True)
    assert (resource_id, outputs["arn"], outputs["name"]) == ("", UNKNOWN, UNKNOWN)
    assert (outputs["shardCount"], outputs["tagsAll"]) == (1, {"a": "1", "team": "t"})
    assert offline.diff(queue, inputs, {**inputs, "shardCount": 2}).diffs == ["shardCount"]
    assert "shards is no property" in offline.check(queue, {"shards": 1})[1]["shards"]
    assert "pulumi-aws has no resource type" in offline.check("aws:kinesis/no:No", {})[1][""]

    refused = plugin.check(queue, inputs)[1]
    assert "has no resource type aws:kinesis/stream:Stream" in refused[""]
    assert "can be planned" in refused[""]


def test_what_the_sandbox_lacks_is_planned_for_aws_and_refused_here(offline: Plugin, plugin: Plugin) -> None:
    trail = {"s3BucketName": "b", "insightSelectors": [{"insightType": "ApiCallRateInsight"}]}
    offline.configure(region="eu-west-1")
    assert offline.check("aws:cloudtrail/trail:Trail", trail)[1] == {}
    assert (
        "needs cloudtrail:PutInsightSelectors, which the sandbox lacks"
        in (plugin.check("aws:cloudtrail/trail:Trail", trail)[1]["insightSelectors"])
    )


def test_a_preview_of_an_update_keeps_what_cannot_change(offline: Plugin) -> None:
    state = {
        "arn": "a",
        "versionId": "v1",
        "etag": "e1",
        "bucket": "b",
        "key": "k",
        "content": "1",
        "tagsAll": {},
    }
    olds = {"bucket": "b", "key": "k", "content": "1"}
    outputs = offline.update(
        OBJECT, "b/k", state=state, olds=olds, news={**olds, "content": "2"}, preview=True
    )
    assert (outputs["arn"], outputs["content"], outputs["versionId"], outputs["etag"]) == (
        "a",
        "2",
        UNKNOWN,
        UNKNOWN,
    )


def test_without_a_sandbox_calls_are_refused_and_functions_answer_what_is_configured(offline: Plugin) -> None:
    offline.configure()
    with pytest.raises(CallError, match="which account this is") as unknown:
        offline.invoke("aws:index/getCallerIdentity:getCallerIdentity")
    assert "`pulumi config set --path 'aws:allowedAccountIds[0]' ACCOUNT`" in str(unknown.value)
    assert "`headway:accountId` is not known here" in str(unknown.value)
    with pytest.raises(CallError, match="no region is configured"):
        offline.invoke("aws:index/getRegion:getRegion")
    offline.configure(region="us-gov-west-1", allowedAccountIds=["111111111111"])
    with pytest.raises(
        CallError, match="creating aws:s3/bucket:Bucket 'thing': no sandbox to talk to"
    ) as refused:
        offline.create(BUCKET, {"bucket": "b"})
    assert refused.value.code == grpc.StatusCode.FAILED_PRECONDITION
    identity = offline.invoke("aws:index/getCallerIdentity:getCallerIdentity")
    assert identity["accountId"] == "111111111111"
    assert offline.invoke("aws:index/getPartition:getPartition")["partition"] == "aws-us-gov"
    assert offline.invoke("aws:index/getRegion:getRegion")["region"] == "us-gov-west-1"
    with pytest.raises(CallError, match="no function aws:ec2/getAmi:getAmi; it has"):
        offline.invoke("aws:ec2/getAmi:getAmi")


@pytest.mark.parametrize(
    "url", ["https://s3.amazonaws.com", "http://10.0.0.1:4566", "http://127.0.0.1.evil.example"]
)
def test_an_endpoint_elsewhere_is_refused(offline: Plugin, url: str) -> None:
    endpoints = [{"s3": url}]
    news = wire.encode({"endpoints": json.dumps(endpoints)})
    answer = offline.stub.CheckConfig(provider_pb2.CheckRequest(urn="urn", news=news))
    assert "never touches AWS" in answer.failures[0].reason
    with pytest.raises(CallError, match="never touches AWS"):
        offline.configure(endpoints=endpoints)


def test_an_item_is_read_from_a_table(
    plugin: Plugin, offline: Plugin, sandbox_variables: dict[str, str]
) -> None:
    dynamodb = aws(sandbox_variables, "dynamodb")
    dynamodb.create_table(
        TableName="items",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName="items", Item={"id": {"S": "a"}, "why": {"S": "held"}, "b": {"B": b"1"}})
    asked: dict[str, Any] = {"tableName": "items", "key": '{"id": {"S": "a"}}'}
    some = {"projectionExpression": "#w", "expressionAttributeNames": {"#w": "why"}}

    whole, part = plugin.invoke(ITEM, **asked), plugin.invoke(ITEM, **{**asked, **some})

    assert (whole["id"], whole["tableName"], whole["region"]) == ("items|a", "items", "us-east-1")
    assert json.loads(whole["item"]) == {"id": {"S": "a"}, "why": {"S": "held"}, "b": {"B": "MQ=="}}
    assert json.loads(part["item"]) == {"why": {"S": "held"}}
    for wrong, said in (
        ({"key": '{"id": {"S": "b"}}'}, "couldn't find resource"),
        ({"tableName": "others"}, "ResourceNotFoundException"),
        ({"key": "a"}, "key must be JSON"),
        ({"key": "[]"}, "key must be JSON"),
        ({"key": '{"id": {"S": 1}}'}, "key must be JSON"),
        ({"key": '{"id": {"B": "YQ=="}}'}, "key must be JSON"),
    ):
        with pytest.raises(CallError, match=said):
            plugin.invoke(ITEM, **{**asked, **wrong})
    offline.configure(region="us-east-1")
    with pytest.raises(CallError, match="no sandbox to talk to"):
        offline.invoke(ITEM, **asked)


def test_a_bucket_lives_with_tags_of_its_own_and_of_the_provider(
    plugin: Plugin, sandbox_variables: dict[str, str]
) -> None:
    s3 = aws(sandbox_variables, "s3")
    inputs = {"bucket": "lives", "tags": {"a": "1"}, "forceDestroy": True}
    resource_id, outputs = plugin.create(BUCKET, inputs)
    assert outputs["tagsAll"] == {"a": "1", "team": "tests"}
    assert outputs["tags"] == {"a": "1"}

    news = {**inputs, "tags": {"b": "2"}}
    outputs = plugin.update(BUCKET, resource_id, state=outputs, olds=inputs, news=news)
    tags = {item["Key"]: item["Value"] for item in s3.get_bucket_tagging(Bucket="lives")["TagSet"]}
    assert tags == outputs["tagsAll"] == {"b": "2", "team": "tests"}

    assert plugin.read(BUCKET, resource_id, news, outputs) == (resource_id, news, outputs)
    s3.put_bucket_tagging(Bucket="lives", Tagging={"TagSet": [{"Key": "x", "Value": "y"}]})
    _, drifted, _ = plugin.read(BUCKET, resource_id, news, outputs)
    assert drifted["tags"] == {"x": "y"}

    s3.put_object(Bucket="lives", Key="full", Body=b"x")
    plugin.delete(BUCKET, resource_id, outputs)
    plugin.delete(BUCKET, resource_id, outputs)
    assert plugin.read(BUCKET, resource_id, news, outputs) == ("", {}, {})


def test_an_import_gives_inputs_without_what_aws_chose_itself(
    plugin: Plugin, sandbox_variables: dict[str, str]
) -> None:
    url = aws(sandbox_variables, "sqs").create_queue(
        QueueName="imported", Attributes={"VisibilityTimeout": "5"}
    )["QueueUrl"]
    resource_id, inputs, outputs = plugin.read(QUEUE, url)
    assert resource_id == url
    assert inputs["name"] == "imported"
    assert inputs["visibilityTimeoutSeconds"] == 5
    assert "arn" not in inputs
    assert outputs["arn"].endswith(":imported")
    plugin.delete(QUEUE, url, outputs)


def test_a_refused_creation_leaves_nothing_and_says_what_aws_said(
    plugin: Plugin, sandbox_variables: dict[str, str]
) -> None:
    aws(sandbox_variables, "s3").create_bucket(Bucket="not-empty")
    aws(sandbox_variables, "s3").put_object(Bucket="not-empty", Key="k", Body=b"x")
    with pytest.raises(
        CallError, match=r"deleting aws:s3/bucket:Bucket 'thing' \[not-empty\]: DeleteBucket: BucketNotEmpty"
    ):
        plugin.delete(BUCKET, "not-empty", {"bucket": "not-empty", "forceDestroy": False})
    with pytest.raises(
        CallError, match="creating aws:iam/rolePolicy:RolePolicy 'thing': PutRolePolicy: NoSuchEntity"
    ) as refused:
        plugin.create("aws:iam/rolePolicy:RolePolicy", {"role": "nobody", "name": "p", "policy": allow_all()})
    assert refused.value.left is None
    assert refused.value.code == grpc.StatusCode.FAILED_PRECONDITION


def allow_all() -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_what_exists_when_a_creation_fails_is_reported_and_put_in_line_by_the_next_update(
    plugin: Plugin, sandbox_variables: dict[str, str]
) -> None:
    group = {"name": "half-made", "retentionInDays": 5555, "tags": {"a": "1"}}
    with pytest.raises(
        CallError, match="creating aws:cloudwatch/logGroup:LogGroup 'thing': PutRetentionPolicy"
    ) as failed:
        plugin.create("aws:cloudwatch/logGroup:LogGroup", group)
    assert failed.value.left is not None
    resource_id, outputs = failed.value.left
    assert (resource_id, outputs["name"]) == ("half-made", "half-made")
    # The engine keeps the inputs and comes back with an update that changes nothing.
    fixed = {**group, "retentionInDays": 7}
    repaired = plugin.update(
        "aws:cloudwatch/logGroup:LogGroup", resource_id, state=outputs, olds=fixed, news=fixed
    )
    assert repaired["retentionInDays"] == 7
    (live,) = aws(sandbox_variables, "logs").describe_log_groups(logGroupNamePrefix="half-made")["logGroups"]
    assert live["retentionInDays"] == 7
    plugin.delete("aws:cloudwatch/logGroup:LogGroup", resource_id, repaired)


def test_an_archive_gives_the_same_bytes_everywhere(
    plugin: Plugin, sandbox_variables: dict[str, str]
) -> None:
    inputs = {"bucket": "archives", "forceDestroy": True}
    _, bucket = plugin.create(BUCKET, inputs)
    archive = Archive(assets={"b/main.py": Asset(text="x = 1\n"), "a.txt": Asset(text="a")})
    _, first = plugin.create(OBJECT, {"bucket": "archives", "key": "one", "source": archive})
    _, second = plugin.create(OBJECT, {"bucket": "archives", "key": "two", "source": archive})
    assert first["etag"] == second["etag"]
    assert first["etag"] == hashlib.md5(archive.zip(), usedforsecurity=False).hexdigest()
    with pytest.raises(CallError, match=r"the remote asset https://example\.com/x cannot be used"):
        plugin.create(
            OBJECT, {"bucket": "archives", "key": "three", "source": Asset(uri="https://example.com/x")}
        )
    with pytest.raises(CallError, match="the asset file /nowhere cannot be read: No such file"):
        plugin.create(OBJECT, {"bucket": "archives", "key": "four", "source": Asset(path="/nowhere")})
    aws(sandbox_variables, "s3").put_object(Bucket="archives", Key="one", Body=b"changed by someone")
    _, drifted, _ = plugin.read(
        OBJECT, "archives/one", {"bucket": "archives", "key": "one", "source": archive}, first
    )
    assert "source" not in drifted
    plugin.delete(BUCKET, "archives", bucket)


def test_secrets_come_back_as_secrets(plugin: Plugin) -> None:
    inputs = {"name": "/secret", "type": "SecureString", "value": Secret("hush"), "tags": {"k": Secret("v")}}
    resource_id, outputs = plugin.create("aws:ssm/parameter:Parameter", inputs)
    assert outputs["value"] == Secret("hush")
    assert outputs["tagsAll"] == Secret({"k": "v", "team": "tests"})
    _, read_inputs, read_outputs = plugin.read("aws:ssm/parameter:Parameter", resource_id, inputs, outputs)
    assert (read_inputs["value"], read_outputs["value"]) == (Secret("hush"), Secret("hush"))
    plugin.delete("aws:ssm/parameter:Parameter", resource_id, outputs)


def test_another_region_is_another_place(plugin: Plugin, sandbox_variables: dict[str, str]) -> None:
    resource_id, outputs = plugin.create(BUCKET, {"bucket": "elsewhere", "region": "eu-west-1"})
    assert outputs["bucketRegion"] == outputs["region"] == "eu-west-1"
    location = aws(sandbox_variables, "s3").get_bucket_location(Bucket="elsewhere")["LocationConstraint"]
    assert location == "eu-west-1"
    moved = plugin.diff(
        BUCKET, {"bucket": "elsewhere"}, {"bucket": "elsewhere", "region": "eu-west-2"}, outputs
    )
    assert list(moved.replaces) == ["region"]
    plugin.delete(BUCKET, resource_id, outputs)


def test_an_update_that_ends_half_way_leaves_what_is_there_now(plugin: Plugin) -> None:
    olds = {"cidrBlock": "10.0.0.0/16", "enableDnsSupport": True, "instanceTenancy": "dedicated"}
    news = {**olds, "enableDnsSupport": False, "instanceTenancy": "default"}
    vpc_id, state = plugin.create(VPC, olds)

    # The sandbox changes a VPC's attributes, but not its tenancy.
    with pytest.raises(CallError, match="ModifyVpcTenancy") as half_way:
        plugin.update(VPC, vpc_id, state=state, olds=olds, news=news)
    with pytest.raises(CallError, match="ModifyVpcTenancy") as refused:
        plugin.update(VPC, vpc_id, state=state, olds=olds, news={**olds, "instanceTenancy": "default"})

    assert half_way.value.left is not None
    left_id, left = half_way.value.left
    assert (left_id, left["enableDnsSupport"], left["instanceTenancy"]) == (vpc_id, False, "dedicated")
    assert refused.value.left is None
    plugin.delete(VPC, vpc_id, left)


def test_the_plugin_says_which_provider_it_stands_in_for(plugin: Plugin) -> None:
    assert plugin.stub.GetPluginInfo(empty_pb2.Empty()).version == server.version()
    schema = json.loads(plugin.stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert (schema["name"], schema["resources"].keys()) == ("aws", registry.tokens())
    text = json.dumps(schema)
    used = {part.split('"')[0] for part in text.split('"#/types/')[1:]}
    assert used == schema["types"].keys()
    handshake = plugin.stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    assert handshake.accept_secrets
    assert handshake.supports_autonaming_configuration


def test_the_plugin_ends_with_its_engine() -> None:
    command = [sys.executable, "-u", "-m", "headway_sandbox.provider", "127.0.0.1:1"]
    with subprocess.Popen(
        command, env=dict(os.environ), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert int(process.stdout.readline()) > 0
        started = time.monotonic()
        process.stdin.close()
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - started < 5


def test_a_cancelled_creation_reports_what_exists(sandbox_variables: dict[str, str]) -> None:
    cancelled = Plugin({**os.environ, **sandbox_variables})
    cancelled.configure(region="us-east-1")
    image = "headway-runtime@sha256:" + "0" * 64
    _, bucket = cancelled.create(BUCKET, {"bucket": "cancelled", "forceDestroy": True})
    cancelled.create(OBJECT, {"bucket": "cancelled", "key": "model.tar.gz", "content": "no archive"})
    container = {"image": image, "modelDataUrl": "s3://cancelled/model.tar.gz"}
    role = "arn:aws:iam::000000000000:role/cancelled"
    _, model = cancelled.create(
        MODEL, {"name": "cancelled", "executionRoleArn": role, "primaryContainer": container}
    )
    variant = {
        "variantName": "a",
        "modelName": "cancelled",
        "instanceType": "ml.m5.large",
        "initialInstanceCount": 1,
    }
    _, configuration = cancelled.create(
        ENDPOINT_CONFIGURATION, {"name": "cancelled", "productionVariants": [variant]}
    )
    cancelled.stub.Cancel(empty_pb2.Empty())

    with pytest.raises(CallError, match="cancelled before the resource was ready") as failed:
        cancelled.create(ENDPOINT, {"name": "cancelled", "endpointConfigName": "cancelled"})

    cancelled.close()
    assert failed.value.left is not None
    resource_id, outputs = failed.value.left
    assert (resource_id, outputs["arn"].rpartition("/")[2]) == ("cancelled", "cancelled")
    successor = Plugin({**os.environ, **sandbox_variables})
    successor.configure(region="us-east-1")
    successor.delete(ENDPOINT, resource_id, outputs)
    successor.delete(ENDPOINT_CONFIGURATION, "cancelled", configuration)
    successor.delete(MODEL, "cancelled", model)
    successor.delete(BUCKET, "cancelled", bucket)
    successor.close()


def test_a_managed_policy_changes_more_often_than_iam_keeps_versions(
    plugin: Plugin, sandbox_variables: dict[str, str]
) -> None:
    def inputs(number: int) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{number}/*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        return {"name": "changes-often", "policy": json.dumps(document)}

    arn, state = plugin.create("aws:iam/policy:Policy", inputs(0))
    for number in range(1, 8):
        state = plugin.update(
            "aws:iam/policy:Policy", arn, state=state, olds=inputs(number - 1), news=inputs(number)
        )
    iam = aws(sandbox_variables, "iam")
    kept = {item["VersionId"] for item in iam.list_policy_versions(PolicyArn=arn)["Versions"]}
    plugin.delete("aws:iam/policy:Policy", arn, state)

    assert "arn:aws:s3:::7/*" in state["policy"]
    assert kept == {"v4", "v5", "v6", "v7", "v8"}
