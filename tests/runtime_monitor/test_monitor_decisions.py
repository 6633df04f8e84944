"""Which files a window holds, and whether drift starts a training: pure decisions."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_components._training_steps import DRIFT, TRIGGER_PARAMETER, TRIGGERS
from headway_runtime.contract import FINDINGS_FILE, REQUEST_FILE
from headway_runtime.monitor.control import retraining, steps
from headway_runtime.monitor.control.retraining import PERIOD_S, Training, decide
from headway_runtime.monitor.control.window import MAXIMUM_FILES, CapturedFile, cursor_after, open_window

NOW = 1_800_000_000.0
HOUR_S = 3_600.0


def training(hours_ago: float, trigger: str = "person", *, running: bool = False) -> Training:
    return Training(NOW - hours_ago * HOUR_S, running, trigger)


@pytest.mark.parametrize(
    ("lasting", "trainings", "wanted", "says"),
    [
        ([], [], False, "no drift lasts"),
        (["amount"], [], True, "the drift of amount lasts"),
        (["amount"], [training(1, running=True)], False, "a training is running"),
        (["amount"], [training(71)], False, "1.0 hours are left"),
        (["amount"], [training(-1)], False, "72.0 hours are left"),
        (["amount"], [training(73)], True, "lasts"),
        (["amount"], [training(100, "drift"), training(200, "drift")], False, "2 are allowed; ask a person"),
        (["amount"], [training(100, "calendar"), training(200, "person")], True, "lasts"),
        (["amount"], [training(100, "drift"), training(31 * 24, "drift")], True, "lasts"),
    ],
)
def test_a_training_is_wanted_when_drift_lasts_and_nothing_forbids_it(
    lasting: list[str], trainings: list[Training], wanted: bool, says: str
) -> None:
    decision = decide(lasting, trainings, now=NOW, cool_down_s=72 * HOUR_S, maximum=2)

    assert decision.wanted is wanted
    assert says in decision.why


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 60 * 86_400), max_size=60), st.floats(0, 10 * 86_400), st.integers(0, 6))
def test_whenever_it_is_asked_trainings_stay_under_the_cap_and_apart(
    looks: list[float], cool_down_s: float, maximum: int
) -> None:
    started: list[Training] = []
    for at in sorted(looks):
        if decide(["x"], started, now=at, cool_down_s=cool_down_s, maximum=maximum).wanted:
            started.append(Training(at, running=False, trigger=retraining.DRIFT))

    times = [item.started_at for item in started]
    assert all(later - earlier >= cool_down_s for earlier, later in itertools.pairwise(times))
    for at in times:
        assert sum(at - PERIOD_S < other <= at for other in times) <= maximum


def file(hour: int, number: int = 0, written_at: float = NOW) -> CapturedFile:
    return CapturedFile(f"p/e/v/2026/03/01/{hour:02}/{number:05}.jsonl", written_at)


def test_a_file_that_comes_late_is_in_the_next_window() -> None:
    first = open_window([file(3), file(5)], done=(), since=None)
    second = open_window([file(3), file(4), file(5)], done=first.keys, since=None)

    assert first.keys == (file(3).key, file(5).key)
    assert second.keys == (file(4).key,)


def test_traffic_of_the_model_before_is_passed_over() -> None:
    window = open_window([file(1, written_at=NOW - 60), file(2)], done=(), since=NOW - 30)

    assert (window.keys, window.earlier) == ((file(2).key,), (file(1).key,))


def test_a_flood_is_taken_in_turns() -> None:
    files = [file(1, number) for number in range(MAXIMUM_FILES + 2)]
    window = open_window(files, done=(), since=None)

    assert len(window.keys) == MAXIMUM_FILES
    assert window.later == (files[-2].key, files[-1].key)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 23), st.integers(0, 3)), max_size=40), st.integers(1, 6))
def test_every_file_is_in_exactly_one_window(arrivals: list[tuple[int, int]], windows: int) -> None:
    """Files come in any order, between any two windows, each at most once."""
    names = list(dict.fromkeys(arrivals))
    done: list[str] = []
    for turn in range(windows):
        there = [file(*name) for name in names[: len(names) * (turn + 1) // windows]]
        done += open_window(there, set(done), since=None).keys

    assert sorted(done) == sorted(file(*name).key for name in names)


def test_the_cursor_leaves_time_for_late_files_and_for_those_that_wait() -> None:
    assert cursor_after("p/", 86_400 * 3, None) == "p/1970/01/02/00"
    assert cursor_after("p/", 86_400 * 3, "p/1970/01/01/07/x.jsonl") < "p/1970/01/01/07/x.jsonl"


def test_stack_function_and_job_call_things_by_the_same_names() -> None:
    assert (retraining.TRIGGER_PARAMETER, retraining.DRIFT) == (TRIGGER_PARAMETER, DRIFT)
    assert DRIFT in TRIGGERS
    assert (steps.REQUEST_FILE, steps.FINDINGS_FILE) == (REQUEST_FILE, FINDINGS_FILE)
