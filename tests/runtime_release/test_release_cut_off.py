"""A machine that is killed again and again: a release ends all the same, with one owner of the endpoint.

Eight kills by default; HEADWAY_CHAOS_KILLS=50 pytest tests/runtime_release/test_release_chaos.py for more.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headway_components import LadderStage, ReleasePlan, ShadowStage
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import LOCK, Release
from support.release_world import POLL_S, TIMEOUT_S, World

KILLS = int(os.environ.get("HEADWAY_CHAOS_KILLS", "8"))
KILLS_IN_A_RELEASE = 8
CALLS_BETWEEN_KILLS = 40
KILLED = ("sagemaker", "dynamodb", "s3", "cloudwatch", "events", "sns")
PLAN = Plan.from_document(
    ReleasePlan(
        shadow=ShadowStage(sampling_pct=100, samples=30, time_limit_s=60),
        ladder=[LadderStage(percent=25, samples=20, time_limit_s=60), LadderStage(percent=100, samples=20)],
        divergence_slices=["country"],
    ).document()
)


class KilledError(BaseException):
    """The function ended here; nothing of it could do anything about it."""


@contextmanager
def killer(world: World, seed: int) -> Iterator[list[str]]:
    """Kills the machine at random calls to AWS, before or after they took effect; answers where."""
    choose = random.Random(seed)
    kills: list[str] = []
    left = choose.randrange(1, CALLS_BETWEEN_KILLS)

    def strike(event_name: str, **_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0 and len(kills) < KILLS_IN_A_RELEASE:
            # Each call passes here twice: before it is made, and after.
            left = choose.randrange(1, CALLS_BETWEEN_KILLS)
            kills.append(event_name)
            raise KilledError(event_name)

    watched = [world.clients(name).meta.events for name in KILLED]
    for events in watched:
        for moment in ("before-call", "after-call"):
            events.register(moment, strike)
    try:
        yield kills
    finally:
        for events in watched:
            for moment in ("before-call", "after-call"):
                events.unregister(moment, strike)


def _survive(world: World, package: str, started_at: str) -> Release | None:
    try:
        return world.step(package, started_at)
    except KilledError:
        return None


def test_a_machine_that_is_killed_anywhere_ends_with_one_owner_and_a_whole_record(world: World) -> None:
    world.plan = PLAN
    killed = 0
    for seed in range(-(-KILLS // KILLS_IN_A_RELEASE)):
        package = world.package(f"model-{seed}")
        deadline = time.monotonic() + TIMEOUT_S
        with world.callers() as failed:
            started_at = world.begin(package)
            release = None
            with killer(world, seed) as kills:
                while release is None or not release.is_over:
                    assert time.monotonic() < deadline, (release, kills)
                    time.sleep(POLL_S)
                    release = _survive(world, package, started_at)
            # The function's retry, which finds the release over and gives the endpoint back.
            ended = world.step(package, started_at)
        killed += len(kills)

        assert ended.status in {"promoted", "rolled_back"}, ended
        assert ended.serving == world.serving()
        assert set(ended.weights) == {"champion"}
        assert world.records.find("current") == ended == world.records.find(ended.release_id)
        assert _order_of(ended) == ["baseline", "shadow", "25", "100", "promote"]
        assert world.records.lock("nobody") == "nobody"
        world.records.unlock("nobody")
        assert failed == []
        world.collector.after_release()
    assert killed >= KILLS // 2
    assert LOCK not in {release.release_id for release in world.records.all()}


def _order_of(release: Release) -> list[str]:
    """The places that a release went to, each once however often a step was repeated."""
    places = [item["what"].removeprefix("to ") for item in release.history if item["what"].startswith("to ")]
    return list(dict.fromkeys(places))
