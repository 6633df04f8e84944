"""How often a release is decided wrongly, by our judge and by two rules in common use, on the same traffic.

    python benchmarks/release_error_rates.py

Simulates whole releases request by request with fixed seeds, looks at them many times in every stage, and
asks the judge that runs in the release machine. Beside it stand fixed thresholds as Argo Rollouts users write
them and a one-sided z-test at 1 %, looked at as often. The table shows how many healthy challengers each
rolls back over a whole release, and how many bad ones it finds within the first 1,000 challenger requests;
then what the best test that there can be would find at the same chance of a false alarm.

The judge's evidence is a mean of bets, and a mean is at most its largest part. All bets of a release are
computed at once, and the judge is asked at those looks at which the largest is enough. In the first releases
of each kind it is asked at every look, and has to say the same.
"""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from headway_components import ReleasePlan
from headway_runtime.judge import Counts, JudgePlan, Metric, Phase, StageObservation, assess
from headway_runtime.judge.assess import EXCESS_DEVIATIONS
from headway_runtime.judge.evidence import HARM_RATIOS

FALSE_ROLLBACK_LIMIT = 0.01
FOUND_LIMIT = 0.99
LOOKS_IN_A_STAGE = 40
FOUND_WITHIN = 1_000
BATCH = 250
ASKED_AT_EVERY_LOOK = 5
"""Releases of each batch in which the judge is asked at every look."""
Z_LIMIT = NormalDist().inv_cdf(0.99)
ARGO_WINDOWS = 20
ARGO_FAILURES_ALLOWED = 3
ARGO_ERROR_RATE = 0.01


@dataclass(frozen=True)
class Scenario:
    """One kind of challenger.

    Args:
        name: What it is.
        errors: Share of failed answers of champion and challenger.
        slow: Share of answers slower than the champion's 95th percentile, of champion and challenger.
        percent: The only stage, as a share of the traffic; the whole ladder for 0.
        incident: How many times more goes wrong on both arms during every second tenth of a stage.
        bad: Whether it ought to be rolled back.
    """

    name: str
    errors: tuple[float, float]
    slow: tuple[float, float]
    percent: float = 0
    incident: float = 1.0
    bad: bool = False


SCENARIOS = (
    Scenario("healthy, whole release", (0.001, 0.001), (0.05, 0.05)),
    Scenario("healthy, 1 % errors by nature", (0.01, 0.01), (0.05, 0.05)),
    Scenario("healthy, incidents on both arms", (0.001, 0.001), (0.02, 0.02), incident=8.0),
    Scenario("3 × slow answers at 1 %", (0.001, 0.001), (0.05, 0.15), percent=1, bad=True),
    Scenario("errors 0.1 to 1 % at 1 %", (0.001, 0.01), (0.05, 0.05), percent=1, bad=True),
    Scenario("errors 0.1 to 3 % at 1 %", (0.001, 0.03), (0.05, 0.05), percent=1, bad=True),
)
ARMS_ONLY = ("errors", "latency")


@dataclass
class Seen:
    """Counts of one simulated stage at every look, added up from its start."""

    requests: np.ndarray
    errors: np.ndarray
    slow: np.ndarray


def main() -> int:
    """Prints the table; exits 1 when a limit that can be kept is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=int, default=10_000, help="simulated releases of each kind")
    options = parser.parse_args()
    print(f"{options.releases:,} simulated releases of each kind, {LOOKS_IN_A_STAGE} looks in every stage\n")
    print(f"{'rolled back':34}{'ours':>9}{'z-test':>9}{'fixed':>9}{'best':>9}   limit")
    kept = True
    for position, scenario in enumerate(SCENARIOS):
        ours, z_test, fixed = _rates(scenario, position, options.releases)
        limit = f">= {FOUND_LIMIT:.0%}" if scenario.bad else f"<= {FALSE_ROLLBACK_LIMIT:.0%}"
        best = _best_possible(scenario)
        bound = f"{'':>9}" if best is None else f"{best:>9.2%}"
        figures = f"{ours:>9.2%}{z_test:>9.2%}{fixed:>9.2%}{bound}"
        note = "" if best is None or best >= FOUND_LIMIT else ", out of reach of any test"
        print(f"{scenario.name:34}{figures}   {limit}{note}", flush=True)
        reachable = best is None or best >= FOUND_LIMIT
        kept &= (ours >= FOUND_LIMIT or not reachable) if scenario.bad else ours <= FALSE_ROLLBACK_LIMIT
    return 0 if kept else 1


def _rates(scenario: Scenario, position: int, releases: int) -> tuple[float, float, float]:
    batches = [(scenario, position, start) for start in range(0, releases, BATCH)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        counted = list(pool.map(_batch, batches))
    total = np.sum(counted, axis=0) / (len(batches) * BATCH)
    return float(total[0]), float(total[1]), float(total[2])


def _batch(task: tuple[Scenario, int, int]) -> tuple[int, int, int]:
    scenario, position, start = task
    random = np.random.default_rng([position, start])
    plan = _plan(scenario)
    found = np.zeros(3, dtype=int)
    for number in range(BATCH):
        stages = [
            _simulate(scenario, stage.challenger_percent, stage.samples, random) for stage in plan.stages
        ]
        found += [rule(plan, stages) for rule in _RULES]
        if number < ASKED_AT_EVERY_LOOK:
            everywhere = [np.ones(LOOKS_IN_A_STAGE, dtype=bool) for _ in stages]
            assert _fails(plan, stages, everywhere) == _ours(plan, stages), (scenario, start, number)
    return int(found[0]), int(found[1]), int(found[2])


def _plan(scenario: Scenario) -> JudgePlan:
    """The default plan, as a stack that says nothing declares it; one stage of it where only one is asked."""
    document = ReleasePlan().document()
    document["shadow"] = None
    document["metrics"] = [metric for metric in document["metrics"] if metric["name"] in ARMS_ONLY]
    if scenario.percent:
        stage = {
            "percent": scenario.percent,
            "samples": FOUND_WITHIN,
            "time_limit_s": 60,
            "rule_out_ratio": 10,
        }
        document["ladder"] = [stage]
    return JudgePlan.from_document(document)


def _simulate(scenario: Scenario, percent: float, samples: int, random: np.random.Generator) -> Seen:
    """Counts of both arms (challenger, champion) at every look of a stage."""
    share = percent / 100
    total = math.ceil(samples / share / LOOKS_IN_A_STAGE)
    challenger = random.binomial(total, share, LOOKS_IN_A_STAGE)
    requests = np.stack([challenger, total - challenger])
    worse = np.where((np.arange(LOOKS_IN_A_STAGE) // 4) % 2 == 0, 1.0, scenario.incident)
    rates = {name: np.minimum(1, np.outer(pair[::-1], worse)) for name, pair in _rates_of(scenario).items()}
    bad = {name: random.binomial(requests, rate) for name, rate in rates.items()}
    return Seen(*(np.cumsum(item, axis=1) for item in (requests, bad["errors"], bad["slow"])))


def _rates_of(scenario: Scenario) -> dict[str, tuple[float, float]]:
    return {"errors": scenario.errors, "slow": scenario.slow}


def _ours(plan: JudgePlan, stages: Sequence[Seen]) -> bool:
    """Whether the judge fails the release at any look."""
    return _fails(plan, stages, _may_fail(plan, stages))


def _fails(plan: JudgePlan, stages: Sequence[Seen], looks: Sequence[np.ndarray]) -> bool:
    """Whether the judge fails the release at one of some looks; earlier stages count in later ones."""
    before: list[StageObservation] = []
    for position, seen in enumerate(stages):
        for look in np.flatnonzero(looks[position]):
            observation = _observation(position, seen, int(look))
            if assess([*before, observation], plan).phase is Phase.FAILED:
                return True
        before.append(_observation(position, seen, LOOKS_IN_A_STAGE - 1))
    return False


def _may_fail(plan: JudgePlan, stages: Sequence[Seen]) -> list[np.ndarray]:
    """For each stage, the looks at which the largest bet of a metric or the spent budget would be enough."""
    enough = _over_budget(plan, stages)
    for metric in plan.metrics:
        threshold = -math.log(plan.metric_alpha(metric))
        for position, largest in enumerate(_largest_bets(metric, stages)):
            enough[position] |= largest >= threshold - 1e-6
    return enough


def _largest_bets(metric: Metric, stages: Sequence[Seen]) -> list[np.ndarray]:
    """For each stage and look, the largest of all bets that the evidence of harm is a mean of."""
    worse = np.array(HARM_RATIOS)[:, None]
    tolerance = metric.tolerance_ratio
    so_far, total = np.zeros((len(HARM_RATIOS), 1)), np.zeros((2, 1))
    of_stages = 0.0
    largest: list[np.ndarray] = []
    for seen in stages:
        (challenger, champion), bad = seen.requests, seen.errors if metric.name == "errors" else seen.slow
        ratios = np.log(challenger * tolerance + champion) - np.log(challenger * tolerance * worse + champion)
        single = np.where(
            np.minimum(challenger, champion) > 0, bad[0] * np.log(worse) + bad.sum(axis=0) * ratios, 0
        )
        whole = so_far + single
        found = np.maximum(single.max(axis=0), whole.max(axis=0))
        if metric.ceiling is not None:
            arm = np.stack([challenger, bad[0]])
            for requests, events in (arm, total + arm):
                found = np.maximum(found, _above(requests, events, metric.ceiling))
            total = total + arm[:, -1:]
        largest.append(np.maximum(found, of_stages))
        of_stages = max(of_stages, float(found[-1]))
        so_far = whole[:, -1:]
    return largest


def _above(requests: np.ndarray, bad: np.ndarray, limit: float) -> np.ndarray:
    rates = np.minimum(limit * np.array(HARM_RATIOS), (1 + limit) / 2)[:, None]
    bets = bad * np.log(rates / limit) + (requests - bad) * (np.log1p(-rates) - math.log1p(-limit))
    return np.asarray(bets.max(axis=0))


def _over_budget(plan: JudgePlan, stages: Sequence[Seen]) -> list[np.ndarray]:
    if plan.error_budget is None:
        return [np.zeros(LOOKS_IN_A_STAGE, dtype=bool) for _ in stages]
    excess = expected = 0.0
    over: list[np.ndarray] = []
    for seen in stages:
        challenger, champion = seen.requests
        usual = challenger * seen.errors[1] / np.maximum(1, champion)
        more, deviation = excess + seen.errors[0] - usual, expected + usual
        over.append(more - EXCESS_DEVIATIONS * np.sqrt(deviation) >= plan.error_budget - 1e-6)
        excess, expected = float(more[-1]), float(deviation[-1])
    return over


def _observation(position: int, seen: Seen, look: int) -> StageObservation:
    challenger, champion = (int(number) for number in seen.requests[:, look])

    def counts(bad: np.ndarray) -> Counts:
        return Counts(
            challenger_requests=challenger,
            challenger_bad=int(bad[0, look]),
            champion_requests=champion,
            champion_bad=int(bad[1, look]),
        )

    return StageObservation(
        stage=position,
        elapsed_s=0,
        challenger_requests=challenger,
        arms={"errors": counts(seen.errors), "latency": counts(seen.slow)},
    )


def _z_test(_: JudgePlan, stages: Sequence[Seen]) -> bool:
    """Whether the z-statistic of errors or latency is beyond the 1 % limit at any look of any stage."""
    for seen in stages:
        challenger, champion = seen.requests
        for bad in (seen.errors, seen.slow):
            pooled = bad.sum(axis=0) / np.maximum(1, challenger + champion)
            spread = pooled * (1 - pooled) * (1 / np.maximum(1, challenger) + 1 / np.maximum(1, champion))
            difference = bad[0] / np.maximum(1, challenger) - bad[1] / np.maximum(1, champion)
            if np.any(difference > Z_LIMIT * np.sqrt(np.maximum(spread, 1e-12))):
                return True
    return False


def _fixed(_: JudgePlan, stages: Sequence[Seen]) -> bool:
    """Whether more windows than allowed have an error rate above a fixed one, as in an Argo analysis."""
    for seen in stages:
        edges = np.linspace(0, LOOKS_IN_A_STAGE - 1, ARGO_WINDOWS + 1).astype(int)
        requests, errors = np.diff(seen.requests[0][edges]), np.diff(seen.errors[0][edges])
        if np.sum(errors > ARGO_ERROR_RATE * requests) > ARGO_FAILURES_ALLOWED:
            return True
    return False


_RULES: tuple[Callable[[JudgePlan, Sequence[Seen]], bool], ...] = (_ours, _z_test, _fixed)


def _best_possible(scenario: Scenario) -> float | None:
    """Chance that the most powerful test finds the harm in 1,000 requests with 1 % false alarms in one look.

    Neyman and Pearson: no test does better, and one that looks more than once does worse.
    """
    if not scenario.bad:
        return None
    pairs = [pair for pair in _rates_of(scenario).values() if pair[0] != pair[1]]
    return max(_power(good * FOUND_WITHIN, bad * FOUND_WITHIN) for good, bad in pairs)


def _power(good: float, bad: float) -> float:
    """Power of the best test between two Poisson means at 1 % false alarms, randomised at its edge."""
    tail_good = tail_bad = 1.0
    chance_good, chance_bad = math.exp(-good), math.exp(-bad)
    count = 0
    while tail_good > FALSE_ROLLBACK_LIMIT:
        count += 1
        tail_good, tail_bad = tail_good - chance_good, tail_bad - chance_bad
        edge_good, edge_bad = chance_good, chance_bad
        chance_good, chance_bad = chance_good * good / count, chance_bad * bad / count
    return tail_bad + (FALSE_ROLLBACK_LIMIT - tail_good) / edge_good * edge_bad


if __name__ == "__main__":
    sys.exit(main())
