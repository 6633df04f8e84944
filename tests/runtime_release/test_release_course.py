"""The course of a release: what comes next, whatever was cut off and whoever else moved the endpoint."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_components import ReleasePlan
from headway_runtime.judge import Inconclusive, Phase, Verdict
from headway_runtime.release.course import (
    BUSY,
    REJECTING,
    Cause,
    Do,
    Live,
    Position,
    Situation,
    Status,
    Target,
    after_look,
    next_step,
)
from headway_runtime.release.plan import Plan, frozen, goes_by

PLAN = Plan.from_document(ReleasePlan(maximum_duration_s=600).document())
HOME = Target(config="home", weights={"champion": 100})
SPLIT = Target(config="split", weights={"champion": 75, "challenger": 25})
GOAL = Target(config="goal", weights={"champion": 100})
FOREIGN = Target(config="foreign", weights={})
LAST = Target(config="split", weights={"champion": 1, "challenger": 0})
SHAPES = frozenset({"home", "shadow", "split", "goal"})


def at(target: Target, **more: object) -> Live:
    return replace(Live(state="InService", config=target.config, weights=target.weights), **more)  # type: ignore[arg-type]


def situation(position: Position, target: Target, **more: object) -> Situation:
    known = Situation(
        position=position, stage=1, target=target, shapes=SHAPES, asked=0, arrived=False, elapsed_s=5
    )
    return replace(known, **more)  # type: ignore[arg-type]


STAGE = situation(Position.STAGE, SPLIT)
BACK = situation(Position.ROLL_BACK, HOME)


@pytest.mark.parametrize(
    ("known", "live", "do", "says"),
    [
        (STAGE, None, Do.END, "there is no endpoint"),
        (STAGE, at(HOME, state="Updating"), Do.WAIT, "the endpoint is Updating"),
        (STAGE, at(HOME), Do.MOVE, "moving to split"),
        (replace(STAGE, asked=1), at(HOME), Do.MOVE, "moving to split"),
        (replace(STAGE, asked=2), at(HOME), Do.GO, "SageMaker went back to home: SageMaker gives no reason"),
        (replace(STAGE, asked=1), at(HOME, reason="no capacity"), Do.GO, "went back to home: no capacity"),
        (STAGE, at(SPLIT, weights={"champion": 95, "challenger": 5}), Do.WEIGH, "challenger 25 %"),
        (STAGE, at(SPLIT), Do.ARRIVE, "split serves"),
        (replace(STAGE, arrived=True), at(SPLIT), Do.LOOK, "measuring"),
        (
            STAGE,
            at(FOREIGN),
            Do.END,
            "somebody else moved the endpoint to foreign",
        ),
        (replace(STAGE, elapsed_s=600), at(SPLIT), Do.GO, "not over after 600 s"),
        (situation(Position.PROMOTE, GOAL), at(GOAL), Do.END, "goal serves"),
        (BACK, at(SPLIT), Do.WEIGH, "the champion answers everybody"),
        (BACK, at(SPLIT, weights={"champion": 100, "challenger": 0}), Do.MOVE, "moving to home"),
        (BACK, at(HOME), Do.END, "home serves again"),
        (
            replace(BACK, elapsed_s=9_999),
            at(SPLIT, weights={"champion": 1, "challenger": 0}),
            Do.MOVE,
            "home",
        ),
        (replace(BACK, asked=2), at(GOAL), Do.END, "SageMaker went back to goal"),
    ],
)
def test_what_comes_next(known: Situation, live: Live | None, do: Do, says: str) -> None:
    step = next_step(known, live, PLAN)

    assert (step.do, says in step.why) == (do, True), step


@pytest.mark.parametrize(
    ("phase", "stage", "errors", "do", "position", "cause"),
    [
        (Phase.PASSED, 0, 0, Do.GO, Position.STAGE, None),
        (Phase.PASSED, 5, 0, Do.GO, Position.PROMOTE, None),
        (Phase.FAILED, 2, 0, Do.GO, Position.ROLL_BACK, Cause.WORSE),
        (Phase.RUNNING, 2, 0, Do.WAIT, None, None),
        (Phase.ERROR, 2, 8, Do.WAIT, None, None),
        (Phase.ERROR, 2, 9, Do.GO, Position.ROLL_BACK, Cause.NOT_MEASURED),
        (Phase.INCONCLUSIVE, 2, 0, Do.GO, Position.ROLL_BACK, Cause.INCONCLUSIVE),
    ],
)
def test_what_a_verdict_leads_to(
    phase: Phase, stage: int, errors: int, do: Do, position: Position | None, cause: Cause | None
) -> None:
    step = after_look(stage, Verdict(phase=phase, why="because"), errors, PLAN)

    assert (step.do, step.position, step.cause) == (do, position, cause)


@pytest.mark.parametrize(
    ("known", "reason", "cause", "speaks_against_the_model"),
    [
        (replace(STAGE, elapsed_s=600), "", Cause.OVERDUE, False),
        (replace(STAGE, asked=2), "", Cause.NOT_MOVED, False),
        (replace(STAGE, asked=1), "InsufficientInstanceCapacity error", Cause.NOT_MOVED, False),
        (replace(STAGE, asked=1), "did not pass the ping health check", Cause.NOT_STARTED, True),
        (replace(STAGE, asked=1), "Failed to extract model data archive", Cause.NOT_STARTED, True),
    ],
)
def test_only_what_the_model_is_to_blame_for_speaks_against_it(
    known: Situation, reason: str, cause: Cause, *, speaks_against_the_model: bool
) -> None:
    step = next_step(known, at(HOME, reason=reason), PLAN)

    assert (step.position, step.cause) == (Position.ROLL_BACK, cause)
    assert (cause in REJECTING) is speaks_against_the_model


@pytest.mark.parametrize(
    ("inconclusive", "do", "status"),
    [
        (Inconclusive.HOLD, Do.WAIT, Status.RUNNING),
        (Inconclusive.ASK, Do.WAIT, Status.WAITING),
        (Inconclusive.ROLL_BACK, Do.GO, Status.RUNNING),
    ],
)
def test_a_stage_without_a_verdict_does_as_declared(
    inconclusive: Inconclusive, do: Do, status: Status
) -> None:
    plan = replace(PLAN, judge=replace(PLAN.judge, inconclusive=inconclusive))
    step = after_look(1, Verdict(phase=Phase.INCONCLUSIVE, why="too few"), 0, plan)

    assert (step.do, step.status) == (do, status)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"shadow": None, "divergence_slices": [], "error_budget": None, "inconclusive": "ask"},
        {
            "divergence_slices": ["carrier"],
            "labels": {"wrong_from": 0.25},
            "prices": {"instance_hour_usd": 1.5},
            "metrics": [
                {"name": "errors", "ceiling": 2},
                {"name": "quality"},
                {"name": "divergence"},
                {"name": "cost_per_thousand_usd", "ceiling": 1},
            ],
        },
    ],
)
def test_a_release_goes_by_the_plan_it_began_with_and_asks_who_may_now(more: dict[str, object]) -> None:
    began = Plan.from_document(ReleasePlan.load({**more, "overridden_by": ["eve"]}).document())
    declared = replace(PLAN, overridden_by=("ada",))

    assert goes_by(frozen(began), declared) == replace(began, overridden_by=("ada",))
    assert goes_by("", declared) is declared
    assert goes_by('{"judge": {"stages": []}}', declared) is declared
    assert goes_by(frozen(began).replace("false_rollback", "renamed"), declared) is declared


@given(
    position=st.sampled_from([item for item in Position if item is not Position.BEGIN]),
    target=st.sampled_from([HOME, SPLIT, GOAL]),
    live=st.sampled_from([HOME, SPLIT, GOAL, Target(config="shadow", weights={"champion": 100})]),
    state=st.sampled_from(["InService", *BUSY]),
    reason=st.sampled_from(["", "no capacity"]),
    asked=st.integers(0, 3),
    arrived=st.booleans(),
    elapsed_s=st.sampled_from([0.0, 600.0, 1e6]),
)
def test_no_course_waits_for_ever_and_none_ends_with_shared_traffic(
    *,
    position: Position,
    target: Target,
    live: Target,
    state: str,
    reason: str,
    asked: int,
    arrived: bool,
    elapsed_s: float,
) -> None:
    """Whatever a step was cut off in, the next one does something, or waits for SageMaker alone."""
    known = situation(position, target, asked=asked, arrived=arrived, elapsed_s=elapsed_s)
    step = next_step(known, at(live, state=state, reason=reason), PLAN)

    assert (step.do is Do.WAIT) == (state in BUSY)
    if step.do is Do.END and step.status is not Status.FAILED:
        assert live.config == target.config
        assert "challenger" not in live.weights or position is Position.PROMOTE or live == target
