"""What the judge says about the memory that a challenger uses."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_runtime.judge import (
    Comparison,
    Counts,
    JudgePlan,
    Levels,
    Metric,
    Phase,
    Stage,
    StageObservation,
    Standing,
    assess,
)

MEMORY = Metric(
    name="memory", comparison=Comparison.LEVELS, tolerance_ratio=1.5, acceptable_share=0.05, ceiling=0.9
)
PLAN = JudgePlan(
    stages=[Stage(name="100", challenger_percent=100, samples=10, time_limit_s=600, rule_out_ratio=2)],
    metrics=[Metric(name="errors", acceptable_share=0.1), MEMORY],
)
STEADY = [0.1] * 30
LEAKING = [0.1, 0.14, 0.18, 0.22, 0.26, 0.3]


def seen(challenger: list[float], champion: list[float]) -> StageObservation:
    return StageObservation(
        stage=0,
        elapsed_s=60,
        challenger_requests=1_000,
        arms={
            "errors": Counts(
                challenger_requests=1_000, challenger_bad=0, champion_requests=1_000, champion_bad=0
            )
        },
        levels={"memory": Levels(challenger=challenger, champion=champion)},
    )


@pytest.mark.parametrize(
    ("challenger", "champion", "phase", "says"),
    [
        (STEADY, STEADY, Phase.PASSED, "challenger memory 10 % against 10 %: 1 ×"),
        ([0.14] * 30, STEADY, Phase.PASSED, "challenger memory 14 % against 10 %: 1.4 ×"),
        (
            LEAKING,
            STEADY,
            Phase.FAILED,
            "challenger memory 24 % against 10 %: 2.4 ×, 1.5 × is allowed above 5 %",
        ),
        ([0.04] * 30, [0.01] * 30, Phase.PASSED, "challenger memory 4 % against 1 %: 4 ×"),
        ([0.7, 0.75, 0.8, 0.95], [0.7] * 5, Phase.FAILED, "now 95 %, 90 % is the most allowed"),
        ([0.95] * 4, [0.95] * 4, Phase.PASSED, "challenger memory 95 % against 95 %"),
        ([0.3] * 4, [], Phase.PASSED, "challenger memory 30 %"),
        ([0.95] * 4, [], Phase.FAILED, "90 % is the most allowed"),
        ([0.1], STEADY, Phase.RUNNING, "measured 1 of 4 times"),
        ([], STEADY, Phase.RUNNING, "memory: nothing was measured"),
    ],
)
def test_memory_is_held_against_the_champions_and_a_ceiling(
    challenger: list[float], champion: list[float], phase: Phase, says: str
) -> None:
    verdict = assess([seen(challenger, champion)], PLAN)

    assert verdict.phase is phase
    assert says in verdict.metrics[1].why


def test_a_plan_that_can_do_without_waits_for_no_level() -> None:
    optional = replace(PLAN, metrics=[PLAN.metrics[0], replace(MEMORY, required=False)])

    assert [assess([seen(levels, STEADY)], optional).phase for levels in ([], [0.1])] == [Phase.PASSED] * 2


@given(st.lists(st.floats(0, 1), max_size=12), st.lists(st.floats(0, 1), max_size=12))
def test_a_challenger_that_uses_no_more_is_never_worse(first: list[float], second: list[float]) -> None:
    less, more = sorted((sorted(first), sorted(second)), key=lambda item: max(item, default=0))
    verdict = assess([seen(less, [max(more, default=0)] * 5)], PLAN)

    assert verdict.metrics[1].standing is not Standing.WORSE or max(less) > 0.9
