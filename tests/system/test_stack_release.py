"""A system from its first day on, through the real engine: placeholder, swap, bad model, end."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headway_sandbox.engine import Engine
from support.project import Project, succeeded
from support.release_world import until

NAME = "flight-delay-local"
SYSTEM = "stacks/flight_delay/system.py"
BASELINE = "    model=BASELINE,"
STANDING = ("desired", "serving", "why")
PLACEHOLDER = "    model=ModelSpec.placeholder(),"
IMPORTS = "    FeatureServing,\n"


@pytest.fixture(scope="module")
def project(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project whose system is declared with a placeholder, deployed by plain Pulumi."""
    assert engine.pulumi.exists()
    made = Project.copy_to(tmp_path_factory.mktemp("stack-release") / "flights")
    made.hasten_releases()
    made.edit(SYSTEM, BASELINE, PLACEHOLDER)
    made.edit(SYSTEM, IMPORTS, f"{IMPORTS}    ModelSpec,\n")
    succeeded(made.headway("sandbox", "start"))
    try:
        succeeded(made.shell("pulumi stack select --create local && pulumi up --yes --skip-preview"))
        yield made
    finally:
        made.headway("sandbox", "stop")


def _plan(project: Project, *options: str) -> dict[str, set[str]]:
    """What a preview would do: operation to the types of the resources, those that stay the same left out."""
    document = json.loads(succeeded(project.shell(f"pulumi preview --json {' '.join(options)}")))
    plan: dict[str, set[str]] = {}
    for step in document.get("steps", []):
        if step["op"] != "same":
            plan.setdefault(step["op"], set()).add(step["urn"].rpartition("::")[2])
    return plan


def _system(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = project.outputs()["systems"]["flight-delay"]
    return found


def _record(project: Project, table: str) -> dict[str, str]:
    key = {"system": {"S": "flight-delay"}, "release_id": {"S": "current"}}
    answer = project.client("dynamodb").get_item(TableName=table, Key=key)
    return {key: value["S"] for key, value in answer.get("Item", {}).items()}


@contextmanager
def _users(project: Project) -> Iterator[list[str]]:
    """Somebody who asks the endpoint all the time; answers what failed."""
    stop, failures = threading.Event(), list[str]()

    def ask() -> None:
        while not stop.is_set():
            try:
                project.ask()
            except ClientError as error:
                failures.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield failures
    finally:
        stop.set()
        asking.join()


def _when(project: Project, holds: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    """The record of the newest release, once something holds for it."""
    table = str(_system(project)["release_table_name"])
    until(lambda: holds(_record(project, table)))
    return _record(project, table)


def test_the_placeholder_answers_from_the_first_minute(project: Project) -> None:
    assert project.ask() == 0.24


def test_swapping_the_model_only_adds_the_training(project: Project) -> None:
    project.edit(SYSTEM, PLACEHOLDER, BASELINE)
    plan = _plan(project)
    project.edit(SYSTEM, BASELINE, PLACEHOLDER)

    assert list(plan) == ["create"]
    parts = tuple(f"flight-delay-{noun}" for noun in ("training", "drift", "arrival", "skew"))
    assert all(name.startswith(parts) for name in plan["create"])


def test_a_model_that_breaks_the_contract_is_refused_at_preview(project: Project) -> None:
    project.edit(SYSTEM, PLACEHOLDER, BASELINE)
    whole, fewer = (
        "BASELINE = baseline(\n    FEATURES,",
        "BASELINE = baseline(\n    [WEATHER_AT_ORIGIN],",
    )
    project.edit(SYSTEM, whole, fewer)

    refused = project.shell("pulumi preview")
    project.edit(SYSTEM, fewer, whole)
    project.edit(SYSTEM, BASELINE, PLACEHOLDER)
    said = refused.stdout + refused.stderr

    assert refused.returncode != 0
    assert "the model lacks input 'carrier' (string)" in said
    assert "the model lacks input 'origin' (string)" in said
    assert "Traceback" not in said


def test_a_model_that_does_not_start_is_rolled_back_and_the_endpoint_goes_on(project: Project) -> None:
    system = _system(project)
    bucket = system["buckets"]["artifacts"]
    project.client("s3").put_object(Bucket=bucket, Key="models/broken/model.tar.gz", Body=b"no archive")
    image = project.client("sagemaker").describe_model(ModelName=_serving(project)[1])["PrimaryContainer"]
    package = project.client("sagemaker").create_model_package(
        ModelPackageGroupName=NAME,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [
                {"Image": image["Image"], "ModelDataUrl": f"s3://{bucket}/models/broken/model.tar.gz"}
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        CustomerMetadataProperties={"contract_digest": system["contract_digest"]},
    )["ModelPackageArn"]

    with _users(project) as failures:
        record = _when(project, lambda record: record.get("status") == "rolled_back")
    states = project.client("stepfunctions")
    machine = str(system["release_state_machine_arn"])
    until(lambda: _executions(project, machine)[0]["status"] != "RUNNING")
    execution = states.describe_execution(executionArn=_executions(project, machine)[0]["executionArn"])

    assert record["model_package_arn"] == package
    assert record["serving"] == system["base_endpoint_config_name"] == _serving(project)[0]
    assert "SageMaker went back to" in record["why"]
    assert failures == []
    assert execution["status"] == "FAILED"
    assert execution["cause"] == record["why"]
    assert project.ask() == 0.24


def test_the_record_is_an_output_that_changes_no_resource(project: Project) -> None:
    system = _system(project)
    record = _record(project, str(system["release_table_name"]))

    succeeded(project.shell("pulumi up --yes --skip-preview --refresh --expect-no-changes"))

    assert [system[name] for name in STANDING] == [None, None, "no release is recorded yet"]
    assert [_system(project)[name] for name in STANDING] == [record[name] for name in STANDING]


def _executions(project: Project, machine: str) -> list[dict[str, Any]]:
    states = project.client("stepfunctions")
    found: list[dict[str, Any]] = states.list_executions(stateMachineArn=machine)["executions"]
    return sorted(found, key=lambda execution: execution["startDate"], reverse=True)


def _serving(project: Project) -> tuple[str, str, str]:
    """Configuration, model and machine of the live endpoint."""
    sagemaker = project.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=NAME)["EndpointConfigName"]
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
    return config, variant["ModelName"], variant["InstanceType"]


def test_another_instance_type_replaces_what_aws_would_and_is_released(project: Project) -> None:
    before = _serving(project)[0]

    changed = succeeded(
        project.shell("pulumi up --yes --skip-preview --config headway:instanceType=ml.m5.2xlarge")
    )
    base = _system(project)["base_endpoint_config_name"]
    record = _when(project, lambda record: record.get("serving") == base)
    until(lambda: before not in _configs(project))

    assert re.findall(r"^ *\+- +\S+ +(\S+) +replaced", changed, re.MULTILINE) == [
        "flight-delay-endpoint-base"
    ]
    assert record["status"] == "promoted"
    assert _serving(project)[2] == "ml.m5.2xlarge"
    assert project.ask() == 0.24
    assert _plan(project) == {}


def _configs(project: Project) -> set[str]:
    listed = project.client("sagemaker").list_endpoint_configs()["EndpointConfigs"]
    return {item["EndpointConfigName"] for item in listed}


def test_destroying_collects_what_releases_made(project: Project) -> None:
    succeeded(project.shell("pulumi destroy --yes --skip-preview"))
    sagemaker = project.client("sagemaker")

    assert _configs(project) == set()
    assert sagemaker.list_models()["Models"] == []
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
    assert sagemaker.list_endpoints()["Endpoints"] == []
