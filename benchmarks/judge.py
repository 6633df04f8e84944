"""What one verdict of the judge costs: 1 ms at most, with the standard library alone.

    python -I benchmarks/judge.py

Runs isolated from every installed package, as the judge does on a function without layers. The release is as
large as one gets: the last stage of the default ladder, six metrics, a hundred slices; and as small.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "runtime"))
BEFORE = frozenset(sys.modules)
"""What the interpreter itself has loaded."""

from headway_runtime.judge import (  # noqa: E402 - the way to it is said first
    Comparison,
    Counts,
    JudgePlan,
    Metric,
    Pairs,
    Stage,
    StageObservation,
    assess,
)

LIMIT_MS = 1.0
LADDER = (0, 1, 5, 25, 50, 100)
METRICS = (
    Metric(name="errors", acceptable_share=0.01, ceiling=0.02, weight=4),
    Metric(name="latency", tolerance_ratio=1.1, acceptable_share=0.05, harmless_share=0.05, weight=2),
    Metric(name="output_format", acceptable_share=0.01, ceiling=0.01),
    Metric(name="quality", acceptable_share=0.2),
    Metric(name="divergence", comparison=Comparison.PAIRS, acceptable_share=0.05, slices=True),
    Metric(name="cost", comparison=Comparison.VALUE, ceiling=1.0),
)


def plan(stages: int) -> JudgePlan:
    """A plan with so many stages of the default ladder, and every kind of metric."""
    return JudgePlan(
        stages=[
            Stage(
                name=str(share), challenger_percent=share, samples=500, time_limit_s=3_600, rule_out_ratio=3
            )
            for share in LADDER[:stages]
        ],
        metrics=METRICS,
        error_budget=100,
    )


def observations(stages: int) -> list[StageObservation]:
    """What was counted in every stage of a healthy release."""
    counts = Counts(challenger_requests=1_000, challenger_bad=3, champion_requests=9_000, champion_bad=30)
    arms = {metric.name: counts for metric in METRICS if metric.comparison is Comparison.ARMS}
    slices = {f"carrier={number}": Pairs(compared=50, bad=1) for number in range(100)}
    return [
        StageObservation(
            stage=stage,
            elapsed_s=60,
            challenger_requests=1_000,
            arms=arms,
            pairs={"divergence": Pairs(compared=5_000, bad=100)},
            slices={"divergence": slices},
            values={"cost": 0.5},
        )
        for stage in range(stages)
    ]


def main() -> int:
    """Prints the time of a verdict; exits 1 when it is too long or something foreign was imported."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verdicts", type=int, default=500, help="verdicts of each release")
    options = parser.parse_args()
    loaded = {name.partition(".")[0] for name in sys.modules if name not in BEFORE}
    foreign = loaded - {*sys.stdlib_module_names, "headway_runtime"}
    print(f"imported beside the standard library: {', '.join(sorted(foreign)) or 'nothing'}")
    worst = 0.0
    for stages in (1, len(LADDER)):
        judged, seen = plan(stages), observations(stages)
        assess(seen, judged)
        # Time of the processor: what else runs on the machine does not count.
        began = time.process_time()
        for _ in range(options.verdicts):
            verdict = assess(seen, judged)
        spent_ms = 1_000 * (time.process_time() - began) / options.verdicts
        worst = max(worst, spent_ms)
        print(
            f"{stages} stages, {len(METRICS)} metrics, 100 slices: {spent_ms:.3f} ms, {verdict.phase.value}"
        )
    print(f"limit: {LIMIT_MS:g} ms")
    return 0 if worst <= LIMIT_MS and not foreign else 1


if __name__ == "__main__":
    sys.exit(main())
