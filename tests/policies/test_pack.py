"""The rules as the engine runs them: the SDK's own analyzer, its unknown values, its levels."""

import ast
import json
from pathlib import Path
from typing import Any

import pulumi_policy
import pytest
import yaml
from google.protobuf import struct_pb2
from pulumi.runtime import proto
from pulumi_policy.policy import _PolicyAnalyzerServicer
from pulumi_policy.proxy import UNKNOWN_BOOLEAN_VALUE, UNKNOWN_STRING_VALUE

from headway_policies import rules as rules_package
from headway_policies.pack import policies
from headway_policies.registry import all_rules

ROOT = Path(__file__).resolve().parents[2]
FEW = {"HEADWAY-ENC-001", "HEADWAY-IAM-001", "HEADWAY-PUB-001", "HEADWAY-PUB-002"}
"""One rule of each kind, so that the tests are about the pack and not about the rules."""
ENDPOINT = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
BUCKET = "aws:s3/bucket:Bucket"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"


@pytest.fixture(scope="module")
def analyzer() -> Any:
    return _PolicyAnalyzerServicer(
        "headway",
        "0.1.0",
        policies([rule for rule in all_rules() if rule.id in FEW]),
        pulumi_policy.EnforcementLevel.ADVISORY,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
    )


def _urn(type_: str, name: str) -> str:
    return f"urn:pulumi:local::headway::{type_}::{name}"


def _struct(properties: dict[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(properties)
    return struct


def _analyze(analyzer: Any, type_: str, properties: dict[str, Any]) -> Any:
    request = proto.AnalyzeRequest(
        type=type_, properties=_struct(properties), urn=_urn(type_, "it"), name="it"
    )
    return analyzer.Analyze(request, None)


def _stack(analyzer: Any, *resources: tuple[str, str, dict[str, Any], dict[str, list[str]]]) -> Any:
    return analyzer.AnalyzeStack(
        proto.AnalyzeStackRequest(
            resources=[
                proto.AnalyzerResource(
                    type=type_,
                    name=name,
                    urn=_urn(type_, name),
                    properties=_struct(properties),
                    propertyDependencies={
                        key: proto.AnalyzerPropertyDependencies(urns=urns) for key, urns in depends.items()
                    },
                )
                for type_, name, properties, depends in resources
            ]
        ),
        None,
    )


def test_a_breach_is_mandatory_and_says_what_to_do(analyzer: Any) -> None:
    response = _analyze(analyzer, ENDPOINT, {})

    [diagnostic] = response.diagnostics
    assert diagnostic.enforcementLevel == proto.MANDATORY
    assert diagnostic.policyName == "HEADWAY-ENC-001"
    assert diagnostic.message.endswith("headway explain HEADWAY-ENC-001")


def test_a_key_that_is_set_and_not_known_yet_is_no_breach(analyzer: Any) -> None:
    response = _analyze(analyzer, ENDPOINT, {"kmsKeyArn": UNKNOWN_STRING_VALUE})

    assert {item.enforcementLevel for item in response.diagnostics} <= {proto.ADVISORY}


def test_what_cannot_be_decided_is_an_advisory_that_names_rule_and_property(analyzer: Any) -> None:
    response = _analyze(analyzer, "aws:iam/rolePolicy:RolePolicy", {"policy": UNKNOWN_STRING_VALUE})

    [diagnostic] = response.diagnostics
    assert diagnostic.enforcementLevel == proto.ADVISORY
    assert "HEADWAY-IAM-001 is undecided: policy not known before the update" in diagnostic.message


def test_an_unknown_value_does_not_hide_the_breach_beside_it(analyzer: Any) -> None:
    response = _analyze(
        analyzer,
        BLOCK,
        {
            "blockPublicAcls": UNKNOWN_BOOLEAN_VALUE,
            "blockPublicPolicy": False,
            "ignorePublicAcls": True,
            "restrictPublicBuckets": True,
        },
    )

    mandatory = [item.message for item in response.diagnostics if item.enforcementLevel == proto.MANDATORY]
    advisory = [item.message for item in response.diagnostics if item.enforcementLevel == proto.ADVISORY]
    assert len(mandatory) == len(advisory) == 1
    assert "blockPublicPolicy is False" in mandatory[0]
    assert "blockPublicAcls" in advisory[0]


def test_an_unknown_value_deep_in_a_document_is_found(analyzer: Any) -> None:
    document = {"Statement": [{"Effect": "Allow", "Action": ["*", UNKNOWN_STRING_VALUE]}]}
    response = _analyze(analyzer, "aws:iam/policy:Policy", {"policy": document})

    levels = sorted(item.enforcementLevel for item in response.diagnostics)
    assert levels == sorted([proto.MANDATORY, proto.ADVISORY])


def test_a_rule_is_not_applicable_to_other_types(analyzer: Any) -> None:
    response = _analyze(analyzer, "aws:sns/topic:Topic", {})

    assert list(response.diagnostics) == []
    assert {item.policy_name for item in response.not_applicable} == {
        rule.id for rule in all_rules() if rule.resource_check is not None and rule.id in FEW
    }


def test_a_secret_document_is_read_and_judged(analyzer: Any) -> None:
    secret = {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "value": json.dumps({"Statement": {"Effect": "Allow", "Action": "*"}}),
    }
    response = _analyze(analyzer, "aws:iam/rolePolicy:RolePolicy", {"policy": secret})

    assert [item.policyName for item in response.diagnostics] == ["HEADWAY-IAM-001"]


def test_a_bucket_without_a_block_is_named(analyzer: Any) -> None:
    response = _stack(
        analyzer,
        (BUCKET, "data", {"bucket": "data-1"}, {}),
        (BUCKET, "audit", {"bucket": "audit-1"}, {}),
        (BLOCK, "data", {"bucket": UNKNOWN_STRING_VALUE}, {"bucket": [_urn(BUCKET, "data")]}),
    )

    [diagnostic] = response.diagnostics
    assert diagnostic.policyName == "HEADWAY-PUB-002"
    assert diagnostic.enforcementLevel == proto.MANDATORY
    assert diagnostic.urn == _urn(BUCKET, "audit")
    assert "one for audit" in diagnostic.message


def test_a_stack_without_buckets_is_none_of_the_rules_business(analyzer: Any) -> None:
    response = _stack(analyzer, ("aws:sns/topic:Topic", "alarms", {}, {}))

    assert list(response.diagnostics) == []
    assert [item.policy_name for item in response.not_applicable] == ["HEADWAY-PUB-002"]


def test_every_policy_is_mandatory_by_itself() -> None:
    assert {policy.enforcement_level for policy in policies()} == {pulumi_policy.EnforcementLevel.MANDATORY}


def test_every_rule_is_a_policy() -> None:
    assert [policy.name for policy in policies()] == [rule.id for rule in all_rules()]


def test_the_pack_is_run_by_the_projects_own_interpreter() -> None:
    described = yaml.safe_load((ROOT / "policies/PulumiPolicy.yaml").read_text("utf-8"))

    assert described["runtime"] == {
        "name": "python",
        "options": {"toolchain": "pip", "virtualenv": "../.venv"},
    }
    assert "serve()" in (ROOT / "policies/__main__.py").read_text("utf-8")


def test_rules_judge_without_the_engines_sdk() -> None:
    # Rules run in a pull request on a plain declaration: they import nothing but the rule model.
    folder = Path(rules_package.__path__[0])
    imported = {
        node.module.split(".")[0]
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module is not None
    }

    assert imported <= {"headway_policies", "collections"}
