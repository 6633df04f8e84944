"""Which rows a retraining learns from, and which model it has to beat."""

import json
from typing import Any

import pytest

from headway_components._training_steps import CALENDAR, DATA, DRIFT, PERSON, TRIGGERS
from headway_runtime.monitor.control.cloud import Serving
from headway_runtime.train.control import cuts
from headway_runtime.train.control.cuts import Cuts, choose, judged_before
from headway_runtime.train.control.handler import plan

DECLARED = Cuts("2013-09-01", "2013-11-01", "as declared")
SETTINGS = {
    "HEADWAY_ARTIFACTS_BUCKET": "artifacts",
    "HEADWAY_MONITOR_PREFIX": "monitoring/shop",
    "HEADWAY_ENDPOINT": "shop",
    "HEADWAY_VARIANT": "champion",
    "HEADWAY_JUDGE_NEWEST_D": "14",
}


@pytest.mark.parametrize(
    ("trigger", "labelled_until", "expected", "why"),
    [
        (PERSON, "2013-12-24T08:00:00+00:00", ("2013-09-01", "2013-11-01"), "as declared"),
        (DRIFT, None, ("2013-09-01", "2013-11-01"), "no outcome came since"),
        (DRIFT, "2013-10-31T23:30:00+00:00", ("2013-10-17", "2013-10-31"), "until 2013-10-31"),
        (CALENDAR, "2013-10-31T23:30:00-04:00", ("2013-10-18", "2013-11-01"), "until 2013-11-01"),
        (DATA, "2013-09-15T01:00:00", ("2013-09-01", "2013-11-01"), "adds no row to train on"),
        (DATA, "2013-09-16T01:00:00", ("2013-09-02", "2013-09-16"), "until 2013-09-16"),
    ],
)
def test_the_newest_known_outcomes_judge_and_all_before_them_train(
    trigger: str, labelled_until: str | None, expected: tuple[str, str], why: str
) -> None:
    found = choose(trigger, DECLARED, labelled_until, 14)

    assert (found.train_until, found.evaluate_until) == expected
    assert why in found.why


def test_a_champion_is_judged_only_on_rows_that_it_has_not_seen() -> None:
    assert judged_before({"train_until": "2013-09-01"}, DECLARED) == ""
    assert judged_before({}, DECLARED) == ""
    assert "has seen rows" in judged_before({"train_until": "2013-10-17"}, DECLARED)


def test_stack_and_function_call_things_by_the_same_names() -> None:
    assert cuts.PERSON == PERSON
    assert {PERSON, CALENDAR, DRIFT, DATA} == set(TRIGGERS)


class Remembered:
    """AWS as the function sees it: a state, a model that answers, and what was written."""

    def __init__(self, state: dict[str, Any] | None, serving: Serving | None) -> None:
        self.state = state
        self.serving = serving
        self.written: dict[str, Any] = {}

    def read(self, bucket: str, key: str) -> tuple[dict[str, Any], str] | None:
        assert (bucket, key) == ("artifacts", "monitoring/shop/state.json")
        return None if self.state is None else (self.state, "tag")

    def serving_if_any(self, endpoint: str, variant: str) -> Serving | None:
        assert (endpoint, variant) == ("shop", "champion")
        return self.serving

    def write(self, bucket: str, key: str, value: object) -> None:
        assert bucket == "artifacts"
        self.written[key] = json.loads(json.dumps(value))


def _planned(cloud: Remembered, trigger: str) -> tuple[dict[str, str], dict[str, Any], list[Any]]:
    answer = plan(
        cloud,  # type: ignore[arg-type] # only what it asks
        SETTINGS,
        "run-1",
        trigger=trigger,
        given=DECLARED,
        now=0.0,
    )
    place = "evaluations/run-1/plan"
    assert answer["champion_uri"] == f"s3://artifacts/{place}/champion.manifest"
    return answer, cloud.written[f"{place}/plan.json"], cloud.written[f"{place}/champion.manifest"]


def test_a_first_training_has_the_declared_cuts_and_no_champion() -> None:
    answer, document, manifest = _planned(Remembered(None, None), PERSON)

    assert (answer["train_until"], answer["champion"]) == ("2013-09-01", "none")
    assert document["champion"]["why"] == "no trained model answers"
    assert manifest == [{"prefix": "s3://artifacts/"}, "evaluations/run-1/plan/plan.json"]


def test_a_training_after_a_drift_says_which_drift_and_is_held_against_what_answers() -> None:
    champion = Serving(
        package_arn="arn:package/1",
        baseline_uri="s3://artifacts/baselines/0",
        changed_at=0.0,
        artifact_uri="s3://artifacts/models/1/model.tar.gz",
        metadata={"train_until": "2013-09-01"},
    )
    state = {
        "labelled_until": "2013-10-31T23:30:00+00:00",
        "history": [
            {"run": "w1", "sentence": "quiet", "retraining_wanted": False},
            {"run": "w2", "sentence": "(label share) changed", "retraining_wanted": True},
        ],
    }
    answer, document, manifest = _planned(Remembered(state, champion), DRIFT)

    assert (answer["train_until"], answer["evaluate_until"]) == ("2013-10-17", "2013-10-31")
    assert answer["champion"] == "arn:package/1"
    assert document["because"] == "(label share) changed (window w2)"
    assert manifest[-1] == "models/1/model.tar.gz"
