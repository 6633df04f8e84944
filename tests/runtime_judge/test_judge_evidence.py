"""An e-value is what it claims to be: its expectation under the assumption is 1, whatever the numbers."""

import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_runtime.judge.evidence import (
    Counts,
    harm_as_a_whole,
    harm_bets,
    log_above,
    log_below,
    log_safe,
)

REQUESTS = st.integers(1, 5_000)


def choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)


def log_harm(stages: Iterable[Counts], ratio: float) -> float:
    return harm_as_a_whole([harm_bets(counts, ratio) for counts in stages])


@given(
    challenger=REQUESTS,
    champion=REQUESTS,
    events=st.integers(0, 60),
    ratio=st.floats(0.5, 5, allow_nan=False),
)
def test_two_arms_are_a_fair_bet(challenger: int, champion: int, events: int, ratio: float) -> None:
    """Summed over every way in which the bad events may fall on the arms, at the assumed ratio."""
    share = challenger * ratio / (challenger * ratio + champion)
    for evidence in (log_harm, log_safe):
        expected = 0.0
        for bad in range(events + 1):
            counts = Counts(
                challenger_requests=challenger,
                challenger_bad=bad,
                champion_requests=champion,
                champion_bad=events - bad,
            )
            chance = choose(events, bad) + bad * math.log(share) + (events - bad) * math.log1p(-share)
            expected += math.exp(chance + evidence([counts], ratio))
        assert expected == pytest.approx(1.0, rel=1e-6)


@given(requests=st.integers(0, 80), limit=st.floats(0.001, 0.9))
def test_one_arm_is_a_fair_bet(requests: int, limit: float) -> None:
    for evidence in (log_above, log_below):
        expected = math.fsum(
            math.exp(
                choose(requests, bad)
                + bad * math.log(limit)
                + (requests - bad) * math.log1p(-limit)
                + evidence(requests, bad, limit)
            )
            for bad in range(requests + 1)
        )
        assert expected == pytest.approx(1.0, rel=1e-6)


@given(counts=st.lists(st.tuples(REQUESTS, REQUESTS), min_size=1, max_size=5))
def test_no_bad_event_is_no_evidence_of_anything_between_the_arms(counts: list[tuple[int, int]]) -> None:
    stages = [
        Counts(challenger_requests=first, challenger_bad=0, champion_requests=second, champion_bad=0)
        for first, second in counts
    ]

    assert log_harm(stages, 1.0) == pytest.approx(0.0)
    assert log_safe(stages, 2.0) == pytest.approx(0.0)


def test_one_arm_alone_says_nothing_about_the_other() -> None:
    alone = Counts(challenger_requests=1_000, challenger_bad=500, champion_requests=0, champion_bad=0)

    assert log_harm([alone], 1.0) == log_safe([alone], 2.0) == 0.0


def test_at_a_limit_of_nothing_the_first_bad_event_is_proof() -> None:
    assert log_above(10, 0, 0.0) == 0.0
    assert log_above(10, 1, 0.0) == math.inf
    assert log_below(10, 0, 0.0) == 0.0
