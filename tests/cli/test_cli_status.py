"""What the command line says about a system, from what SageMaker says about it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.registry import declared_metadata, is_made_by
from headway_cli.release import parse_release
from headway_cli.status import problems
from headway_cli.summary import summary
from headway_cli.systems import choose_system, parse_systems
from headway_cli.training import registered_package, step_line

OUTPUTS: dict[str, Any] = {
    "systems": {
        "flight-delay": {
            "endpoint_name": "flight-delay-local",
            "base_endpoint_config_name": "flight-delay-local-base",
            "contract_digest": "sha256:c",
            "pipeline_name": "flight-delay-local",
            "contract": {"inputs": [{"name": "hour", "type": "integer", "minimum": 0, "maximum": 23}]},
        }
    }
}


def _status(**changes: Any) -> dict[str, Any]:
    return {
        "system": "flight-delay",
        "endpoint": {
            "name": "flight-delay-local",
            "status": "InService",
            "config": "c",
            "failure_reason": None,
            "variants": [],
        },
        "model_package": {"arn": "arn:package/1", "approval": "Approved"},
        "dataset_version": "sha256:d",
        "metrics": {
            "log_loss": 0.417,
            "floor_log_loss": 0.467,
            "logloss_improvement": 0.107,
            "auc": 0.69,
            "rows": 55000,
        },
        "checks": [{"passed": True, "reason": "AUC 0.6900 is at least 0.66"}],
        "digests": {"declared_contract_digest": "sha256:c", "code_digest": "sha256:k"},
        "release": {"status": "promoted", "why": "c serves"},
        "pipeline": {
            "name": "p",
            "execution": "e",
            "status": "Succeeded",
            "steps": [{"name": "Train", "status": "Succeeded", "seconds": 4.2}],
            "failure": None,
        },
        **changes,
    }


def test_a_live_system_says_what_serves_what_it_was_made_of_and_how_good_it_is() -> None:
    text = summary(_status(), "headway")

    for part in (
        "flight-delay is live",
        "flight-delay-local (InService)",
        "arn:package/1 (Approved)",
        "sha256:d",
        "0.4170 against the floor's 0.4670, 10.7% better",
        "0.6900 on 55000 rows",
        "sha256:k",
        "headway invoke --system flight-delay",
    ):
        assert part in text


def test_a_placeholder_is_called_one() -> None:
    bare = _status(
        model_package=None, metrics=None, checks=None, dataset_version=None, release=None, pipeline=None
    )

    assert "placeholder" in summary(bare, "headway")


def test_what_is_wrong_is_said() -> None:
    endpoint = {**_status()["endpoint"], "status": "Failed", "failure_reason": "the model does not load"}
    pipeline = {
        **_status()["pipeline"],
        "status": "Failed",
        "failure": "BelowFloor: the model is refused: AUC 0.6",
    }
    status = _status(endpoint=endpoint, pipeline=pipeline)

    assert problems(status) == [
        "the endpoint is Failed: the model does not load",
        "the last training failed: BelowFloor: the model is refused: AUC 0.6",
    ]
    assert "is not live" in summary(status, "headway")
    assert "the model does not load" in summary(status, "headway")


def test_an_endpoint_that_somebody_deleted_is_said_with_the_way_back() -> None:
    gone: dict[str, Any] = {
        "name": "flight-delay-local",
        "status": "absent",
        "failure_reason": None,
        "variants": [],
    }

    (problem,) = problems(_status(endpoint=gone))

    assert (
        problem == "the endpoint is absent; run `pulumi refresh` and then `headway up`, which makes it again"
    )


def test_the_systems_of_a_stack_are_read_from_its_outputs() -> None:
    [system] = parse_systems(OUTPUTS)

    assert system.name == "flight-delay"
    assert system.pipeline_name == "flight-delay-local"
    assert system.release_table_name is None


@pytest.mark.parametrize("outputs", [{}, {"systems": {}}, {"systems": None}])
def test_a_stack_without_systems_is_said_to_be_empty(outputs: dict[str, Any]) -> None:
    with pytest.raises(HeadwayError, match="no system yet; run `headway up`"):
        parse_systems(outputs)


def test_everything_that_an_output_lacks_is_named() -> None:
    with pytest.raises(HeadwayError, match=r"lacks a\.endpoint_name, a\.contract_digest"):
        parse_systems({"systems": {"a": {"base_endpoint_config_name": "b"}}})


def test_one_system_needs_no_name_and_several_need_one() -> None:
    one = parse_systems(OUTPUTS)
    two = parse_systems({"systems": {**OUTPUTS["systems"], "fraud": OUTPUTS["systems"]["flight-delay"]}})

    assert choose_system(one, None) is one[0]
    assert choose_system(two, "fraud").name == "fraud"
    with pytest.raises(WrongUseError, match="name one with --system: flight-delay, fraud"):
        choose_system(two, None)
    with pytest.raises(WrongUseError, match="no system named 'frodo'; there is flight-delay, fraud"):
        choose_system(two, "frodo")


def _register(metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "RegisterModel",
        "Name": "Register",
        "Arguments": {"CustomerMetadataProperties": metadata},
    }


def test_what_a_definition_writes_on_its_packages_is_found_behind_the_gate() -> None:
    step = _register({"training_digest": "sha256:t", "dataset": {"Get": "Steps.Prepare"}})
    definition = {
        "Steps": [
            {"Type": "Training", "Name": "Train", "Arguments": {}},
            {"Type": "Condition", "Name": "Gate", "Arguments": {"IfSteps": [step], "ElseSteps": []}},
        ]
    }

    assert declared_metadata(definition) == {"training_digest": "sha256:t"}
    assert declared_metadata({"Steps": [step]}) == {"training_digest": "sha256:t"}


@pytest.mark.parametrize(
    ("package", "made"),
    [
        ({"CustomerMetadataProperties": {"training_digest": "sha256:t", "more": "x"}}, True),
        ({"CustomerMetadataProperties": {"training_digest": "sha256:old"}}, False),
        ({"CustomerMetadataProperties": None}, False),
        ({}, False),
    ],
)
def test_a_package_is_the_current_definitions_when_it_carries_its_digests(
    package: dict[str, Any], made: bool
) -> None:
    assert is_made_by(package, {"training_digest": "sha256:t"}) is made


def test_a_step_is_told_with_its_seconds() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    step = {"StepName": "Train", "StepStatus": "Succeeded", "StartTime": start}

    assert step_line({**step, "EndTime": start + timedelta(seconds=4.26)}) == "Train: succeeded in 4.3 s"
    assert step_line(step) == "Train: succeeded"


def test_the_registered_package_is_found_among_the_steps() -> None:
    steps = [
        {"StepName": "Train", "Metadata": {"TrainingJob": {"Arn": "job"}}},
        {"StepName": "Register", "Metadata": {"RegisterModel": {"Arn": "arn:package/1"}}},
    ]

    assert registered_package(steps) == "arn:package/1"
    assert registered_package(steps[:1]) is None


@pytest.mark.parametrize(
    ("status", "over"),
    [("running", False), ("waiting", False), ("promoted", True), ("rolled_back", True), ("refused", True)],
)
def test_a_release_is_read_from_its_record(status: str, over: bool) -> None:
    release = parse_release(
        {
            "system": {"S": "flight-delay"},
            "release_id": {"S": "current"},
            "id": {"S": "2026-01-01-abc"},
            "status": {"S": status},
            "model_package_arn": {"S": "arn:package/1"},
            "why": {"S": "c serves"},
        }
    )

    assert release.release_id == "2026-01-01-abc"
    assert release.is_over is over
    assert release.desired == ""
