"""Metrics are right, the decision follows from them, and the job leaves both where the pipeline reads."""

import itertools
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_runtime.contract import Contract, placeholder_artifact
from headway_runtime.evaluate.decide import Champion, Measured, Thresholds, decide
from headway_runtime.evaluate.metrics import measure

GOOD = Measured(group="", positives=500, negatives=500, log_loss=0.42, floor_log_loss=0.47, auc=0.7)
LIMITS = Thresholds(minimum_log_loss_improvement=0.08, minimum_auc=0.66, maximum_auc=0.8)

SCORES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0])


@given(st.lists(st.tuples(st.integers(0, 1), SCORES), max_size=30))
def test_metrics_equal_their_definitions(rows: list[tuple[int, float]]) -> None:
    labels = np.array([label for label, _ in rows], np.float64)
    scores = np.array([score for _, score in rows], np.float64)
    metrics = measure(labels, scores)

    positive = [score for label, score in rows if label == 1]
    negative = [score for label, score in rows if label == 0]
    wins = [(p > n) + (p == n) / 2 for p, n in itertools.product(positive, negative)]
    expected_auc = sum(wins) / len(wins) if wins else math.nan
    hits = sum(score >= 0.5 for score in positive)
    false_alarms = sum(score >= 0.5 for score in negative)
    assert metrics.auc.value == pytest.approx(expected_auc, nan_ok=True)
    assert metrics.confusion.true_positive == hits
    assert metrics.confusion.false_positive == false_alarms
    assert metrics.rows == len(rows)
    assert metrics.recall.value == pytest.approx(hits / len(positive) if positive else math.nan, nan_ok=True)
    correct = hits + len(negative) - false_alarms
    assert metrics.accuracy.value == pytest.approx(correct / len(rows) if rows else math.nan, nan_ok=True)
    assert math.isnan(metrics.log_loss.value) == (rows == [])
    assert len(metrics.roc[0]) == len(metrics.roc[1]) <= 51
    assert metrics.roc[0] == sorted(metrics.roc[0])
    assert metrics.roc[1] == sorted(metrics.roc[1])
    if wins:
        assert (metrics.roc[0][-1], metrics.roc[1][-1]) == (1.0, 1.0)


def test_log_loss_and_the_standard_deviations_are_the_known_ones() -> None:
    random = np.random.default_rng(5)
    labels = (random.uniform(size=4_000) < 0.3).astype(np.float64)
    scores = np.clip(0.3 + 0.2 * (labels - 0.3) + random.normal(0, 0.1, 4_000), 0.01, 0.99)
    metrics = measure(labels, scores)
    halves = [measure(labels[i::200], scores[i::200]).auc.value for i in range(200)]

    expected = float(-np.mean(labels * np.log(scores) + (1 - labels) * np.log(1 - scores)))
    assert metrics.log_loss.value == pytest.approx(expected)
    # 200 samples of a 200th each spread sqrt(200) times as much as all rows together.
    spread = float(np.nanstd(halves)) / math.sqrt(200)
    assert metrics.auc.standard_deviation == pytest.approx(spread, rel=0.25)


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({}, []),
        ({"log_loss": 0.44}, ["minimum_logloss_improvement"]),
        ({"log_loss": 0.5}, ["minimum_logloss_improvement"]),
        ({"auc": 0.6}, ["minimum_auc"]),
        ({"auc": 0.93}, ["maximum_auc"]),
        ({"auc": math.nan}, ["minimum_auc", "maximum_auc"]),
        ({"log_loss": math.nan}, ["minimum_logloss_improvement"]),
        ({"floor_log_loss": 0.0}, ["minimum_logloss_improvement"]),
        ({"log_loss": 0.46, "auc": 0.6}, ["minimum_logloss_improvement", "minimum_auc"]),
        ({"positives": 29}, ["minimum_group_size"]),
        ({"negatives": 0}, ["minimum_group_size"]),
    ],
)
def test_every_threshold_decides(change: dict[str, float], failed: list[str]) -> None:
    decision = decide(replace(GOOD, **change), [], LIMITS, "base-rate")  # type: ignore[arg-type]

    assert [check.name for check in decision.checks if not check.passed] == failed
    assert decision.passed == (failed == [])
    assert len(decision.reasons) == (len(failed) if failed else 4)


def test_a_threshold_is_met_when_it_is_reached() -> None:
    exact = replace(GOOD, log_loss=0.5, floor_log_loss=1.0, auc=0.75)
    limits = Thresholds(minimum_log_loss_improvement=0.5, minimum_auc=0.75, maximum_auc=0.75)

    assert decide(exact, [], limits, "base-rate").passed


def test_a_threshold_of_zero_counts() -> None:
    worse = replace(GOOD, log_loss=0.48)
    decision = decide(worse, [], Thresholds(minimum_log_loss_improvement=0.0), "base-rate")

    assert not decision.passed
    assert "2.1% above the base-rate floor's 0.4700, not 0.0% below" in decision.reasons[0]


def test_slices_are_judged_when_they_are_large_enough() -> None:
    good, bad = replace(GOOD, group="origin=JFK"), replace(GOOD, group="origin=LGA", log_loss=0.5)
    tiny = replace(bad, group="origin=XXX", positives=3)
    limits = replace(LIMITS, minimum_slice_log_loss_improvement=0.0)
    decision = decide(GOOD, [good, bad, tiny], limits, "base-rate")

    assert not decision.passed
    assert [check.name for check in decision.checks if not check.passed] == [
        "minimum_slice_logloss_improvement[origin=LGA]"
    ]
    assert decision.unjudged == ("origin=XXX has 3 rows of one class, fewer than 30: too small to be judged",)
    assert decide(GOOD, [good, tiny], limits, "base-rate").passed
    assert decide(GOOD, [bad], LIMITS, "base-rate").passed


def test_too_good_is_refused_with_the_likely_cause() -> None:
    decision = decide(replace(GOOD, auc=0.93), [], LIMITS, "base-rate")

    assert decision.sentence == (
        "the model is refused: AUC 0.9300 is above 0.8, which is too good to be true: "
        "look for a feature that is known only after the event"
    )


def evaluation_job(job: Any, contract: dict[str, Any], rows: int = 200, **dataset: Any) -> None:
    table = pa.table(
        {
            "colour": [["red", "blue", None][i % 3] for i in range(rows)],
            "size": ["s"] * rows,
            "price_usd": [1.0] * rows,
            "stock": [1] * rows,
            "new": [True] * rows,
            "label": [int(i % 4 == 0) for i in range(rows)],
        }
    )
    (job.base / "processing/input/evaluation").mkdir(parents=True)
    pq.write_table(table, job.base / "processing/input/evaluation/evaluation.parquet")
    job.put("processing/input/model/model.tar.gz", placeholder_artifact(Contract.from_document(contract)))
    job.put(
        "processing/input/dataset/dataset.json", {"base_rate": 0.25, "dataset_version": "sha256:d"} | dataset
    )


FLAGS = (
    "evaluate",
    "--minimum-logloss-improvement",
    "0.08",
    "--minimum-auc",
    "0.66",
    "--maximum-auc",
    "0.80",
)


def test_a_model_below_the_floor_is_refused_and_the_job_succeeds(job: Any, contract: dict[str, Any]) -> None:
    evaluation_job(job, contract)
    done = job.run(*FLAGS, "--slice", "colour", "--slice", "size")
    out = "processing/output/evaluation"

    assert done.returncode == 0, done.stderr
    decision = job.json(f"{out}/decision.json")
    assert decision["passed"] is False
    assert len(decision["reasons"]) == 2
    assert decision["metrics"]["auc"] == 0.5
    assert [check["passed"] for check in decision["checks"]] == [True, False, False, True]
    assert job.text("output/message") == f"the model is refused: {'; '.join(decision['reasons'])}"
    report = job.json(f"{out}/evaluation.json")
    metrics = report["binary_classification_metrics"]
    assert metrics["confusion_matrix"] == {"0": {"0": 0, "1": 150}, "1": {"0": 0, "1": 50}}
    assert metrics["log_loss"]["value"] == pytest.approx(math.log(2))
    assert metrics["recall"] == {"value": 1.0, "standard_deviation": 0.0}
    assert [entry["value"] for entry in report["slices"]["colour"]] == ["(missing)", "blue", "red"]
    assert sum(entry["item_count"] for entry in report["slices"]["colour"]) == 200
    assert report["slices"]["size"][0]["item_count"] == 200
    record = job.json(f"{out}/reproducibility.json")
    assert record["dataset_version"] == "sha256:d"
    assert record["model_kind"] == "placeholder"


@pytest.mark.parametrize(
    ("difference", "passes"), [(-0.02, True), (0.0, True), (0.003, True), (0.006, False)]
)
def test_a_model_worse_than_the_champion_is_refused(difference: float, passes: bool) -> None:
    champion = Champion(log_loss=0.42 - difference, difference=difference, standard_deviation=0.001)
    limits = replace(LIMITS, maximum_log_loss_over_champion=0.01)
    decision = decide(GOOD, [], limits, "base-rate", champion)

    assert decision.passed is passes
    assert any("the champion's" in reason for reason in decision.reasons)
    assert decide(GOOD, [], LIMITS, "base-rate", champion).passed


def test_the_champion_is_asked_about_the_same_rows(job: Any, contract: dict[str, Any]) -> None:
    evaluation_job(job, contract)
    champion = placeholder_artifact(Contract.from_document(contract))
    job.put("processing/input/champion/models/1/model.tar.gz", champion)
    job.put("processing/input/champion/evaluations/1/plan/plan.json", {"champion": {"why": ""}})
    done = job.run(*FLAGS, "--maximum-logloss-over-champion", "0.01")
    decision = job.json("processing/output/evaluation/decision.json")

    assert done.returncode == 0, done.stderr
    assert decision["champion"] == {
        "log_loss": pytest.approx(math.log(2)),
        "difference": 0.0,
        "standard_deviation": 0.0,
    }
    assert decision["checks"][-1]["name"] == "maximum_logloss_over_champion"
    assert decision["checks"][-1]["passed"] is True


def test_what_cannot_be_measured_is_written_as_text(job: Any, contract: dict[str, Any]) -> None:
    evaluation_job(job, contract, rows=1)
    done = job.call(*FLAGS)

    assert done.returncode == 0, done.stderr
    raw = job.text("processing/output/evaluation/evaluation.json")
    assert "NaN" not in raw.replace('"NaN"', "")
    assert json.loads(raw)["binary_classification_metrics"]["auc"]["value"] == "NaN"
    assert job.json("processing/output/evaluation/decision.json")["passed"] is False


@pytest.mark.parametrize(
    ("flags", "dataset", "says"),
    [
        (("--slice", "shape"), {}, "there is no column shape to slice by; the rows have colour, size"),
        ((), {"base_rate": 1}, "has the base rate 1; it must lie between 0 and 1"),
        ((), {"base_rate": None}, "has the base rate None"),
        ((), {"files": {"evaluation.parquet": "0"}}, "is not the file that dataset.json describes"),
    ],
)
def test_an_evaluation_that_cannot_be_done_is_one_sentence(
    job: Any, contract: dict[str, Any], flags: tuple[str, ...], dataset: dict[str, Any], says: str
) -> None:
    evaluation_job(job, contract, **dataset)
    done = job.call(*FLAGS, *flags)

    assert done.returncode == 1
    assert says in job.text("output/message")
    assert "Traceback" not in done.stderr


def test_no_rows_and_no_model_are_one_sentence(job: Any, contract: dict[str, Any]) -> None:
    evaluation_job(job, contract, rows=0)
    assert "there is no row to evaluate on" in job.call(*FLAGS).stderr
    (job.base / "processing/input/model/model.tar.gz").unlink()
    assert "there is no model archive at" in job.call(*FLAGS).stderr
