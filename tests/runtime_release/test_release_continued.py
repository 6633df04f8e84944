"""Counts over losses of metrics: they never become fewer, and never more than there was."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from headway_runtime.judge import ERRORS, Counts, Pairs, StageObservation
from headway_runtime.release.continued import METRICS_WERE_LOST, counted_on
from headway_runtime.release.records import Release

BEGAN = datetime(2026, 2, 1, tzinfo=UTC)
PERIOD_S = 1
REQUESTS, BAD = 6, 1
"""What each arm sees in a period."""


def _at(seconds: int) -> str:
    return (BEGAN + timedelta(seconds=seconds)).isoformat()


class Metrics:
    """Metrics of a service that loses some: each period's requests, once it is over."""

    def __init__(self) -> None:
        self.lost: set[int] = set()

    def look(self, release: Release) -> StageObservation:
        first, end = (
            round((datetime.fromisoformat(text) - BEGAN).total_seconds())
            for text in (release.arrived_at, release.at)
        )
        kept = len(set(range(first, end)) - self.lost)
        counts = Counts(
            challenger_requests=REQUESTS * kept,
            challenger_bad=BAD * kept,
            champion_requests=REQUESTS * kept,
            champion_bad=0,
        )
        pairs = Pairs(compared=kept, bad=0)
        return StageObservation(
            stage=1,
            elapsed_s=end - first,
            challenger_requests=REQUESTS * kept,
            arms={ERRORS: counts},
            pairs={"divergence": pairs},
            slices={"divergence": {"country=CH": pairs}},
        )


@given(
    looks=st.lists(
        st.tuples(st.integers(min_value=1, max_value=20), st.integers(min_value=0, max_value=15)),
        min_size=1,
        max_size=12,
    )
)
def test_what_was_seen_stays_seen_and_nothing_is_seen_twice(looks: list[tuple[int, int]]) -> None:
    """Each look comes some seconds after the one before; just before it, the last seconds may get lost."""
    metrics, now, seen_before = Metrics(), 0, 0
    release = Release(system="s", release_id="r", status="running", stage=1, arrived_at=_at(0), at=_at(0))
    for pause_s, lost_s in looks:
        now += pause_s
        metrics.lost |= set(range(max(0, now - lost_s), now))
        release, seen = counted_on(replace(release, at=_at(now)), metrics.look, PERIOD_S)
        release = replace(release, observations=[asdict(seen)])
        counts = seen.arms[ERRORS]

        assert seen_before <= seen.challenger_requests <= REQUESTS * now
        assert seen.elapsed_s == now
        assert counts.challenger_requests == counts.champion_requests == seen.challenger_requests
        assert counts.challenger_bad * REQUESTS == BAD * counts.challenger_requests
        assert seen.pairs["divergence"] == seen.slices["divergence"]["country=CH"]
        assert REQUESTS * seen.pairs["divergence"].compared == seen.challenger_requests
        seen_before = seen.challenger_requests
    if not metrics.lost:
        assert seen_before == REQUESTS * now
        assert release.history == ()


def test_the_record_says_that_metrics_were_lost() -> None:
    metrics = Metrics()
    release = Release(system="s", release_id="r", status="running", stage=1, arrived_at=_at(0), at=_at(10))
    release, seen = counted_on(release, metrics.look, PERIOD_S)
    metrics.lost = set(range(4, 10))

    lost, again = counted_on(
        replace(release, observations=[asdict(seen)], at=_at(12)), metrics.look, PERIOD_S
    )

    assert again.challenger_requests == REQUESTS * 12
    assert [item["why"] for item in lost.history] == [METRICS_WERE_LOST]
