"""Rehearsals: a model that does harm, in each way that there is, is turned back where it is first seen."""

import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from headway_components import LadderStage, ReleaseMetric, ReleasePlan, ShadowStage
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Release
from support.release_world import POLL_S, TIMEOUT_S, World

ROWS = ("12.5,CH,3,true", "8.0,DE,1,false", "99.0,CH,2,true")
PLAN = Plan.from_document(
    ReleasePlan(
        shadow=ShadowStage(sampling_pct=100, samples=300, time_limit_s=15),
        ladder=[
            LadderStage(percent=5, samples=20, time_limit_s=60),
            LadderStage(percent=25, samples=150, time_limit_s=60),
            LadderStage(percent=100, samples=50, time_limit_s=60),
        ],
        metrics=[
            ReleaseMetric.load({"name": "errors", "weight": 4.0}),
            ReleaseMetric.load(
                {"name": "latency", "tolerance_ratio": 1.1, "acceptable_pct": 10.0, "weight": 2.0}
            ),
            ReleaseMetric.load({"name": "output_format", "ceiling": 1.0}),
            ReleaseMetric.load({"name": "divergence", "acceptable_pct": 5.0, "required": False}),
        ],
        divergence_threshold=0.3,
        divergence_slices=["country"],
    ).document()
)


@contextmanager
def fault(world: World, **members: Any) -> Iterator[None]:
    """Something that is wrong with the challenger meanwhile."""
    url = world.clients("s3").meta.endpoint_url + "/_headway/faults"
    document = {"kind": "worker", "endpoint": world.settings.endpoint, "variant": "challenger", **members}
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        made = json.loads(answer.read())["fault"]
    try:
        yield
    finally:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/{made['id']}", method="DELETE")):
            pass


def rehearse(world: World, package: str, *, begins: str, **members: Any) -> tuple[Release, list[str]]:
    """Releases a model that goes wrong at a stage; answers how it ended and what callers saw fail."""
    world.plan = PLAN
    deadline = time.monotonic() + TIMEOUT_S
    with world.callers(ROWS) as failed:
        started_at = world.begin(package)
        release = world.step(package, started_at)
        while _place(release) != begins:
            assert time.monotonic() < deadline, release
            assert not release.is_over, release
            time.sleep(POLL_S)
            release = world.step(package, started_at)
        with fault(world, **members):
            while not release.is_over:
                assert time.monotonic() < deadline, release
                time.sleep(POLL_S)
                release = world.step(package, started_at)
    return release, failed


def _place(release: Release) -> str:
    return PLAN.judge.stages[release.stage].name if release.position == "stage" else release.position


def _seen_at(release: Release) -> str:
    (back,) = [item for item in release.history if item["what"] == "to roll_back"]
    stage: int = back["stage"]
    return PLAN.judge.stages[stage].name


@pytest.mark.parametrize(
    ("members", "says"),
    [
        pytest.param({"delay_s": 0.05}, "latency", id="50 ms slower"),
        pytest.param({"error_rate": 0.03}, "errors", id="3 errors in 100"),
        pytest.param({"wrong_rate": 1.0, "body_has": ",DE,"}, "country=DE", id="wrong on a slice"),
        pytest.param({"crash_rate": 0.02}, "", id="crashes under load"),
        pytest.param({"silent_rate": 1.0}, "", id="says nothing"),
    ],
)
def test_harm_that_the_shadow_shows_never_reaches_a_user(
    world: World, members: dict[str, Any], says: str
) -> None:
    # A placeholder is nothing that answers can diverge from, so there is a champion first.
    world.release(world.package("champion"))
    before = world.serving()

    release, failed = rehearse(world, world.package("harmful"), begins="shadow", **members)

    assert (release.status, _seen_at(release)) == ("rolled_back", "shadow")
    assert says in release.why
    assert failed == []
    assert world.serving() == release.previous == before != world.base.config


def test_harm_that_only_load_shows_is_turned_back_at_that_stage(world: World) -> None:
    release, failed = rehearse(world, world.package("harmful"), begins="25", error_rate=0.5)

    assert (release.status, _seen_at(release)) == ("rolled_back", "25")
    assert "errors" in release.why
    assert all("ModelError" in text for text in failed)
    assert world.serving() == release.previous == world.base.config
