"""Answers in review, whatever reviewers do and in whatever order: nobody's label is lost or counted twice."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from headway_runtime.monitor.labels import read_labels
from headway_runtime.release.captured import Captured
from headway_runtime.review.agreement import agreement
from headway_runtime.review.collecting import label_line
from headway_runtime.review.item import DECIDED, Given, Item, RefusedError, labelled, taken
from headway_runtime.review.selecting import Choice, chosen

LEASE_S, LIFE_S = 60.0, 1_000.0
PEOPLE = ("ann", "bob", "eve", "joe")


def item(**known: Any) -> Item:
    values: dict[str, Any] = {
        "review_id": "r1",
        "inference_id": "i1",
        "place": 0,
        "asked_at": 0.0,
        "answer": 0.52,
        "confidence": 0.52,
        "inputs": {"amount": 3.0, "name": "Secret"},
        "personal": ("name",),
        "wanted": 1,
        "created_at": 0.0,
        "expires_at": LIFE_S,
    }
    return Item(**values | known)


class Reviewers(RuleBasedStateMachine):
    """People who take and label one answer as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.item = item(wanted=2)
        self.said: dict[str, int] = {}

    @rule(seconds=st.sampled_from([1.0, 30.0, 61.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(who=st.sampled_from(PEOPLE))
    def take(self, who: str) -> None:
        try:
            after = taken(self.item, who, self.now, LEASE_S)
        except RefusedError:
            others = set(self.item.with_whom(self.now)) - {who}
            assert (
                who in self.said
                or self.item.state == DECIDED
                or self.item.is_expired(self.now)
                or len(self.said) + len(others) >= self.item.wanted
            )
            return
        assert after.with_whom(self.now)[who] == self.now + LEASE_S
        self.item = after

    @rule(who=st.sampled_from(PEOPLE), label=st.sampled_from([0, 1]))
    def label(self, who: str, label: int) -> None:
        before = self.item
        try:
            self.item = labelled(self.item, who, label, self.now)
        except RefusedError:
            return
        if self.item is before:
            assert self.said[who] == label
        else:
            assert who not in self.said
            self.said[who] = label

    @invariant()
    def nothing_is_lost(self) -> None:
        assert {given.reviewer: given.label for given in self.item.labels} == self.said
        assert len(self.item.labels) == len(self.said) <= 3

    @invariant()
    def no_more_people_than_labels_that_are_wanted(self) -> None:
        busy = len(self.item.labels) + len(self.item.with_whom(self.now))
        assert busy <= self.item.wanted

    @precondition(lambda self: self.item.state == DECIDED)
    @invariant()
    def the_majority_decides(self) -> None:
        ones = sum(self.said.values())
        assert self.item.label == int(ones > len(self.said) - ones)
        assert len(self.said) == (2 if len(set(self.said.values())) == 1 else 3)

    @invariant()
    def it_survives_its_document(self) -> None:
        assert Item.from_document(self.item.document()).document() == self.item.document()


Reviewers.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
test_people_who_review = Reviewers.TestCase


REFUSALS = {
    "no label": (item(), 2, 0.0, "2 is no label; give 0 or 1"),
    "expired": (item(), 1, LIFE_S, "r1 has expired; it goes without a label"),
    "another label": (
        item(wanted=2, labels=(Given(reviewer="ann", label=0, at=1.0),)),
        1,
        2.0,
        "ann has labelled r1 with 0; a label is not changed",
    ),
    "decided": (
        item(state=DECIDED, labels=(Given(reviewer="bob", label=1, at=1.0),)),
        1,
        2.0,
        "r1 is decided with 1; nothing is left to do",
    ),
    "with somebody": (item(leases={"bob": 30.0}), 1, 2.0, "r1 is with bob for 28 s more; take another one"),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=list(REFUSALS))
def test_what_cannot_be_says_why(case: tuple[Item, int, float, str]) -> None:
    before, label, now, says = case
    with pytest.raises(RefusedError, match=says):
        labelled(before, "ann", label, now)


def test_the_same_label_again_changes_nothing() -> None:
    once = labelled(item(), "ann", 1, 1.0)

    assert labelled(once, "ann", 1, 5.0) is once
    assert (once.state, once.label) == (DECIDED, 1)


# Computed by hand: with equal share p and chance c it is (p - c) / (1 - c).
KAPPAS = {
    "as by chance": ([(0, 0), (0, 1), (1, 0), (1, 1)] * 5, 0.0),
    "always": ([(0, 0), (1, 1)] * 10, 1.0),
    "never": ([(0, 1), (1, 0)] * 10, -1.0),
    "mostly": ([(1, 1)] * 20 + [(0, 0)] * 15 + [(1, 0)] * 5 + [(0, 1)] * 10, 0.4),
}


@pytest.mark.parametrize("case", KAPPAS.values(), ids=list(KAPPAS))
def test_agreement_is_cohens_kappa_within_its_interval(case: tuple[list[tuple[int, int]], float]) -> None:
    pairs, kappa = case
    found = agreement(pairs)

    assert found is not None
    assert found.kappa == pytest.approx(kappa)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= kappa <= found.high
    assert found.high - found.low > 0.05  # few pairs prove little, also where all are equal


def test_without_pairs_or_with_one_label_there_is_no_kappa() -> None:
    same = agreement([(1, 1)] * 5)

    assert agreement([]) is None
    assert same is not None
    assert (same.equal, same.kappa) == (1.0, None)


def request(key: str, *answers: float, at: float = 0.0) -> Captured:
    rows = [{"amount": place} for place in range(len(answers))]
    return Captured(key=key, at=datetime.fromtimestamp(at, UTC), rows=rows, answers=list(answers))


def test_the_least_sure_answers_are_chosen_and_always_the_same() -> None:
    choice = Choice(minimum_confidence=0.7, double_share=0.5, retention_s=LIFE_S, personal=("name",))
    requests = {str(number): request(str(number), 0.5 + number / 100, 0.95) for number in range(40)}
    unreadable = Captured(key="x", at=datetime.fromtimestamp(0, UTC), rows=[], answers=None)
    first = list(chosen({**requests, "x": unreadable}, choice, now=1.0))
    later = list(chosen(dict(reversed(requests.items())), choice, now=2.0))

    assert [found.confidence for found in first] == sorted(0.5 + number / 100 for number in range(20))
    assert [found.review_id for found in first] == [found.review_id for found in later]
    assert 3 <= sum(found.wanted == 2 for found in first) <= 17
    assert list(chosen(requests, choice, now=LIFE_S)) == []


def test_a_label_goes_back_in_the_form_that_the_monitor_reads(tmp_path: Any) -> None:
    decided = labelled(item(place=2), "ann", 1, 100.0)
    path = tmp_path / "label.jsonl"
    path.write_bytes(label_line(decided))
    (label,) = read_labels([path]).labels

    assert (label.id, label.place, label.value, label.at) == ("i1", 2, 1, 0.0)
    assert b'"reviewers": ["ann"]' in path.read_bytes()
    assert b'"labelledAt": "1970-01-01T00:01:40.000Z"' in path.read_bytes()
