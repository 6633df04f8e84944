"""Labels that come late, early, twice, wrong or never: what the ledger makes of them, what quality says."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_runtime.jobs import JobError
from headway_runtime.monitor.control.window import CapturedFile, labels_after, mark, open_labels
from headway_runtime.monitor.labels import Label, entity_key, read_labels
from headway_runtime.monitor.ledger import (
    Ledger,
    Tally,
    ledger_of,
    ledger_table,
    look,
    read_ledger,
    write_ledger,
)
from headway_runtime.monitor.ledger_rows import Key, Prediction
from headway_runtime.monitor.quality import (
    AUC,
    CALIBRATION,
    LABEL_SHARE,
    LOG_LOSS,
    Evaluated,
    QualityLimits,
    document,
    measure_quality,
)
from headway_runtime.monitor.report_quality import quality_section
from support.monitored import baseline_of, rows

DAY_S = 86_400.0
NAN = math.nan


def prediction(number: int, *, place: int = 0, answer: float = 0.3, asked_at: float = 0.0) -> Prediction:
    return Prediction((f"r{number}", place), answer, asked_at)


def label(number: int, value: int, *, at: float = NAN, place: int = 0) -> Label:
    return Label(f"r{number}", place, "", at, value)


@dataclass(frozen=True)
class Turn:
    """What one look finds, and whether it ends half-way."""

    predictions: tuple[int, ...]
    labels: tuple[tuple[int, int, float], ...]
    crashes: bool


KEYS = st.integers(0, 12)
TURNS = st.lists(
    st.builds(
        Turn,
        predictions=st.lists(KEYS, max_size=8).map(tuple),
        labels=st.lists(st.tuples(KEYS, st.integers(0, 1), st.floats(0, 5)), max_size=8).map(tuple),
        crashes=st.booleans(),
    ),
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@given(TURNS)
def test_whatever_comes_in_whatever_order_nothing_is_lost_and_nothing_counts_twice(turns: list[Turn]) -> None:
    """Against a plain reference: a row is judged once, with the last outcome that came before."""
    closed, judged = Ledger(), []
    asked: set[Key] = set()
    outcomes: dict[Key, tuple[float, int]] = {}
    expected: dict[Key, int] = {}
    unread: list[Turn] = []
    for number, turn in enumerate(turns):
        unread.append(turn)
        now = float(number)
        after, _ = look(
            closed,
            (prediction(key) for each in unread for key in each.predictions),
            (label(key, value, at=at) for each in unread for key, value, at in each.labels),
            now=now,
            delay_s=0,
            keep_s=DAY_S,
        )
        if turn.crashes:
            continue
        for each in unread:
            asked |= {prediction(key).key for key in each.predictions}
            for key, value, at in each.labels:
                name = label(key, value).id, 0
                if name not in expected:
                    outcomes[name] = max(outcomes.get(name, (-1.0, 0)), (at, value))
        unread = []
        window = after.open_rows(now, 0)
        after.judge(window)
        judged += window
        expected |= {key: outcomes[key][1] for key in asked & set(outcomes) if key not in expected}
        closed = after
    assert {item.key: item.label for item in judged} == expected
    assert len(judged) == len(expected)
    assert set(closed.predictions) == asked
    assert {item.label.id for item in closed.waiting} == {key[0] for key in set(outcomes) - asked}


@settings(max_examples=60, deadline=None)
@given(TURNS, st.integers(1, 4))
def test_rows_that_rest_in_a_file_count_like_rows_at_hand(turns: list[Turn], keep_s: int) -> None:
    """Labels name an inference id or, by turns, an entity; rows and labels that wait too long are dropped."""
    at_hand = at_rest = Ledger()
    for number, turn in enumerate(turns):
        asked = [
            Prediction((f"r{key}", 0), 0.5, float(key), entity=f"e{key % 3}") for key in turn.predictions
        ]
        came = [
            Label(f"r{key}", 0, "", at, value) if number % 2 else Label("", 0, f"e{key % 4}", at, value)
            for key, value, at in turn.labels
        ]
        tallies: list[Tally] = []
        for before in (at_hand, ledger_of(ledger_table(at_rest))):
            after, tally = look(before, asked, came, now=float(number), delay_s=1, keep_s=keep_s)
            if not turn.crashes:
                after.judge(after.open_rows(number, 1))
            tallies.append(tally)
            at_hand, at_rest = at_rest, after
        assert tallies[0] == tallies[1]
        assert _listed(at_hand) == _listed(at_rest)


def _listed(ledger: Ledger) -> list[str]:
    return sorted(map(str, ledger_table(ledger).to_pylist()))


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=4))
def test_the_order_of_labels_changes_nothing(order: Sequence[int], again: list[int]) -> None:
    came = [label(0, place % 2, at=float(place // 2)) for place in range(6)]
    held, tally = look(
        Ledger(),
        [prediction(0)],
        [came[place] for place in (*order, *again)],
        now=0,
        delay_s=0,
        keep_s=DAY_S,
    )

    assert held.predictions["r0", 0].label == 1
    assert held.predictions["r0", 0].label_at == 2.0
    assert tally.joined == 1


def test_a_judged_row_stays_as_it_was_judged_and_the_report_says_so() -> None:
    first, _ = look(Ledger(), [prediction(0)], [label(0, 1, at=1)], now=0, delay_s=0, keep_s=DAY_S)
    first.judge(first.open_rows(0, 0))
    second, tally = look(
        first, [prediction(0)], [label(0, 0, at=2), label(0, 1, at=3)], now=1, delay_s=0, keep_s=DAY_S
    )

    assert second.predictions["r0", 0].label == 1
    assert (tally.too_late, tally.repeated_labels, tally.repeated_predictions) == (1, 1, 1)
    assert second.open_rows(1, 0) == []


def test_a_wrong_clock_loses_nothing() -> None:
    future, past = prediction(1, asked_at=9e9), prediction(2, asked_at=-9e9)
    held, tally = look(
        Ledger(),
        [future, past],
        [label(1, 1, at=5), label(2, 0, at=-9.5e9)],
        now=100,
        delay_s=0,
        keep_s=DAY_S,
    )

    assert len(held.open_rows(100, 0)) == 2
    assert tally.before_prediction == 2


def test_a_feed_that_stops_is_seen_and_what_waited_too_long_is_told() -> None:
    held, tally = look(
        Ledger(),
        [prediction(number) for number in range(4)],
        [label(0, 1), label(9, 1)],
        now=0,
        delay_s=10,
        keep_s=100,
    )
    assert (tally.due, tally.early) == (0, 1)
    assert held.open_rows(0, 10) == []

    held, tally = look(held, [], [], now=50, delay_s=10, keep_s=100)
    assert (tally.due, tally.overdue) == (4, 3)
    assert [item.key for item in held.open_rows(50, 10)] == [("r0", 0)]

    held, tally = look(held, [], [], now=100, delay_s=10, keep_s=100)
    assert (tally.expired, tally.orphans) == (3, 1)
    assert list(held.predictions) == [("r0", 0)]  # labelled and not judged yet: it waits on


def test_a_label_of_an_entity_belongs_to_the_last_question_before_its_outcome() -> None:
    flight = entity_key({"origin": "JFK", "carrier": "UA"})
    asked = [
        Prediction((f"r{number}", 0), 0.2, asked_at=float(at), entity=flight)
        for number, at in enumerate((10, 20, 30))
    ]
    other = entity_key({"carrier": "UA", "origin": "JFK"})
    early = Label("", 0, other, 5.0, 1)
    held, tally = look(Ledger(), asked, [Label("", 0, other, 25.0, 1), early], now=0, delay_s=0, keep_s=DAY_S)

    assert {key[0]: item.label for key, item in held.predictions.items()} == {"r0": None, "r1": 1, "r2": None}
    assert (tally.joined, tally.early) == (1, 1)


def test_a_ledger_is_the_same_after_it_was_written(tmp_path: Path) -> None:
    held, _ = look(
        Ledger(),
        [Prediction(("a", 1), 0.5, 3.0, entity="x", slices=("UA", "JFK")), prediction(2)],
        [Label("a", 1, "", 4.0, 1), Label("nobody", 0, "", 6.0, 0)],
        now=7,
        delay_s=0,
        keep_s=DAY_S,
    )
    held.judge(held.open_rows(7, 0))
    write_ledger(held, tmp_path / "ledger.parquet")
    again = read_ledger(tmp_path / "ledger.parquet")

    assert _listed(again) == _listed(held)
    assert again.waiting == held.waiting
    assert again.labelled_until == held.labelled_until == 4.0
    woken, _ = look(again, held.predictions.values(), [], now=7, delay_s=0, keep_s=DAY_S)
    assert sorted(woken.predictions) == sorted(held.predictions)


def test_a_damaged_ledger_ends_the_look_and_says_which(tmp_path: Path) -> None:
    path = tmp_path / "ledger.parquet"
    held, _ = look(Ledger(), [prediction(0)], [], now=0, delay_s=0, keep_s=DAY_S)
    write_ledger(held, path)
    path.write_bytes(path.read_bytes()[:-20])

    with pytest.raises(JobError, match=r"the ledger at .*ledger\.parquet cannot be read"):
        read_ledger(path)


def test_a_clock_of_the_monitor_that_goes_back_makes_rows_wait_and_loses_none() -> None:
    held, _ = look(Ledger(), [prediction(0)], [label(0, 1)], now=100, delay_s=10, keep_s=50)
    for now in (20, 109):
        held, tally = look(ledger_of(ledger_table(held)), [prediction(0)], [], now=now, delay_s=10, keep_s=50)
        assert (tally.repeated_predictions, tally.expired, held.open_rows(now, 10)) == (1, 0, [])

    judged = held.open_rows(110, 10)
    held.judge(judged)
    assert [item.key for item in judged] == [("r0", 0)]
    assert held.open_rows(110, 10) == []


LINES = {
    '{"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "a"}}': [("a", 0, 1)],
    '{"groundTruthData": {"data": "0\\n\\n1"}, "eventMetadata": {"eventId": "b"}}': [
        ("b", 0, 0),
        ("b", 2, 1),
    ],
    '{"groundTruthData": {"data": "true,false"}, "eventMetadata": {"eventId": "c"}}': [
        ("c", 0, 1),
        ("c", 1, 0),
    ],
    '{"groundTruthData": {"data": "x"}, "eventMetadata": {"eventId": "d"}}': "the label is neither 0 nor 1",
    '{"groundTruthData": {"data": "1"}, "eventMetadata": {}}': "the line names no prediction",
    '{"groundTruthData": {"data": "1"}, "eventMetadata": {"entity": {"x": 1}}}': "needs the time",
    '{"groundTruthData": {"data": "1"}, "eventMetadata": {"eventId": "e", "eventTime": "soon"}}': (
        "the time of the outcome is none"
    ),
    '{"eventMetadata": {"eventId": "f"}}': "the line holds no label",
    '{"groundTruthData": {"data": "1"}, "eventMetadata": {"eventId": "\\ud800"}}': "the line is not JSON",
    "[1": "the line is not JSON",
    "[" * 100_000: "the line is not JSON",
    "[1]": "the line holds no label",
}


@pytest.mark.parametrize(("line", "found"), LINES.items())
def test_label_lines(line: str, found: str | list[tuple[str, int, int]], tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(f"{line}\n\n")
    feed = read_labels([tmp_path / "a.jsonl"])

    if isinstance(found, str):
        (reason,) = feed.unreadable
        assert found in reason
    else:
        assert [(item.id, item.place, item.value) for item in feed.labels] == found


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0, 30 * DAY_S), st.booleans()), max_size=20),
    st.integers(1, 5),
)
def test_every_label_file_is_read_once_whatever_its_name(
    arrivals: list[tuple[int, float, bool]], step: int
) -> None:
    """One that is written anew is read anew; a window that crashes has read none."""
    there: dict[str, CapturedFile] = {}
    done: list[str] = []
    since, read = 0.0, []
    written = set()
    for number, (name, at, closes) in enumerate(sorted(arrivals, key=lambda item: item[1])):
        there[f"labels/{name}"] = CapturedFile(f"labels/{name}", at, str(number))
        written.add((f"labels/{name}", str(number)))
        if number % step:
            continue
        window = open_labels(there.values(), set(done), since)
        if closes:
            read += [(file.key, file.tag) for file in window.files]
            done, since = labels_after(done, map(mark, window.files), at, None)
    window = open_labels(there.values(), set(done), since)
    read += [(file.key, file.tag) for file in window.files]

    assert len(read) == len(set(read))
    assert {(file.key, file.tag) for file in there.values()} <= set(read) <= written


BASELINE = baseline_of(rows(4_000))
EVALUATED = Evaluated(entropy=(0.9, 0.005), auc=(0.75, 0.01), error=0.2)


def answered(count: int, share: float, *, wrong_by: float = 0.0, rows_a_request: int = 1) -> list[Prediction]:
    """Predictions of a model that is calibrated but for an error."""
    random = np.random.default_rng(1)
    chance = np.clip(random.beta(2, 2 / share - 2, count), 0.01, 0.99)
    labels = random.random(count) < chance
    return [
        Prediction(
            (f"r{place // rows_a_request}", place % rows_a_request),
            float(np.clip(chance[place] + wrong_by, 0.01, 0.99)),
            0.0,
            slices=("CH" if place % 2 else "DE",),
            label=int(labels[place]),
        )
        for place in range(count)
    ]


@pytest.mark.parametrize(
    ("found", "changed"),
    [
        (answered(5_000, 0.25), set()),
        (answered(400, 0.1), set()),  # too few to say anything
        (answered(5_000, 0.12), {LABEL_SHARE}),
        (answered(5_000, 0.25, wrong_by=0.12), {CALIBRATION}),
        (answered(600, 0.25, wrong_by=0.06), set()),  # more than the limit, and not certainly so
    ],
)
def test_quality_has_changed_when_the_effect_is_certain(found: list[Prediction], changed: set[str]) -> None:
    quality = measure_quality(found, BASELINE, Evaluated(), QualityLimits(), ["country"])

    assert set(quality.changed) == changed
    assert quality.enough is (len(found) >= 500)


def test_a_model_that_guesses_has_lost_what_its_evaluation_measured() -> None:
    random = np.random.default_rng(3)
    guessed = [
        Prediction(
            (f"r{place}", 0), float(random.uniform(0.05, 0.45)), 0.0, label=int(random.random() < 0.25)
        )
        for place in range(5_000)
    ]
    quality = measure_quality(guessed, BASELINE, EVALUATED, QualityLimits())

    assert {LOG_LOSS, AUC} <= set(quality.changed)


def test_rows_of_one_request_are_no_independent_witnesses() -> None:
    alone = measure_quality(answered(2_000, 0.25), BASELINE, EVALUATED, QualityLimits())
    labels = [
        Prediction((f"r{place // 100}", place % 100), 0.3, 0.0, label=int(place // 100 % 4 == 0))
        for place in range(2_000)
    ]
    together = measure_quality(labels, BASELINE, EVALUATED, QualityLimits())

    def width(quality: object) -> float:
        share = quality.measures[0]  # type: ignore[attr-defined]
        return float(share.high - share.low)

    assert width(together) > 3 * width(alone)


def test_the_report_shows_quality_and_escapes_what_callers_sent() -> None:
    found = [item._replace(slices=("<b>",)) for item in answered(2_000, 0.12)]
    page = quality_section(document(measure_quality(found, BASELINE, Evaluated(), QualityLimits(), ["x"])))

    assert "<tr class='drift'><td>(label share)</td>" in page
    assert page.count("<circle") == 10
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert quality_section(document(measure_quality([], BASELINE, EVALUATED, QualityLimits()))) == ""


def test_an_evaluation_in_another_form_is_no_evaluation() -> None:
    assert math.isnan(Evaluated.of({"version": 0}).auc[0])
    report = {
        "dataset": {"item_count": 100, "positives": 50},
        "binary_classification_metrics": {
            "log_loss": {"value": 0.6, "standard_deviation": 0.01},
            "auc": {"value": 0.7, "standard_deviation": 0.02},
            "accuracy": {"value": 0.65},
        },
    }
    assert Evaluated.of(json.loads(json.dumps(report))).entropy[0] == pytest.approx(0.6 / math.log(2))
