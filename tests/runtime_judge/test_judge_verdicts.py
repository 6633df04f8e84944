"""What the judge says about a release, as the owner of the release reads it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import headway_runtime
from headway_runtime.judge import (
    Comparison,
    Counts,
    Inconclusive,
    JudgePlan,
    Metric,
    Pairs,
    Phase,
    Stage,
    StageObservation,
    Standing,
    assess,
)

ERRORS = Metric(name="errors", acceptable_share=0.01, ceiling=0.02, weight=2.0)
LATENCY = Metric(name="latency", tolerance_ratio=1.1, acceptable_share=0.05, harmless_share=0.05)
DIVERGENCE = Metric(
    name="divergence", comparison=Comparison.PAIRS, acceptable_share=0.05, slices=True, required=False
)
COST = Metric(name="cost", comparison=Comparison.VALUE, ceiling=0.5, required=False)
PLAN = JudgePlan(
    stages=[
        Stage(name="shadow", challenger_percent=0, samples=200, time_limit_s=600, rule_out_ratio=5),
        Stage(name="1", challenger_percent=1, samples=50, time_limit_s=600, rule_out_ratio=10),
        Stage(name="25", challenger_percent=25, samples=500, time_limit_s=600, rule_out_ratio=3),
        Stage(name="100", challenger_percent=100, samples=500, time_limit_s=600, rule_out_ratio=2),
    ],
    metrics=[ERRORS, LATENCY, DIVERGENCE, COST],
    error_budget=40,
)


def arms(challenger: tuple[int, int], champion: tuple[int, int]) -> Counts:
    return Counts(
        challenger_requests=challenger[1],
        challenger_bad=challenger[0],
        champion_requests=champion[1],
        champion_bad=champion[0],
    )


def seen(
    stage: int, errors: Counts, latency: Counts | None = None, elapsed_s: float = 60
) -> StageObservation:
    slow = Counts(
        challenger_requests=errors.challenger_requests,
        challenger_bad=errors.challenger_requests // 20,
        champion_requests=errors.champion_requests,
        champion_bad=errors.champion_requests // 20,
    )
    return StageObservation(
        stage=stage,
        elapsed_s=elapsed_s,
        challenger_requests=errors.challenger_requests,
        arms={"errors": errors, "latency": slow if latency is None else latency},
    )


HEALTHY = [
    seen(0, arms((0, 600), (0, 1_200))),
    seen(1, arms((0, 60), (4, 6_000))),
    seen(2, arms((2, 600), (4, 1_800))),
]


@pytest.mark.parametrize(
    ("observations", "phase", "says"),
    [
        (HEALTHY, Phase.PASSED, "600 challenger requests, no metric worse"),
        ([], Phase.ERROR, "nothing was observed"),
        ([seen(9, arms((0, 1), (0, 1)))], Phase.ERROR, "no stage 9"),
        ([seen(1, arms((3, 2), (0, 1)))], Phase.ERROR, "errors of the challenger counts 3 bad of 2 requests"),
        ([seen(1, arms((0, 0), (3, 9_000)))], Phase.RUNNING, "the challenger has seen no request"),
        (
            [seen(1, arms((0, 0), (3, 9_000)), elapsed_s=600)],
            Phase.INCONCLUSIVE,
            "no verdict after 10 min: the challenger has seen no request",
        ),
        ([seen(1, arms((0, 7), (0, 700)))], Phase.RUNNING, "the challenger has seen 7 of 50 requests"),
        (
            [*HEALTHY[:2], seen(2, arms((30, 600), (4, 1_800)))],
            Phase.FAILED,
            "challenger errors 30 of 1,260 against 8 of 9,000: 26.8 ×, e-value ",
        ),
        (
            [seen(1, arms((0, 1_000), (0, 99_000)), arms((150, 1_000), (4_950, 99_000)))],
            Phase.FAILED,
            "challenger latency 150 of 1,000 against 4,950 of 99,000: 3 ×, e-value over 1,000,000 > ",
        ),
        (
            # Both arms fail alike: nobody's fault, and no time to go on.
            [seen(1, arms((30, 300), (2_990, 30_000)))],
            Phase.RUNNING,
            "errors of the champion itself is above 2 %",
        ),
    ],
)
def test_verdicts(observations: list[StageObservation], phase: Phase, says: str) -> None:
    verdict = assess(observations, PLAN)

    assert (verdict.phase, says in verdict.why) == (phase, True), verdict.why


def test_harm_that_begins_under_load_is_found_behind_many_good_answers() -> None:
    before = [seen(0, arms((0, 50_000), (50, 50_000))), seen(1, arms((5, 5_000), (500, 500_000)))]
    verdict = assess([*before, seen(2, arms((12, 300), (1, 900)))], PLAN)

    assert verdict.phase is Phase.FAILED


def test_with_all_traffic_the_ceiling_still_holds() -> None:
    alone = seen(3, arms((60, 600), (0, 0)))

    assert assess([*HEALTHY, alone], PLAN).phase is Phase.FAILED
    assert assess([*HEALTHY, seen(3, arms((1, 600), (0, 0)))], PLAN).phase is Phase.PASSED


def shadowed(bad_where: dict[str, Pairs], total: Pairs) -> StageObservation:
    return replace(
        HEALTHY[0],
        pairs={"divergence": total},
        slices={"divergence": {"carrier=UA": Pairs(compared=150, bad=1), **bad_where}},
    )


@pytest.mark.parametrize(
    ("observation", "phase", "says"),
    [
        (shadowed({}, Pairs(compared=600, bad=9)), Phase.PASSED, "no metric worse"),
        (
            shadowed({"carrier=HA": Pairs(compared=9, bad=9)}, Pairs(compared=600, bad=18)),
            Phase.FAILED,
            "divergence where carrier=HA in 9 of 9 pairs, 5 % is allowed, e-value ",
        ),
        (shadowed({}, Pairs(compared=600, bad=120)), Phase.FAILED, "divergence in 120 of 600 pairs, 5 % is"),
        (replace(HEALTHY[0], values={"cost": 0.61}), Phase.FAILED, "cost is 0.61, 0.5 is the most allowed"),
    ],
)
def test_pairs_slices_and_values(observation: StageObservation, phase: Phase, says: str) -> None:
    verdict = assess([observation], PLAN)

    assert (verdict.phase, says in verdict.why) == (phase, True), verdict.why


def test_what_a_stage_needs_and_nobody_measured_keeps_it_open() -> None:
    needed = replace(PLAN, metrics=[ERRORS, replace(DIVERGENCE, required=True)])
    unread = replace(HEALTHY[0], missing={"divergence": "the capture could not be read"})

    assert assess([unread], needed).why == "divergence: the capture could not be read"
    assert assess(HEALTHY, needed).phase is Phase.PASSED


def test_the_budget_of_the_whole_release() -> None:
    generous = replace(PLAN, metrics=[replace(ERRORS, tolerance_ratio=100.0, ceiling=None)], error_budget=40)
    many = [seen(1, arms((60, 2_000), (40, 4_000))), seen(2, arms((60, 2_000), (40, 4_000)))]

    assert "its error budget is 40" in assess(many, generous).why
    assert assess(many, replace(generous, error_budget=None)).phase is not Phase.FAILED


def test_a_plan_is_what_its_document_says() -> None:
    document = {
        "shadow": {"sampling_percent": 50, "samples": 10, "time_limit_s": 60, "rule_out_ratio": 5},
        "ladder": [{"percent": 100, "samples": 20, "time_limit_s": 60, "rule_out_ratio": 2}],
        "metrics": [{"name": "errors", "comparison": "arms", "ceiling": 0.02}],
        "false_rollback": 0.01,
        "false_promotion": 0.05,
        "inconclusive": "ask",
    }
    plan = JudgePlan.from_document(document)

    assert [(stage.name, stage.samples) for stage in plan.stages] == [("shadow", 10), ("100", 20)]
    assert plan.metrics[0].ceiling == 0.02
    assert (plan.inconclusive, plan.error_budget) == (Inconclusive.ASK, None)
    with pytest.raises(ValueError, match="perhaps"):
        JudgePlan.from_document({**document, "inconclusive": "perhaps"})


@given(
    challenger=st.integers(0, 3_000),
    bad=st.integers(0, 3_000),
    champion=st.integers(0, 90_000),
    champion_bad=st.integers(0, 90_000),
    elapsed_s=st.sampled_from([0.0, 599.9, 600.0, 1e6]),
)
def test_every_count_gets_a_verdict_with_a_reason(
    challenger: int, bad: int, champion: int, champion_bad: int, elapsed_s: float
) -> None:
    counts = arms((min(bad, challenger), challenger), (min(champion_bad, champion), champion))
    verdict = assess([seen(1, counts, elapsed_s=elapsed_s)], PLAN)

    assert verdict.why
    assert not (verdict.phase is Phase.PASSED and not challenger)
    assert not (verdict.phase is Phase.RUNNING and elapsed_s >= 600)
    assert (verdict.phase is Phase.FAILED) >= any(item.standing is Standing.WORSE for item in verdict.metrics)


def test_the_judge_needs_nothing_but_the_standard_library() -> None:
    root = Path(headway_runtime.__file__).parents[1]
    program = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "import headway_runtime.judge, headway_runtime.judge.series, json\n"
        "names = {name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)\n"
        "print(json.dumps(sorted(names)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == ["__main__", "headway_runtime"]


@pytest.mark.parametrize(("slow", "harm"), [(9, False), (60, True)])
def test_a_harmless_share_of_slow_answers_is_no_harm_over_a_champion_with_none(slow: int, harm: bool) -> None:
    answers = seen(0, arms((0, 309), (0, 617)), latency=arms((slow, 309), (0, 617)))

    latency = next(item for item in assess([answers], PLAN).metrics if item.metric == "latency")

    assert (latency.standing is Standing.WORSE) is harm
