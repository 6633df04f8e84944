"""Rehearsals through the real engine: what is better becomes champion, what does harm is turned back.

One small stack; its state machine moves the endpoint, users ask all the time, and each challenger is a
process that really does what it is accused of.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from headway_runtime.release.records import Release
from headway_runtime.release.shapes import SHAPES_KEPT
from headway_sandbox.engine import Engine
from support.live_callers import Crowd
from support.project import succeeded
from support.rehearsed_model import OVERLOADED, artifact
from support.release_stage import CARRIERS, ENDPOINT, ReleaseStage, deployed, way
from support.release_world import until

REQUESTS_PER_S = 240.0
TIMEOUT_S, POLL_S = 240.0, 0.5
LONGEST_S = 120.0
"""What a full release may take."""
SHADOW_PERCENT, LOADED_PERCENT = 10, 25
PLAN = f"""ReleasePlan(
    shadow=ShadowStage(sampling_pct={SHADOW_PERCENT}, samples=120, time_limit_s=20),
    ladder=[
        LadderStage(percent=1, samples=2, time_limit_s=60, rule_out_ratio=4),
        LadderStage(percent=5, samples=10, time_limit_s=60),
        LadderStage(percent={LOADED_PERCENT}, samples=50, time_limit_s=60),
        LadderStage(percent=50, samples=50, time_limit_s=60),
        LadderStage(percent=100, samples=50, time_limit_s=60),
    ],
    metrics=[
        ReleaseMetric(name="errors", ceiling=2, weight=4),
        ReleaseMetric(name="latency", tolerance_ratio=1.1, acceptable_pct=5, weight=2),
        ReleaseMetric(name="output_format", ceiling=1),
        ReleaseMetric(name="divergence", acceptable_pct=5, required=False),
        ReleaseMetric(name="memory", tolerance_ratio=2, acceptable_pct=0.1, ceiling=90, required=False),
    ],
    divergence_slices=["carrier"],
    false_rollback_pct=5,
)"""


@dataclass
class Stage(ReleaseStage):
    """The deployed system and the users in front of it."""

    crowd: Crowd

    def released(self, package: str) -> Release:
        """The release of a package, once it is over."""
        deadline = time.monotonic() + TIMEOUT_S
        while (found := self.release_of(package)) is None or not found.is_over:
            assert time.monotonic() < deadline, found
            time.sleep(POLL_S)
        return found

    def is_as_declared(self) -> None:
        """Holds that neither a refresh nor an update finds anything to do."""
        for verb in ("refresh", "up"):
            succeeded(self.project.shell(f"pulumi {verb} --yes --skip-preview --expect-no-changes"))

    def report_of(self, release: Release) -> str:
        """What the shadow showed, for people."""
        bucket, _, key = release.report.removeprefix("s3://").partition("/")
        body = self.project.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return str(body, "utf-8")


@pytest.fixture(scope="module")
def stage(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stack of one system with a placeholder, deployed, and users who ask it all the time."""
    assert engine.pulumi.exists()
    root = tmp_path_factory.mktemp("release-rehearsals") / "payments"
    with (
        deployed(root, PLAN) as there,
        Crowd(there.project.port, ENDPOINT, CARRIERS, REQUESTS_PER_S).asking() as crowd,
    ):
        yield Stage(there.project, there.system, crowd)


def test_a_better_challenger_goes_all_the_way(stage: Stage) -> None:
    """Wherever it gets to meanwhile, Pulumi refreshes and updates and finds nothing to do."""
    stage.crowd.seen()
    package = stage.publish("better", artifact("none", answer=0.25))
    deadline = time.monotonic() + TIMEOUT_S
    places = set[tuple[str, int]]()
    while (release := stage.release_of(package)) is None or not release.is_over:
        assert time.monotonic() < deadline, release
        if release is not None and (release.position, release.stage) not in places:
            places.add((release.position, release.stage))
            stage.is_as_declared()
        time.sleep(POLL_S)
    seen = stage.crowd.seen()

    assert release.status == "promoted", release.why
    assert way(release) == ["baseline", "shadow", "1", "5", "25", "50", "100", "promote"]
    assert (seen.failed, seen.refused) == ([], {})
    assert stage.live() == (release.desired, {"champion": 100.0})
    assert release.serving == release.desired != stage.system["base_endpoint_config_name"]
    assert _took_s(release) <= LONGEST_S
    assert seen.answered["challenger"] > 0


def _took_s(release: Release) -> float:
    at, started_at = map(datetime.fromisoformat, (release.at, release.started_at))
    return (at - started_at).total_seconds()


@dataclass(frozen=True)
class Harm:
    """A model that does harm, and how it is seen."""

    name: str
    seen_at: str
    says: str
    stands: float = 1.0
    """Share of the users' requests that the model stands."""


@pytest.mark.parametrize(
    "harm",
    [
        Harm("slow", "shadow", "challenger latency"),
        Harm("erring", "shadow", "challenger errors"),
        Harm("wrong", "shadow", "divergence where carrier=DL"),
        # Some of its requests fail, the others wait until it has started again.
        Harm("crashing", "shadow", "challenger (errors|latency)", stands=0.05),
        Harm("leaking", "shadow", "challenger memory"),
        Harm("silent", "shadow", "the challenger has seen no request"),
        Harm("overloaded", "25", "challenger errors", stands=0.16),
    ],
    ids=lambda harm: harm.name,
)
def test_harm_is_turned_back_where_it_is_first_seen(stage: Stage, harm: Harm) -> None:
    before = stage.live()
    stage.crowd.seen()
    model = artifact(harm.name, answer=0.2, stands=harm.stands)

    release = stage.released(stage.publish(harm.name, model))
    seen = stage.crowd.seen()

    assert release.status == "rolled_back", release.why
    assert way(release)[-2:] == [harm.seen_at, "roll_back"]
    assert re.search(harm.says, release.why), release.why
    assert "| memory | " in stage.report_of(release)
    assert stage.live() == before == (release.previous, {"champion": 100.0})
    assert seen.failed == []
    assert seen.refused.keys() <= ({OVERLOADED} if harm.seen_at != "shadow" else set())


def test_in_the_end_only_the_last_shapes_are_left(stage: Stage) -> None:
    sagemaker = stage.project.client("sagemaker")

    def shapes() -> list[Any]:
        listed = sagemaker.list_endpoint_configs(NameContains=f"{ENDPOINT}-shape-")["EndpointConfigs"]
        return list(listed)

    until(lambda: len(shapes()) <= SHAPES_KEPT)
    assert [item.status for item in stage.records.all()] == ["rolled_back"] * 7 + ["promoted"]
