"""Steps that are cut off between any two calls, or taken twice at once: record and endpoint stay whole.

What happens when processes are killed around the real state machine: tests/system/test_release_chaos.py.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from headway_components import LadderStage, ReleasePlan, ShadowStage
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import LOCK, OvertakenError, Release
from support.release_world import POLL_S, TIMEOUT_S, World

KILLS = 8
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
        if left == 0 and len(kills) < KILLS:
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


def test_a_machine_that_is_cut_off_anywhere_ends_with_one_owner_and_a_whole_record(world: World) -> None:
    world.plan = PLAN
    package = world.package("model")
    deadline = time.monotonic() + TIMEOUT_S
    with world.callers() as failed:
        started_at = world.begin(package)
        release = None
        with killer(world, seed=0) as kills:
            while release is None or not release.is_over:
                assert time.monotonic() < deadline, (release, kills)
                time.sleep(POLL_S)
                release = _survive(world, package, started_at)
        # The function's retry, which finds the release over and gives the endpoint back.
        ended = world.step(package, started_at)

    assert ended.status in {"promoted", "rolled_back"}, ended
    assert ended.serving == world.serving()
    assert set(ended.weights) == {"champion"}
    assert world.records.find("current") == ended == world.records.find(ended.release_id)
    assert _order_of(ended) == ["baseline", "shadow", "25", "100", "promote"]
    assert world.records.lock("nobody") == "nobody"
    assert failed == []
    assert len(kills) >= KILLS // 2
    assert LOCK not in {release.release_id for release in world.records.all()}


def test_of_two_steps_at_once_one_gives_way_and_decides_nothing(world: World) -> None:
    """A function that was given up is still at work when the next one begins."""
    world.plan = PLAN
    package = world.package("model")
    started_at = world.begin(package)
    newer: list[Release] = []
    events = world.clients("dynamodb").meta.events

    def overtake(**_: Any) -> None:
        events.unregister("before-call.dynamodb.PutItem", overtake)
        newer.extend(world.step(package, started_at) for _ in range(2))

    with world.callers():
        # The lock is put first; the step is overtaken between having read the record and saving it.
        events.register("before-call.dynamodb.PutItem", overtake)
        older = world.step(package, started_at)

    assert older == newer[-1] == world.records.find("current")
    whats = [item["what"] for item in older.history]
    assert len(whats) == len(set(whats))


def test_a_record_that_is_not_the_newest_is_never_saved(world: World) -> None:
    package = world.package("model")
    release_id = world.step(package, world.begin(package)).release_id
    read = world.records.find(release_id)
    assert read is not None
    newer = world.records.save(replace(read, why="newer"))

    with pytest.raises(OvertakenError):
        world.records.save(replace(read, why="older"))

    assert world.records.find("current") == world.records.find(release_id) == newer


def _order_of(release: Release) -> list[str]:
    """The places that a release went to, each once however often a step was repeated."""
    places = [item["what"].removeprefix("to ") for item in release.history if item["what"].startswith("to ")]
    return list(dict.fromkeys(places))
