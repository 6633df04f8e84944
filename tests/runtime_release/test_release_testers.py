"""Testers before anyone else: at 0 % a model answers those alone who ask for it by name."""

import time
from collections import Counter

from headway_components import ReleasePlan
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Release
from support.release_world import POLL_S, ROW, TIMEOUT_S, World

PLAN = Plan.from_document(
    ReleasePlan.load(
        {
            "shadow": None,
            "ladder": [
                {"percent": 0, "samples": 20, "time_limit_s": 100, "rule_out_ratio": 50},
                {"percent": 100, "samples": 1, "time_limit_s": 100, "rule_out_ratio": 50},
            ],
            "metrics": [{"name": "errors", "acceptable_pct": 5}],
        }
    ).document()
)


def ask(world: World, variant: str | None) -> str:
    """Who answers a row; a tester names the variant."""
    target = {} if variant is None else {"TargetVariant": variant}
    answer = world.clients("sagemaker-runtime").invoke_endpoint(
        EndpointName=world.settings.endpoint, ContentType="text/csv", Accept="text/csv", Body=ROW, **target
    )
    return str(answer["InvokedProductionVariant"])


def test_testers_are_answered_by_the_challenger_before_any_user_is(world: World) -> None:
    world.plan = PLAN
    package, users, testers = world.package("one"), Counter[str](), Counter[str]()
    deadline = time.monotonic() + TIMEOUT_S

    def step() -> Release:
        assert time.monotonic() < deadline
        time.sleep(POLL_S)
        return world.step(package, started_at)

    started_at = world.begin(package)
    release = world.step(package, started_at)
    while (release.position, release.stage) != ("stage", 0) or not release.arrived_at:
        users.update(ask(world, None) for _ in range(20))
        release = step()
    weights = dict(release.weights)
    while (release.position, release.stage) == ("stage", 0):
        users.update(ask(world, None) for _ in range(3))
        testers.update(ask(world, "challenger") for _ in range(3))
        release = step()

    assert (release.position, release.stage) == ("stage", 1), release.why
    assert weights == {"champion": 100.0, "challenger": 0.0}
    assert set(users) == {"champion"}
    assert set(testers) == {"challenger"}
    assert testers["challenger"] >= 20
