"""What the record of a release says, as its course is decided on. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from headway_runtime.release.course import Live, Position, Situation, Step, Target
from headway_runtime.release.orders import seconds_between
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Release

_NO_WEIGHTS: Mapping[str, float] = {}


def situation_of(release: Release) -> Situation:
    """What the next step is decided on."""
    return Situation(
        position=Position(release.position),
        stage=release.stage,
        target=Target(config=release.target_config, weights=release.target_weights),
        shapes=frozenset(release.shapes),
        asked=release.asked,
        arrived=bool(release.arrived_at),
        elapsed_s=seconds_between(release.started_at, release.at),
    )


def as_read_back(release: Release, live: Live | None) -> Release:
    """The release with what really serves; nothing where the endpoint is gone."""
    if live is None:
        return replace(release, serving="", weights=_NO_WEIGHTS)
    return replace(release, serving=live.config, weights=dict(live.weights))


def turned_back(release: Release) -> str:
    """Why a release was turned back."""
    return str(next(item["why"] for item in reversed(release.history) if item["what"] == "to roll_back"))


def place(step: Step, plan: Plan) -> str:
    """Where a step goes, in a word."""
    assert step.position is not None
    if step.position is Position.STAGE:
        return plan.judge.stages[step.stage].name
    return str(step.position.value)
