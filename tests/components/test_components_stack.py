"""The project's stack: one program, environments that differ in configuration only, errors by key."""

import json
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from flight_delay.system import BASELINE
from headway_cli.systems import parse_systems
from headway_components import DeclarationError
from headway_components.stack import deployment_from_config, user_errors
from headway_components.training_pipeline import TrainingPipelineArgs
from support.pulumi_program import Run, run_program

ROOT = Path(__file__).parents[2]
STACKS = ROOT / "stacks"
ENVIRONMENTS = ("local", "dev", "staging", "prod")


WHAT_A_LAPTOP_HAS_NOT = {
    "aws:appautoscaling/policy:Policy",
    "aws:appautoscaling/target:Target",
    "aws:budgets/budget:Budget",
    "aws:cloudtrail/trail:Trail",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/flowLog:FlowLog",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
    "aws:ecr/repository:Repository",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:kms/key:Key",
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "headway:index:Budget",
    "headway:index:ImageRepository",
    "headway:index:Network",
    "headway:index:Trail",
}
"""Network, trail, lock, scaling, budget and repository of an environment with users."""


def configuration(stack: str) -> dict[str, str]:
    text = (STACKS / f"Pulumi.{stack}.yaml").read_text("utf-8")
    values = yaml.safe_load(text)["config"]
    # Pulumi hands a list to the program as JSON.
    return {
        key: json.dumps(value) if isinstance(value, list) else str(value) for key, value in values.items()
    }


@pytest.fixture
def in_stacks(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pulumi runs a program in its own directory, with that directory on the path.
    monkeypatch.chdir(STACKS)
    monkeypatch.syspath_prepend(str(STACKS))


def deploy(stack: str, release: Mapping[str, str] | None = None) -> Run:
    def program() -> None:
        runpy.run_path(str(STACKS / "__main__.py"))

    return run_program(program, stack=stack, config=configuration(stack), release=release)


@pytest.mark.usefixtures("in_stacks")
@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_every_environment_deploys_the_same_system(stack: str) -> None:
    run = deploy(stack)
    here, local = ({(item.type, item.name) for item in each.resources} for each in (run, deploy("local")))

    assert here >= local
    assert {type_ for type_, _ in here - local} <= WHAT_A_LAPTOP_HAS_NOT
    buckets = run.of_type("bucket:Bucket")
    assert len(buckets) == 5
    assert {(item.protect, item.retain_on_delete) for item in buckets} == {(stack != "local",) * 2}


@pytest.mark.usefixtures("in_stacks")
def test_the_output_is_what_the_command_line_reads() -> None:
    run = deploy("local")
    (system,) = parse_systems(run.exports)
    document = run.exports["systems"]["flight-delay"]

    assert (system.name, system.endpoint_name) == ("flight-delay", "flight-delay-local")
    assert system.base_endpoint_config_name.startswith("flight-delay-local-base-")
    assert system.pipeline_name == system.model_package_group_name == "flight-delay-local"
    assert system.release_state_machine_arn
    assert system.release_table_name
    assert sorted(document["buckets"]) == ["artifacts", "audit", "capture", "data"]
    assert len(document["alarms"]) == 2
    assert document["contract"]["name"] == "flight-delay"
    assert document["evaluation"]["minimum_logloss_improvement"] == 0.08


@pytest.mark.usefixtures("in_stacks")
@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        (None, (None, None, "no release is recorded yet")),
        ({"desired": "", "serving": "b", "why": "held"}, (None, "b", "held")),
        ({"desired": "a", "serving": "b", "why": "p99"}, ("a", "b", "p99")),
    ],
)
def test_the_output_says_how_the_newest_release_stands(
    recorded: Mapping[str, str] | None, shown: tuple[str | None, ...]
) -> None:
    system = deploy("local", recorded).exports["systems"]["flight-delay"]

    assert tuple(system[name] for name in ("desired", "serving", "why")) == shown


def test_the_program_is_short_and_says_nothing_about_an_environment() -> None:
    program = (STACKS / "__main__.py").read_text("utf-8")

    assert len(program.splitlines()) <= 30
    assert not any(environment in program for environment in ENVIRONMENTS)


def test_only_the_local_environment_may_destroy_data() -> None:
    letting = [stack for stack in ENVIRONMENTS if configuration(stack).get("headway:retainData") == "false"]

    assert letting == ["local"]


def test_every_declared_code_file_is_there() -> None:
    assert BASELINE.training is not None
    assert [path for path in BASELINE.training.code if not (STACKS / path).is_file()] == []
    assert TrainingPipelineArgs.__dataclass_fields__["code_root"].default is None


def failing(config: Mapping[str, str], run: Callable[[], Any] = deployment_from_config) -> str:
    with pytest.raises(DeclarationError) as caught:
        run_program(run, stack="dev", config=config)
    return str(caught.value)


def test_every_mistake_in_the_configuration_is_told_by_its_key() -> None:
    right = configuration("dev")
    wrong = {
        **{key: value for key, value in right.items() if key != "headway:accountId"},
        "headway:instanceTyp": "ml.m5.large",
        "headway:instanceCount": "none",
        "headway:dataClassification": "secret",
        "aws:region": "Mars",
    }

    message = failing(wrong)

    for text in (
        "The configuration of stack 'dev' is not valid, 5 problems",
        "headway:accountId: is required; add it",
        "headway:instanceTyp: is not a field, got 'ml.m5.large'; did you mean 'headway:instanceType'?",
        "headway:instanceCount: ",
        "got 'none'; give a whole number",
        "headway:dataClassification: ",
        "aws:region: ",
    ):
        assert text in message


def test_other_namespaces_are_left_alone() -> None:
    found = []
    config = {**configuration("dev"), "other:instanceTyp": "x", "aws:profile": "y"}
    run_program(lambda: found.append(deployment_from_config()), config=config)

    assert found[0].environment == "dev"


def test_a_mistake_ends_the_program_without_a_traceback() -> None:
    wrong = {key: value for key, value in configuration("dev").items() if key != "headway:image"}
    with pytest.raises(pulumi.RunError, match="headway:image: is required") as caught, user_errors():
        run_program(deployment_from_config, stack="dev", config=wrong)

    assert caught.value.__suppress_context__
