"""What only true answers show turns a release back, also when they come in a later stage than the answers."""

import json
from datetime import UTC, datetime
from typing import Any

from headway_components import (
    Answer,
    InferenceContract,
    LadderStage,
    LateLabels,
    ReleaseMetric,
    ReleasePlan,
    ShadowStage,
)
from headway_runtime import contract as runtime
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Release
from support.example_system import PAYMENTS
from support.release_world import BUCKET, World, until

PLAN = Plan.from_document(
    ReleasePlan(
        shadow=ShadowStage(samples=30, time_limit_s=60),
        ladder=[
            # Nobody asks that much: without a label, the release would stay here.
            LadderStage(percent=25, samples=100_000, time_limit_s=600),
            LadderStage(percent=100, samples=20),
        ],
        metrics=[
            ReleaseMetric(name="errors"),
            ReleaseMetric(name="divergence", acceptable_pct=5),
            ReleaseMetric(name="quality", acceptable_pct=5, required=False),
        ],
        labels=LateLabels(wrong_from=0.5),
    ).document()
)


def _model(prior: float) -> bytes:
    """A model that always answers the same."""
    answering = InferenceContract.over(PAYMENTS, name="fraud", output=Answer(prior=prior))
    return runtime.placeholder_artifact(answering.contract())


def _labels_come(world: World) -> None:
    """It turns out that nothing was a fraud."""
    lines = [
        json.dumps(
            {
                "groundTruthData": {"data": "0", "encoding": "CSV"},
                "eventMetadata": {"eventId": inference_id},
                "eventVersion": "0",
            }
        )
        for inference_id in world.asked
    ]
    hour = datetime.now(UTC).strftime("%Y/%m/%d/%H")
    key = f"{world.settings.prefix}/labels/{hour}/labels.jsonl"
    world.clients("s3").put_object(Bucket=BUCKET, Key=key, Body="\n".join(lines).encode())


def _shadow(world: World, release: Release) -> dict[str, Any]:
    """What the shadow's report says, for programs."""
    _, _, key = release.report.removeprefix("s3://").partition("/")
    body = world.clients("s3").get_object(Bucket=BUCKET, Key=key.replace("shadow.md", "shadow.json"))["Body"]
    found: dict[str, Any] = json.loads(body.read())
    return found


def test_a_model_that_only_later_labels_show_to_be_worse_is_turned_back(world: World) -> None:
    world.plan = PLAN
    # The champion says 0.2: both are possible and close to each other, and one is far from the truth.
    package = world.package("worse", artifact=_model(0.6))

    with world.callers() as failed:
        started_at = world.begin(package)
        until(lambda: world.step(package, started_at).stage == 1)
        _labels_come(world)
        until(lambda: world.step(package, started_at).is_over)
    release = world.step(package, started_at)
    again = world.release(package, traffic=False).release

    pairs = _shadow(world, release)["comparison"]["pairs"]
    assert (pairs["compared"] > 0, pairs["bad"]) == (True, 0)
    assert (release.status, release.cause, failed) == ("rolled_back", "worse", [])
    assert release.why.startswith("challenger quality ")
    counted = release.observations[0]["arms"]["quality"]
    assert counted["champion_bad"] == 0
    assert counted["challenger_bad"] == counted["challenger_requests"] > 0
    assert (again.status, "challenger quality " in again.why) == ("refused", True)
