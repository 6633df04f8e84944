"""The story of a drift through the real engine and the real sandbox: one command, nothing canned.

It plays three months of traffic and takes minutes, so it is told where it is asked for:
HEADWAY_STORY_DRIFT=1 pytest tests/system/test_story_drift.py
"""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from headway_sandbox.engine import Engine
from support.project import ENDPOINT, Project

pytestmark = pytest.mark.skipif("HEADWAY_STORY_DRIFT" not in os.environ, reason="takes minutes")


@pytest.fixture(scope="module")
def project(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project of its own; whatever a test leaves, nothing runs afterwards."""
    assert engine.pulumi.exists()
    made = Project.copy_to(tmp_path_factory.mktemp("story-drift") / "flights")
    yield made
    made.headway("sandbox", "stop")


@pytest.fixture(scope="module")
def told(project: Project) -> dict[str, Any]:
    """What the story prints for programs; each third flight is played."""
    run = project.headway("story", "drift", "--every", "3", "--json", timeout_s=900)
    assert run.returncode == 0, run.stdout + run.stderr
    document: dict[str, Any] = json.loads(run.stdout)
    return document


def test_the_control_period_is_quiet_and_the_fall_of_the_late_share_is_seen(told: dict[str, Any]) -> None:
    august, september, october = told["periods"]

    assert (august["drifting"], august["retraining_wanted"]) == ([], False)
    assert "(label share)" in september["drifting"]
    assert september["lasting"] == []
    assert "(label share)" in october["lasting"]
    assert september["measures"]["(label share)"]["high"] < 0.2 < august["measures"]["(label share)"]["value"]
    assert october["retraining_wanted"] is True
    assert "moved within their seasons: " in october["sentence"]


def test_the_alarm_trains_on_the_grown_data_against_the_champion(
    project: Project, told: dict[str, Any]
) -> None:
    training = told["training"]

    assert training["started_by"] == "drift"
    assert "(label share)" in training["because"]
    assert training["train_until"] >= "2013-10-01"
    assert any("the champion's" in reason for reason in training["decision"]["reasons"])
    package = project.client("sagemaker").describe_model_package(
        ModelPackageName=told["release"]["model_package_arn"]
    )
    assert package["CustomerMetadataProperties"]["started_by"] == "drift"
    assert package["CustomerMetadataProperties"]["champion"] == training["champion"]["model_package_arn"]


def test_the_new_model_serves_and_is_better_on_the_weeks_that_follow(
    project: Project, told: dict[str, Any]
) -> None:
    following = told["following"]

    assert told["release"]["status"] == "promoted"
    assert told["release"]["failed"] == 0
    assert following["log_loss_after"] < following["log_loss_before"]
    endpoint = project.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    assert endpoint["EndpointConfigName"] == told["release"]["serving"]


def test_a_story_that_was_told_is_not_told_again(project: Project, told: dict[str, Any]) -> None:
    again = project.headway("story", "drift", "--every", "50")

    assert again.returncode == 1
    assert "the story is over" in again.stderr
