"""Every resource type of the stand-in, through the real CLI, from creation to deletion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headway_runtime import contract
from headway_sandbox.engine import Engine
from headway_sandbox.provider import registry
from support.provider_stack import Stack, client, sandboxed

PROGRAM = "import support.everything.program\n"
REPLACED = {
    "other",  # a key cannot become a multi-region one
    "role",  # a path is part of a role's ARN
    "inline",
    "attached",
    "data",  # another object key
    "alarm",  # another name
    "target",
    "permission",
    "machine",
    "table",
    "packages",
}
FOLLOWERS = {"model", "configuration", "packagesPolicy"}


@pytest.fixture(scope="module")
def environment(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with sandboxed(engine, tmp_path_factory.mktemp("provider")) as variables:
        yield variables


def artifact(directory: Path) -> Path:
    document = {
        "name": "everything",
        "version": 1,
        "task": "binary-classification",
        "inputs": [{"name": "distance", "type": "number", "nullable": False}],
        "output": {"name": "probability", "type": "number", "minimum": 0.0, "maximum": 1.0},
    }
    path = directory / "model.tar.gz"
    path.write_bytes(contract.placeholder_artifact(contract.Contract.from_document(document)))
    return path


def leftovers(environment: dict[str, str]) -> dict[str, list[Any]]:
    """What AWS would still bill or keep after everything was destroyed; keys wait for their deletion."""
    calls = {
        "s3": ("list_buckets", "Buckets"),
        "iam": ("list_roles", "Roles"),
        "lambda": ("list_functions", "Functions"),
        "sns": ("list_topics", "Topics"),
        "sqs": ("list_queues", "QueueUrls"),
        "cloudwatch": ("describe_alarms", "MetricAlarms"),
        "events": ("list_rules", "Rules"),
        "stepfunctions": ("list_state_machines", "stateMachines"),
        "scheduler": ("list_schedules", "Schedules"),
        "dynamodb": ("list_tables", "TableNames"),
        "ssm": ("describe_parameters", "Parameters"),
        "sagemaker": ("list_models", "Models"),
    }
    found = {
        service: getattr(client(environment, service), operation)().get(member, [])
        for service, (operation, member) in calls.items()
    }
    sagemaker = client(environment, "sagemaker")
    found["endpoints"] = sagemaker.list_endpoints()["Endpoints"]
    found["configurations"] = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    found["policies"] = client(environment, "iam").list_policies(Scope="Local")["Policies"]
    kms = client(environment, "kms")
    states = [
        kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] for key in kms.list_keys()["Keys"]
    ]
    found["keys"] = [state for state in states if state != "PendingDeletion"]
    return {service: items for service, items in found.items() if items}


def drift(environment: dict[str, str], outputs: dict[str, Any]) -> set[str]:
    """Changes resources of several services behind Pulumi's back; returns their logical names."""
    tag = {"Key": "stranger", "Value": "1"}
    client(environment, "s3").put_bucket_tagging(Bucket=outputs["bucket"], Tagging={"TagSet": [tag]})
    client(environment, "s3").put_object(Bucket=outputs["bucket"], Key="text.txt", Body=b"other")
    client(environment, "s3").delete_bucket_policy(Bucket=outputs["bucket"])
    client(environment, "kms").update_key_description(KeyId=outputs["key"], Description="other")
    client(environment, "iam").update_role(
        RoleName=outputs["role"], Description="other", MaxSessionDuration=7200
    )
    queue = client(environment, "sqs")
    queue.set_queue_attributes(QueueUrl=outputs["queue"], Attributes={"VisibilityTimeout": "77"})
    topic = client(environment, "sns")
    topic.set_topic_attributes(TopicArn=outputs["topic"], AttributeName="DisplayName", AttributeValue="other")
    client(environment, "ssm").put_parameter(Name="/everything/a", Value="other", Overwrite=True)
    client(environment, "cloudwatch").delete_alarms(AlarmNames=["everything-composite"])
    client(environment, "sagemaker").update_pipeline(PipelineName="everything", PipelineDisplayName="other")
    return {
        "Bucket",
        "text.txt",
        "policy",
        "key",
        "role",
        "queue",
        "topic",
        "parameter",
        "composite",
        "pipeline",
    }


@pytest.mark.xdist_group("provider-every-type")
def test_every_type_is_created_changed_replaced_refreshed_and_destroyed(
    environment: dict[str, str], tmp_path: Path
) -> None:
    stack = Stack(tmp_path / "everything", environment)
    stack.create(PROGRAM)
    stack.configure(phase="first", artifact=str(artifact(tmp_path)), secret_="hush")

    created = stack.up()
    assert created.code == 0, created.text
    state = stack.state()
    outputs = stack.outputs()
    assert {item["type"] for item in state.values()} <= registry.tokens()
    assert outputs["fifo"].endswith(".fifo")
    assert json.loads(outputs["result"]) == {"n": 1, "tf": {"action": "create", "prev_input": None}}
    assert json.loads(outputs["document"])["Statement"][0]["Action"] == "s3:GetObject"
    assert (outputs["account"], outputs["region"], outputs["partition"]) == (
        "000000000000",
        "us-east-1",
        "aws",
    )
    assert "hush" not in json.dumps(state)

    assert stack.preview().operations == {}
    assert stack.refresh().operations == {}

    strangers = drift(environment, outputs)
    refreshed = stack.refresh()
    assert set(refreshed.operations) == strangers, refreshed.text
    repaired = stack.up()
    assert repaired.code == 0, repaired.text
    assert set(repaired.operations) == strangers, repaired.text

    stack.configure(phase="changed")
    changed = stack.up()
    assert changed.code == 0, changed.text
    assert {name for name, operation in changed.operations.items() if "replace" in operation} == {
        "model",
        "configuration",
    }
    assert json.loads(stack.outputs()["result"]) == {
        "n": 2,
        "tf": {"action": "update", "prev_input": {"n": 1}},
    }
    assert stack.refresh().operations == {}

    stack.configure(phase="replaced")
    replaced = stack.up()
    assert replaced.code == 0, replaced.text
    assert {
        name for name, operation in replaced.operations.items() if "replace" in operation
    } == REPLACED | FOLLOWERS
    assert stack.preview().operations == {}

    destroyed = stack.destroy()
    assert destroyed.code == 0, destroyed.text
    assert leftovers(environment) == {}
