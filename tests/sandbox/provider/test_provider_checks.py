"""What the plugin says of inputs before anything is called: names, defaults, problems, differences."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from headway_sandbox.provider.assets import Archive, Asset
from headway_sandbox.provider.wire import UNKNOWN, Secret
from support.provider_plugin import Plugin

BUCKET = "aws:s3/bucket:Bucket"
QUEUE = "aws:sqs/queue:Queue"
TOPIC = "aws:sns/topic:Topic"
ROLE = "aws:iam/role:Role"
KEY = "aws:kms/key:Key"
ENDPOINT_CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
FUNCTION = "aws:lambda/function:Function"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
UPDATE, REPLACE = provider_pb2.PropertyDiff.UPDATE, provider_pb2.PropertyDiff.UPDATE_REPLACE


@pytest.mark.parametrize(
    ("token", "news", "name", "pattern"),
    [
        (BUCKET, {}, "Data", r"data-[0-9a-f]{7}"),
        (BUCKET, {"bucketPrefix": "pre-"}, "x", r"pre-[0-9a-f]{7}"),
        (ROLE, {"assumeRolePolicy": "{}"}, "Role", r"Role-[0-9a-f]{7}"),
        ("aws:kms/alias:Alias", {"targetKeyId": "k"}, "a", r"alias/a-[0-9a-f]{7}"),
        (QUEUE, {"fifoQueue": True}, "q", r"q-[0-9a-f]{7}\.fifo"),
        (OBJECT, {"bucket": "b"}, "dir/file.txt", r"dir/file\.txt"),
        (BUCKET, {"bucket": "given"}, "x", "given"),
    ],
)
def test_names_are_made_as_the_real_provider_makes_them(
    plugin: Plugin, token: str, news: dict[str, Any], name: str, pattern: str
) -> None:
    inputs, problems = plugin.check(token, news, name=name)
    named = inputs.get("bucket" if token == BUCKET else "key" if token == OBJECT else "name")
    assert problems == {}
    assert re.fullmatch(pattern, str(named))


def test_a_made_up_name_is_kept_follows_the_seed_and_obeys_the_stack_configuration(plugin: Plugin) -> None:
    first, _ = plugin.check(BUCKET, {}, name="b", seed=b"one")
    again, _ = plugin.check(BUCKET, {}, name="b", seed=b"one")
    other, _ = plugin.check(BUCKET, {}, name="b", seed=b"two")
    kept, _ = plugin.check(BUCKET, {}, olds=first, name="b", seed=b"two")
    fresh, _ = plugin.check(BUCKET, {}, olds={"bucket": "was-given"}, name="b", seed=b"two")
    options = provider_pb2.CheckRequest.AutonamingOptions
    enforced, _ = plugin.check(
        BUCKET, {}, name="b", autonaming=options(proposed_name="as-told", mode=options.ENFORCE)
    )
    _, refused = plugin.check(BUCKET, {}, name="b", autonaming=options(mode=options.DISABLE))
    _, too_long = plugin.check(ROLE, {"assumeRolePolicy": "{}"}, name="r" * 60)

    assert first == again
    assert kept["bucket"] == first["bucket"] != other["bucket"] == fresh["bucket"]
    assert enforced["bucket"] == "as-told"
    assert "autonaming is off" in refused["bucket"]
    assert "has 68 characters, at most 64 are allowed" in too_long["name"]


def test_defaults_are_filled_at_any_depth_but_make_no_block(plugin: Plugin) -> None:
    variants = [
        {"modelName": "m", "instanceType": "ml.m5.large"},
        {"modelName": "n", "initialVariantWeight": 0},
    ]
    inputs, problems = plugin.check(ENDPOINT_CONFIGURATION, {"name": "c", "productionVariants": variants})
    assert problems == {}
    assert [item["initialVariantWeight"] for item in inputs["productionVariants"]] == [1, 0]
    assert "shadowProductionVariants" not in inputs


def test_a_policy_may_be_an_object_and_secrets_and_unknowns_stay_what_they_are(plugin: Plugin) -> None:
    document = {"Version": "2012-10-17", "Statement": []}
    inputs, _ = plugin.check(BUCKET_POLICY, {"bucket": "b", "policy": document})
    unknown, _ = plugin.check(BUCKET_POLICY, {"bucket": "b", "policy": {"Statement": [UNKNOWN]}})
    secret, problems = plugin.check(
        QUEUE, {"name": "q", "tags": {"k": Secret("v")}, "visibilityTimeoutSeconds": UNKNOWN}
    )
    assert json.loads(inputs["policy"]) == document
    assert unknown["policy"] is UNKNOWN
    assert problems == {}
    assert (secret["tags"], secret["visibilityTimeoutSeconds"]) == ({"k": Secret("v")}, UNKNOWN)


@pytest.mark.parametrize(
    ("token", "news", "path", "reason"),
    [
        (BUCKET, {"bukket": "x"}, "bukket", "is no property of this type; allowed are"),
        (BUCKET, {"force_destroy": True}, "force_destroy", "did you mean forceDestroy?"),
        (BUCKET, {"forceDestroy": "no"}, "forceDestroy", "must be true or false, got 'no'"),
        (BUCKET, {"tags": ["a"]}, "tags", "must be a map, got ['a']"),
        (BUCKET, {"acl": "private"}, "acl", "does not translate"),
        (BUCKET, {"bucket": "a", "bucketPrefix": "b"}, "bucketPrefix", "exclude each other"),
        (BUCKET_POLICY, {"bucket": "b"}, "policy", "policy is required"),
        (BUCKET_POLICY, {"bucket": "b", "policy": "no json"}, "policy", "must be JSON text"),
        (KEY, {"keyUsage": "SING"}, "keyUsage", "must be one of SIGN_VERIFY, ENCRYPT_DECRYPT"),
        (
            KEY,
            {"deletionWindowInDays": "seven"},
            "deletionWindowInDays",
            "must be a whole number, got 'seven'",
        ),
        (
            ROLE,
            {"assumeRolePolicy": "{}", "description": "d" * 1001},
            "description",
            "at most 1000 characters",
        ),
        (
            "aws:sagemaker/model:Model",
            {"executionRoleArn": "a" * 20},
            "primaryContainer",
            "one of primaryContainer, containers",
        ),
        (FUNCTION, {"role": "r", "code": "x"}, "code", "must be an asset or archive, got 'x'"),
        (FUNCTION, {"role": "r", "vpcConfig": {"vpcId": "v"}}, "vpcConfig.vpcId", "does not translate"),
        ("aws:ec2/instance:Instance", {}, "", "no resource type aws:ec2/instance:Instance"),
    ],
)
def test_wrong_inputs_are_refused(
    plugin: Plugin, token: str, news: dict[str, Any], path: str, reason: str
) -> None:
    _, problems = plugin.check(token, news)
    assert reason in problems[path]


def test_a_wrong_secret_is_not_shown(plugin: Plugin) -> None:
    _, problems = plugin.check(KEY, {"keyUsage": Secret("hush-hush"), "description": Secret("h" * 9000)})
    assert "a secret value" in problems["keyUsage"]
    assert "hush" not in str(problems)


@pytest.mark.parametrize(
    ("token", "olds", "news", "expected"),
    [
        (KEY, {"description": "a"}, {"description": "b"}, {"description": UPDATE}),
        (KEY, {"keyUsage": "a"}, {"keyUsage": "b"}, {"keyUsage": REPLACE}),
        (KEY, {"policy": '{"a": 1, "b": [1]}'}, {"policy": '{"b": 1,"a":1}'}, {}),
        (KEY, {"policy": "{}"}, {}, {}),
        ("aws:sagemaker/model:Model", {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, {"tags.a": UPDATE}),
        (
            KEY,
            {"tags": {"a": "1", "b.c": "1"}},
            {"tags": {"a": "2", "b.c": "2"}},
            {"tags.a": UPDATE, 'tags["b.c"]': UPDATE},
        ),
        (BUCKET, {"forceDestroy": False}, {}, {}),
        (BUCKET, {"bucket": "a"}, {"bucket": UNKNOWN}, {"bucket": REPLACE}),
        ("aws:kms/alias:Alias", {"targetKeyId": "arn:k/1"}, {"targetKeyId": "1"}, {}),
        (
            ENDPOINT_CONFIGURATION,
            {"productionVariants": [{"modelName": "a", "variantName": "v"}]},
            {"productionVariants": [{"modelName": "b", "variantName": "v"}]},
            {"productionVariants[0].modelName": REPLACE},
        ),
        (
            "aws:sagemaker/endpoint:Endpoint",
            {"endpointConfigName": "a"},
            {"endpointConfigName": "b"},
            {"endpointConfigName": UPDATE},
        ),
        (
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            {"alarmActions": ["a", "b"], "threshold": 1},
            {"alarmActions": ["b", "a"], "threshold": 2},
            {"threshold": UPDATE},
        ),
        (
            "aws:lambda/invocation:Invocation",
            {"input": "{}", "lifecycleScope": "CREATE_ONLY"},
            {"input": '{"a":1}', "lifecycleScope": "CREATE_ONLY"},
            {"input": REPLACE},
        ),
        (
            "aws:lambda/invocation:Invocation",
            {"input": "{}", "lifecycleScope": "CRUD"},
            {"input": '{"a":1}', "lifecycleScope": "CRUD"},
            {"input": UPDATE},
        ),
        (FUNCTION, {"code": Asset(text="", hash="a")}, {"code": Asset(text="x", hash="a")}, {}),
        (
            FUNCTION,
            {"code": Archive(assets={"f": Asset(text="1")})},
            {"code": Archive(assets={"f": Asset(text="1")})},
            {},
        ),
        (FUNCTION, {"code": Asset(hash="a")}, {"code": Asset(text="x", hash="b")}, {"code": UPDATE}),
        (KEY, {"description": Secret("a")}, {"description": "a"}, {}),
    ],
)
def test_a_diff_says_what_changed_and_what_is_replaced(
    plugin: Plugin, token: str, olds: dict[str, Any], news: dict[str, Any], expected: dict[str, int]
) -> None:
    answer = plugin.diff(token, olds, news)
    assert {path: item.kind for path, item in answer.detailedDiff.items()} == expected
    some = provider_pb2.DiffResponse.DIFF_SOME if expected else provider_pb2.DiffResponse.DIFF_NONE
    assert answer.changes == some


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        ([], {"productionVariants[0].initialInstanceCount", "tags.a"}),
        (["tags"], {"productionVariants[0].initialInstanceCount"}),
        (["tags.b", "productionVariants[*].initialInstanceCount"], {"tags.a"}),
        (
            ["productionVariants[1].initialInstanceCount", "tags.*"],
            {"productionVariants[0].initialInstanceCount"},
        ),
        (["productionVariant", "tag"], {"productionVariants[0].initialInstanceCount", "tags.a"}),
        (["productionVariants", 'tags["b"]'], {"tags.a"}),
        (["productionVariants", 'tags["a"]'], set()),
        (["productionVariants", "tags"], set()),
    ],
)
def test_what_the_program_ignores_is_no_change(
    plugin: Plugin, ignored: list[str], expected: set[str]
) -> None:
    """Of a refresh, the engine leaves it to the provider to ignore."""
    olds = {"productionVariants": [{"variantName": "v", "initialInstanceCount": 1}], "tags": {"a": "1"}}
    news = {"productionVariants": [{"variantName": "v", "initialInstanceCount": 2}], "tags": {"a": "2"}}

    answer = plugin.diff(ENDPOINT_CONFIGURATION, olds, news, ignored=ignored)

    assert set(answer.detailedDiff) == expected
    some = provider_pb2.DiffResponse.DIFF_SOME if expected else provider_pb2.DiffResponse.DIFF_NONE
    assert answer.changes == some


def test_a_replacement_of_the_same_name_deletes_first_a_made_up_name_does_not(plugin: Plugin) -> None:
    group = "aws:sagemaker/modelPackageGroup:ModelPackageGroup"
    fixed = {"modelPackageGroupName": "g", "modelPackageGroupDescription": "a"}
    assert plugin.diff(group, fixed, {**fixed, "modelPackageGroupDescription": "b"}).deleteBeforeReplace
    made_up = {"name": "thing-0a1b2c3", "path": "/"}
    assert not plugin.diff(ROLE, made_up, {**made_up, "path": "/x/"}).deleteBeforeReplace
    given = {"name": "given", "path": "/"}
    assert plugin.diff(ROLE, given, {**given, "path": "/x/"}).deleteBeforeReplace
    topic = {"name": "given", "fifoTopic": False}
    assert plugin.diff(
        TOPIC, topic, {**topic, "fifoTopic": True}, {**topic, "arn": "arn"}
    ).deleteBeforeReplace
    attachment = {"role": "a", "policyArn": "b"}
    assert plugin.diff(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment", attachment, {**attachment, "role": "c"}
    ).deleteBeforeReplace


def test_changed_default_tags_are_an_update_of_every_tagged_resource(plugin: Plugin) -> None:
    inputs = {"bucket": "b", "tags": {"a": "1"}}
    same = plugin.diff(BUCKET, inputs, inputs, {**inputs, "tagsAll": {"a": "1", "team": "tests"}})
    moved = plugin.diff(BUCKET, inputs, inputs, {**inputs, "tagsAll": {"a": "1", "team": "others"}})
    assert same.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert list(moved.diffs) == ["tagsAll"]
