"""What a system may do and what becomes of its data: least privilege, encryption, two keys to destroy."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headway_components import (
    ComplianceSpec,
    DataRetention,
    Deployment,
    ImageRepository,
    ImageRepositoryArgs,
    SystemSpec,
)
from headway_components._tags import tagged
from headway_components.feature_store import ERASE_SESSION
from headway_policies.intent import DEVELOPMENT, PRODUCTION, DataClassification, Intent
from headway_policies.outcome import Outcome
from support.example_system import BASELINE, DEFAULTS, DEPLOYMENT, MAX, MAX_DEPLOYMENT
from support.planned import judged, planned
from support.pulumi_program import Registered, Run, run_program

ERASER = "fraud-features-eraser-role"
WITHOUT_RESOURCE = {
    "cloudwatch:GetMetricData",
    "cloudwatch:PutMetricData",
    "ecr:GetAuthorizationToken",
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListModelPackages",
    "sagemaker:ListModels",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}
"""Actions that AWS lets nobody restrict to a resource."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return planned(MAX, MAX_DEPLOYMENT, tmp_path_factory.mktemp("code"))


def allowed(run: Run) -> Iterator[tuple[Registered, dict[str, Any]]]:
    """Every statement that gives somebody something; the policy of a network's endpoint only takes away."""
    for item in run.resources:
        if item.type == "aws:ec2/vpcEndpoint:VpcEndpoint":
            continue
        for policy in item.policies():
            for statement in policy["Statement"]:
                if statement["Effect"] == "Allow":
                    yield item, statement


_PEOPLE = Intent(environment="prod", data_classification=DataClassification.RESTRICTED, personal_data=True)
_WATCHED_IN_PART = MAX.model_copy(
    update={"monitoring": MAX.monitoring.model_copy(update={"capture_sampling_pct": 20})}
)

FORMS = {
    "fullest, about people": (_WATCHED_IN_PART, MAX_DEPLOYMENT, _PEOPLE),
    "fullest, in production": (MAX, MAX_DEPLOYMENT, PRODUCTION),
    "fullest, elsewhere": (MAX, MAX_DEPLOYMENT, DEVELOPMENT),
    "smallest": (DEFAULTS, DEPLOYMENT, DEVELOPMENT),
    "smallest that trains": (DEFAULTS.model_copy(update={"model": BASELINE}), DEPLOYMENT, DEVELOPMENT),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_no_rule_of_the_gate_speaks_against_the_components(
    form: tuple[SystemSpec, Deployment, Intent], tmp_path: Path
) -> None:
    spec, deployment, intent = form
    run = planned(spec, deployment, tmp_path)
    judgements = judged(run, intent)
    against = [
        (item.rule_id, item.urn, item.findings, item.undecided)
        for item in judgements
        if item.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)
    ]

    assert against == []
    assert len([item for item in judgements if item.outcome is Outcome.PASS]) > len(run.resources) / 2


def test_no_rule_speaks_against_a_repository_of_images() -> None:
    args = ImageRepositoryArgs(
        repository="team/headway-runtime", account_id="000000000000", region="us-east-1"
    )

    def program() -> None:
        ImageRepository("images", args, tagged(None, MAX_DEPLOYMENT))

    run = run_program(program)

    assert {item.outcome for item in judged(run, PRODUCTION)} <= {Outcome.PASS, Outcome.NOT_APPLICABLE}
    assert {item.protect for item in run.of_type("repository:Repository")} == {True}


def test_no_statement_allows_a_wildcard_action(run: Run) -> None:
    statements = list(allowed(run))
    actions = [
        action
        for _, statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]

    assert len(statements) > 40
    assert [action for action in actions if "*" in action] == []


def test_a_wildcard_resource_stands_only_where_aws_knows_no_other(run: Run) -> None:
    for item, statement in allowed(run):
        if "*" in statement.get("Resource", ()) and not item.type.endswith("key:Key"):
            assert set(statement["Action"]) <= WITHOUT_RESOURCE, (item.name, statement)


def test_passing_a_role_is_bound_to_one_role_and_one_service(run: Run) -> None:
    passing = [statement for _, statement in allowed(run) if "iam:PassRole" in statement["Action"]]

    assert len(passing) == 5
    for statement in passing:
        assert len(statement["Resource"]) == 1
        assert "*" not in statement["Resource"][0]
        assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_roles_trust_one_service_of_one_account_or_the_account_to_erase(run: Run) -> None:
    for role in run.of_type("role:Role"):
        (policy,) = role.policies()
        (statement,) = policy["Statement"]
        if role.name == ERASER:
            assert statement["Principal"] == {"AWS": "arn:aws:iam::000000000000:root"}
            assert statement["Condition"] == {"StringEquals": {"sts:RoleSessionName": ERASE_SESSION}}
        else:
            assert list(statement["Principal"]) == ["Service"]
            assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "000000000000"}}


def test_the_gate_follows_people_to_the_role_that_erases_them(run: Run) -> None:
    def outcomes(found: Run) -> set[Outcome]:
        return {
            item.outcome
            for item in judged(found, _PEOPLE)
            if item.rule_id == "HEADWAY-PRV-004" and item.urn is not None and "FeatureGroup" in item.urn
        }

    (granted,) = [item for item in run.resources if item.inputs.get("role") == ERASER]
    left = [item for item in run.resources if item is not granted]

    assert outcomes(run) == {Outcome.PASS}
    assert outcomes(replace(run, resources=left)) == {Outcome.FAIL}


def test_buckets_are_encrypted_private_versioned_and_tls_only(run: Run) -> None:
    buckets = {bucket.name for bucket in run.of_type("bucket:Bucket")}

    assert len(buckets) == 5
    for name in buckets:
        settings = [item for item in run.resources if item.inputs.get("bucket") == name]
        by_type = {item.type.rpartition(":")[2]: item.inputs for item in settings}
        (rule,) = by_type["BucketServerSideEncryptionConfiguration"]["rules"]
        block = by_type["BucketPublicAccessBlock"]
        deny, *others = json.loads(by_type["BucketPolicy"]["policy"])["Statement"]

        assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
        assert rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"].startswith("arn:aws:kms:")
        assert {value for key, value in block.items() if key != "bucket"} == {True}
        assert by_type["BucketVersioning"]["versioningConfiguration"] == {"status": "Enabled"}
        assert by_type["BucketOwnershipControls"]["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
        assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        assert by_type["BucketLifecycleConfiguration"]["rules"]
        assert {statement["Principal"]["Service"] for statement in others} <= {"cloudtrail.amazonaws.com"}
        assert all("aws:SourceArn" in statement["Condition"]["StringEquals"] for statement in others)


def test_the_key_rotates_and_everything_that_stores_uses_it(run: Run) -> None:
    keys = run.of_type("key:Key")
    arn = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
    encrypted = {
        "logGroup:LogGroup": "kmsKeyId",
        "endpointConfiguration:EndpointConfiguration": "kmsKeyArn",
        "function:Function": "kmsKeyArn",
        "topic:Topic": "kmsMasterKeyId",
        "bucketObjectv2:BucketObjectv2": "kmsKeyId",
    }

    assert len(keys) == 3
    assert {key.inputs["enableKeyRotation"] for key in keys} == {True}
    for suffix, name in encrypted.items():
        found = run.of_type(suffix)
        assert found
        assert {item.inputs[name] for item in found} == {arn}
    tables = run.of_type("table:Table")
    assert len(tables) == 2
    for table in tables:
        assert table.inputs["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": arn}


def test_every_log_group_has_the_declared_retention(run: Run) -> None:
    assert {item.inputs["retentionInDays"] for item in run.of_type("logGroup:LogGroup")} == {30}


STATEFUL = ("bucket:Bucket", "key:Key", "table:Table", "modelPackageGroup:ModelPackageGroup")


@pytest.mark.parametrize(
    ("retention", "retain_data", "kept"),
    [
        (DataRetention.KEEP, None, True),
        (DataRetention.KEEP, True, True),
        (DataRetention.KEEP, False, True),
        (DataRetention.REPRODUCIBLE, None, True),
        (DataRetention.REPRODUCIBLE, True, True),
        (DataRetention.REPRODUCIBLE, False, False),
    ],
)
def test_only_both_keys_together_let_data_go(
    retention: DataRetention, retain_data: bool | None, kept: bool, tmp_path: Path
) -> None:
    spec = DEFAULTS.model_copy(update={"compliance": ComplianceSpec(data_retention=retention)})
    deployment = DEPLOYMENT.model_copy(update={"retain_data": retain_data})
    run = planned(spec, deployment, tmp_path)
    stateful = [item for suffix in STATEFUL for item in run.of_type(suffix)]

    assert {item.protect for item in stateful} == {kept}
    assert {item.retain_on_delete for item in stateful} == {kept}
    assert {item.inputs["forceDestroy"] for item in run.of_type("bucket:Bucket")} == {not kept}
    assert run.one("table:Table").inputs["deletionProtectionEnabled"] is kept
    settings = run.one("function:Function").inputs["environment"]["variables"]
    assert settings["HEADWAY_KEEP_VERSIONS"] == str(kept).lower()
    # What makes a kept bucket safe is kept with it.
    assert {item.retain_on_delete for item in run.of_type("bucketPolicy:BucketPolicy")} == {kept}


@pytest.mark.parametrize(
    ("retention", "retain_data", "says"),
    [
        (DataRetention.KEEP, False, "ComplianceSpec(data_retention=DataRetention.REPRODUCIBLE)"),
        (DataRetention.REPRODUCIBLE, None, "pulumi config set headway:retainData false"),
    ],
)
def test_one_key_alone_says_what_the_other_is(
    retention: DataRetention,
    retain_data: bool | None,
    says: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spec = DEFAULTS.model_copy(update={"compliance": ComplianceSpec(data_retention=retention)})
    planned(spec, DEPLOYMENT.model_copy(update={"retain_data": retain_data}), tmp_path)

    assert says in caplog.text


def test_everything_that_can_have_tags_says_whose_it_is(run: Run) -> None:
    tagged = [item for item in run.resources if "tags" in item.inputs]
    whose = {
        "headway:cost-center": "cc-4711",
        "headway:data-classification": "restricted",
        "headway:environment": "prod",
        "headway:frameworks": "hipaa soc2",
        "headway:owner": "payments",
        "headway:personal-data": "true",
        "headway:system": "fraud",
    }

    assert len(tagged) > 40
    for item in tagged:
        tags = {key: value for key, value in item.inputs["tags"].items() if key != "Name"}
        if item.type.endswith("featureGroup:FeatureGroup"):
            about = {"feature-contract": "customers-v2", "owner": "customer-data", "retention-days": "90"}
            about |= {"purpose": "credit / fraud prevention"}
            assert tags == whose | {f"headway:{key}": value for key, value in about.items()}
        else:
            assert tags == whose


def test_the_endpoint_is_owned_by_the_release_machine(run: Run) -> None:
    endpoint = run.one("endpoint:Endpoint")

    assert endpoint.ignore_changes == ("endpointConfigName",)
    assert "fraud-endpoint-declaration" in endpoint.depends_on
    for suffix in ("endpointConfiguration:EndpointConfiguration", "model:Model"):
        assert run.one(suffix).retain_on_delete
