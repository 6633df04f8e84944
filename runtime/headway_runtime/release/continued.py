"""Counts that go on where metrics were lost: what a look has seen stays seen. Pure.

Metrics may come late, but never become fewer, unless the service that keeps them lost some. A stage then
neither forgets what was held against the challenger nor waits for all of it again: it counts on from the last
look, without what happened between that look and the loss.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

from headway_runtime.judge import ERRORS, Counts, Pairs, StageObservation
from headway_runtime.release.observer import LATENCY, observation_of
from headway_runtime.release.records import Release

METRICS_WERE_LOST = "some of what was counted is not known any more; the stage counts on from its last look"


def counted_on(
    release: Release, look: Callable[[Release], StageObservation], period_s: float
) -> tuple[Release, StageObservation]:
    """What was seen of the stage that a release is in, with all that was seen of it before.

    Args:
        release: The release.
        look: What is to be seen of a release's stage since it arrived there.
        period_s: Length of a period of the metrics, in seconds.

    Returns:
        The release, which remembers what may be lost, and what was seen.
    """
    seen = _seen(release, look)
    documents = [item for item in release.observations if item["stage"] == release.stage]
    if documents and release.counted_until and went_back(observation_of(documents[0]), seen):
        if not release.counted:
            # Said once for each stage, however often it happens.
            release = release.decided(release.at, METRICS_WERE_LOST, what="counts on")
        release = replace(release, counted=documents[0], counted_from=release.counted_until)
        seen = _seen(release, look)
    over = math.floor(datetime.fromisoformat(release.at).timestamp() / period_s) * period_s
    return replace(release, counted_until=datetime.fromtimestamp(over, UTC).isoformat()), seen


def _seen(release: Release, look: Callable[[Release], StageObservation]) -> StageObservation:
    if not release.counted:
        return look(release)
    since = look(replace(release, arrived_at=release.counted_from))
    arrived_at, at = map(datetime.fromisoformat, (release.arrived_at, release.at))
    together = continued(observation_of(release.counted), since)
    return replace(together, elapsed_s=(at - arrived_at).total_seconds())


def went_back(before: StageObservation, now: StageObservation) -> bool:
    """Whether something was counted before that is not counted any more.

    Args:
        before: What an earlier look at a stage has seen.
        now: What a later look at the same stage has seen.
    """
    later = dict(_totals(now))
    return any(total > later.get(name, 0) for name, total in _totals(before))


def continued(before: StageObservation, since: StageObservation) -> StageObservation:
    """What was seen of a stage up to a look and after it, together.

    Args:
        before: What was seen up to the look.
        since: What was seen after it.
    """
    measured = {*before.arms, *before.pairs}
    return replace(
        since,
        challenger_requests=before.challenger_requests + since.challenger_requests,
        arms=_arms(before.arms, since.arms),
        pairs=_pairs(before.pairs, since.pairs),
        slices={
            name: _pairs(before.slices.get(name, {}), since.slices.get(name, {}))
            for name in dict.fromkeys((*before.slices, *since.slices))
        },
        values={**before.values, **since.values},
        champion_values={**before.champion_values, **since.champion_values},
        missing={name: why for name, why in since.missing.items() if name not in measured},
    )


def _arms(before: Mapping[str, Counts], since: Mapping[str, Counts]) -> dict[str, Counts]:
    return {
        name: Counts(**_sums(before.get(name), since.get(name))) for name in dict.fromkeys((*before, *since))
    }


def _pairs(before: Mapping[str, Pairs], since: Mapping[str, Pairs]) -> dict[str, Pairs]:
    return {
        name: Pairs(**_sums(before.get(name), since.get(name))) for name in dict.fromkeys((*before, *since))
    }


def _sums(*tallies: Counts | Pairs | None) -> dict[str, int]:
    """The members of what was counted, each added up."""
    members: dict[str, int] = {}
    for tally in tallies:
        for name, number in ({} if tally is None else asdict(tally)).items():
            members[name] = members.get(name, 0) + number
    return members


def _totals(observation: StageObservation) -> Iterator[tuple[str, int]]:
    """What the metrics counted, by name; what is captured is a sample, of which less may be kept."""
    yield "requests", observation.challenger_requests
    for name in (ERRORS, LATENCY):
        if name in observation.arms:
            members = asdict(observation.arms[name])
            yield from ((f"{name} {member}", number) for member, number in members.items())
