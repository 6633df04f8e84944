"""What follows when something has landed: one training for all that came together, none twice, none lost."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_components import ArrivalPlan
from headway_components._arrival_definition import arrival_definition
from headway_components._training_steps import DATA, TRIGGER_PARAMETER
from headway_runtime.arrival.decide import (
    DONE,
    GIVE_UP,
    LONGEST_WAIT_S,
    START,
    WAIT,
    Limits,
    decide,
    landing_digest,
)
from headway_runtime.arrival.handler import look
from headway_runtime.monitor.control.retraining import PERIOD_S, Training
from headway_runtime.monitor.control.window import CapturedFile
from headway_runtime.train.control.landed import Landed, last_trained

NOW = 1_000_000_000.0
HOUR_S = 3_600.0
LIMITS = Limits(settle_s=600, poll_s=300, cool_down_s=24 * HOUR_S, maximum=2)
FILES = [CapturedFile("landing/a", NOW - 900, "1"), CapturedFile("landing/b", NOW - 700, "2")]
NAME = f"landing-{landing_digest(FILES)[:32]}-"


def training(hours_ago: float, trigger: str = "person", **known: Any) -> Training:
    return Training(NOW - hours_ago * HOUR_S, known.pop("running", False), trigger, **known)


def taken(attempt: int, **known: Any) -> Training:
    return training(1 - attempt / 10, DATA, name=f"{NAME}{attempt}", **{"trained": False, **known})


@pytest.mark.parametrize(
    ("own", "files", "trainings", "action", "says"),
    [
        ("landing/b", FILES, [], START, "2 files lie at the landing place"),
        ("", FILES, [], START, "2 files"),
        ("landing/a", FILES, [], DONE, "landing/b landed later, and decides for all"),
        ("landing/gone", FILES, [], START, "2 files"),
        ("landing/b", [], [], DONE, "nothing lies"),
        ("landing/b", [*FILES[:1], replace(FILES[1], written_at=NOW - 599)], [], WAIT, "has just landed"),
        ("landing/b", [*FILES[:1], replace(FILES[1], written_at=NOW + 99)], [], WAIT, "has just landed"),
        ("landing/b", FILES, [training(1, running=True)], WAIT, "a training is running"),
        ("landing/b", FILES, [training(23)], WAIT, "1.0 hours are left"),
        ("landing/b", FILES, [training(23, DATA, trained=False)], START, "2 files"),
        ("landing/b", FILES, [training(25, DATA), training(26, DATA)], WAIT, "2 are allowed"),
        ("landing/b", FILES, [training(25, "drift"), training(26, "drift")], START, "2 files"),
        ("landing/b", FILES, [taken(1, running=True)], WAIT, "takes it in"),
        ("landing/b", FILES, [taken(1, succeeded=True)], DONE, "has taken it in"),
        ("landing/b", FILES, [taken(1, refused="bad batch")], DONE, "was refused: bad batch"),
        ("landing/b", FILES, [taken(1, stopped=True)], DONE, "was stopped"),
        ("landing/b", FILES, [taken(1), taken(2, succeeded=True)], DONE, "2 has taken it in"),
        ("landing/b", FILES, [taken(1), taken(2)], START, "2 files"),
        ("landing/b", FILES, [taken(1), taken(2), taken(3)], GIVE_UP, "3 executions broke off"),
    ],
)
def test_what_follows_depends_on_what_lies_there_and_what_was_started(
    own: str, files: list[CapturedFile], trainings: list[Training], action: str, says: str
) -> None:
    found = decide(own, files, trainings, now=NOW, limits=LIMITS)

    assert found.action == action
    assert says in found.why
    assert (found.wait_s > 0) == (action == WAIT)
    assert (found.name != "") == (action == START)
    assert found.wait_s <= LONGEST_WAIT_S + 1


def test_one_that_broke_off_is_tried_again_under_another_name() -> None:
    assert decide("", FILES, [taken(1)], now=NOW, limits=LIMITS).name == f"{NAME}2"
    assert (
        landing_digest(FILES) == landing_digest(FILES[::-1]) != landing_digest([replace(FILES[0], tag="3")])
    )


@dataclass
class Bucket:
    """Time, a landing place, and a training pipeline of which each execution takes a while."""

    files: dict[str, CapturedFile] = field(default_factory=dict)
    started: dict[str, Training] = field(default_factory=dict)
    crashes: list[bool] = field(default_factory=list)
    takes_s: float = 1_800

    def trainings(self, now: float) -> list[Training]:
        return [self._seen(item, now) for item in self.started.values()]

    def _seen(self, item: Training, now: float) -> Training:
        running = now - item.started_at < self.takes_s
        return replace(item, running=running, succeeded=not (running or item.stopped), stopped=False)

    def start(self, name: str, now: float) -> None:
        crashed = self.crashes.pop() if self.crashes else False
        # `stopped` remembers here which of them break off.
        self.started.setdefault(name, Training(now, True, DATA, name=name, stopped=crashed))


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 6), st.integers(1, 3)), min_size=1, max_size=20),
    st.lists(st.booleans(), max_size=2),
)
def test_whatever_lands_is_taken_in_whole_and_never_by_two_at_once(
    landings: list[tuple[int, int, int]], crashes: list[bool]
) -> None:
    """Machines as the definition describes them, each event up to three times."""
    limits = Limits(settle_s=600, poll_s=300, cool_down_s=0, maximum=1_000)
    bucket = Bucket(crashes=crashes)
    waiting = [(at + 600.0, f"k{number}", at) for at, number, times in landings for _ in range(times)]
    puts = sorted((float(at), f"k{number}", f"{at}") for at, number, _ in landings)
    taken_in: list[frozenset[str]] = []
    while waiting:
        waiting.sort()
        now, key, _ = waiting.pop(0)
        while puts and puts[0][0] <= now:
            at, name, tag = puts.pop(0)
            bucket.files[name] = CapturedFile(name, at, tag)
        files = list(bucket.files.values())
        found = decide(key, files, bucket.trainings(now), now=now, limits=limits)
        if found.action == START:
            assert not any(item.running for item in bucket.trainings(now))
            bucket.start(found.name, now)
            taken_in.append(frozenset(f"{file.key} {file.tag}" for file in files))
            waiting.append((now + 301, key, 0))
        elif found.action == WAIT:
            waiting.append((now + found.wait_s, key, 0))
        else:
            assert found.action == DONE

    everything = frozenset(f"{file.key} {file.tag}" for file in bucket.files.values())
    last = list(bucket.started.values())[-1]
    assert taken_in[-1] == everything
    assert not last.stopped
    whole = [names for names, item in zip(taken_in, bucket.started.values(), strict=True) if not item.stopped]
    assert len(whole) == len(set(whole))


def test_the_longest_wait_of_a_machine_is_within_its_time() -> None:
    machine = arrival_definition(function_arn="arn:f", settle_s=ArrivalPlan().settle_s)

    assert machine["TimeoutSeconds"] > PERIOD_S + ArrivalPlan().settle_s
    json.dumps(machine)


class Remembered:
    """AWS as the function sees it."""

    def __init__(self, files: list[CapturedFile]) -> None:
        self.files = files
        self.starts: list[tuple[str, str, str, Mapping[str, str], str]] = []

    def listed(self, bucket: str, prefix: str, cursor: str = "") -> list[CapturedFile]:
        assert (bucket, cursor) == ("data", "")
        return [file for file in self.files if file.key.startswith(prefix)]

    def trainings(self, pipeline: str, now: float) -> list[Training]:
        assert pipeline == "shop"
        return []

    def start(self, *given: Any) -> None:
        self.starts.append(given)


def test_the_function_starts_the_pipeline_that_everybody_starts() -> None:
    cloud = Remembered(
        [
            CapturedFile("shop/landing/orders/1.csv", NOW - 900, "1"),
            CapturedFile("shop/landing/orders/.2.csv.partial", NOW, "2"),
            CapturedFile("shop/landing/orders/", NOW, "3"),
            CapturedFile("shop/landing/README.txt", NOW, "4"),
        ]
    )
    told = {
        "HEADWAY_DATA_BUCKET": "data",
        "HEADWAY_LANDING_PREFIX": "shop/landing",
        "HEADWAY_TABLES": "orders,returns",
        "HEADWAY_TRAINING_PIPELINE": "shop",
        "HEADWAY_SETTLE_S": "600",
        "HEADWAY_POLL_S": "300",
        "HEADWAY_COOL_DOWN_S": "0",
        "HEADWAY_MAXIMUM_RETRAININGS": "2",
    }
    answer = look(cloud, told, "shop/landing/orders/1.csv", NOW)  # type: ignore[arg-type] # only what it asks

    ((pipeline, name, why, parameters, token),) = cloud.starts
    assert (pipeline, parameters) == ("shop", {TRIGGER_PARAMETER: DATA})
    assert (name.rpartition("-")[2], len(token)) == ("1", 64)
    assert answer == {"next": WAIT, "why": why, "wait_s": 301, "name": name}


def _table(name: str, newest: str | None, *batches: tuple[str, str, str | None]) -> dict[str, Any]:
    return {
        "table": name,
        "newest": newest,
        "batches": [
            {"name": batch, "digest": f"sha256:{batch}", "state": state, "newest": until}
            for batch, state, until in batches
        ],
    }


@pytest.mark.parametrize(
    ("tables", "until", "names"),
    [
        ([_table("a", "2026-03-01T00:00:00+00:00")], None, []),
        ([_table("a", "2026-05-01", ("1", "accepted", "2026-03-01"))], "2026-03-01", ["1"]),
        (
            [_table("a", "2026-05-01", ("1", "accepted", "2026-05-01")), _table("b", "2026-04-01")],
            "2026-04-01",
            ["1"],
        ),
        (
            [_table("a", "2026-03-01", ("1", "refused", "2026-05-01"), ("2", "repeat", None))],
            None,
            [],
        ),
        ([_table("a", None, ("1", "accepted", None))], None, ["1"]),
    ],
)
def test_outcomes_are_known_until_what_landed_and_what_every_table_has(
    tables: list[dict[str, Any]], until: str | None, names: list[str]
) -> None:
    landed = Landed.of({"dataset_version": "sha256:x", "tables": tables})

    assert (landed.until, [batch["name"] for batch in landed.batches]) == (until, names)
    assert landed.why_not("sha256:x")
    assert not landed.why_not("sha256:y")


class Evaluations:
    """The evaluations of three executions, of which the last was killed before it judged."""

    def listed(self, bucket: str, prefix: str) -> list[CapturedFile]:
        assert (bucket, prefix) == ("artifacts", "evaluations/")
        return [
            CapturedFile("evaluations/z/decision.json", NOW - 9),
            CapturedFile("evaluations/a/decision.json", NOW - 5),
            CapturedFile("evaluations/b/plan/plan.json", NOW),
        ]

    def read(self, bucket: str, key: str) -> tuple[dict[str, Any], str] | None:
        return ({"dataset_version": key.split("/")[1]}, "tag") if bucket == "artifacts" else None


def test_only_an_execution_that_has_judged_has_trained() -> None:
    assert last_trained(Evaluations(), "artifacts") == "a"  # type: ignore[arg-type] # only what it asks
