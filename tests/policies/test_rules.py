"""Every rule keeps what its own file says: its examples, its words, its place on the page."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway_policies.judge import judge
from headway_policies.outcome import Judgement, Outcome
from headway_policies.page import page, section
from headway_policies.registry import all_rules, find_rule
from headway_policies.rule import Case, Rule

ROOT = Path(__file__).resolve().parents[2]
TOKEN = re.compile(r"aws:\w+/\w+:\w+|aws-native:\w+:\w+|pulumi:providers:aws|pulumi:pulumi:Stack|\*")
RELEASED = {
    "BKP": 5,
    "CHG": 5,
    "ENC": 17,
    "GEN": 11,
    "GOV": 8,
    "IAM": 11,
    "INT": 13,
    "KEY": 4,
    "LOG": 5,
    "MON": 9,
    "NET": 17,
    "PRV": 5,
    "PUB": 5,
    "REL": 8,
    "RET": 4,
    "TLS": 4,
}
"""How many rules each family has at least; numbers have no gap, since an id is never taken back."""


def _examples() -> Iterator[object]:
    for rule in all_rules():
        for expected, cases in (
            (Outcome.PASS, rule.passes),
            (Outcome.FAIL, rule.fails),
            (rule.when_unknown, rule.unknowns),
            (Outcome.NOT_APPLICABLE, rule.exempts),
        ):
            for case in cases:
                yield pytest.param(rule, case, expected, id=f"{rule.id} {expected.value}: {case.title}")


def _worst(judgements: list[Judgement]) -> Outcome:
    order = (Outcome.FAIL, Outcome.UNDECIDED, Outcome.PASS, Outcome.NOT_APPLICABLE)
    return min((judgement.outcome for judgement in judgements), key=order.index)


@pytest.mark.parametrize(("rule", "case", "expected"), list(_examples()))
def test_a_rule_decides_its_own_examples_as_it_says(rule: Rule, case: Case, expected: Outcome) -> None:
    judgements = list(judge([rule], case.resources, case.intent))

    assert _worst(judgements) is expected
    texts = [rule.message(finding) for judgement in judgements for finding in judgement.findings]
    texts += [rule.undecided_message(item.undecided) for item in judgements if item.undecided]
    assert case.says in "\n".join(texts)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_a_violation_names_the_rule_the_property_the_value_the_wish_and_the_fix(rule: Rule) -> None:
    for case in rule.fails:
        for judgement in judge([rule], case.resources, case.intent):
            for finding in judgement.findings:
                message = rule.message(finding)

                assert message.startswith(f"{rule.id} {finding.path} is ")
                assert f"want {finding.want}" in message
                assert f"Fix: {rule.fix}" in message
                assert message.endswith(f"headway explain {rule.id}")


def test_no_released_rule_is_lost() -> None:
    families: dict[str, list[int]] = {}
    for rule in all_rules():
        _, family, number = rule.id.split("-")
        families.setdefault(family, []).append(int(number))

    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in families.values())
    assert {name: last for name, last in RELEASED.items() if len(families.get(name, ())) < last} == {}


@pytest.mark.parametrize("name", ["id", "slug", "title", "why", "fix"])
def test_what_identifies_a_rule_is_there_and_its_own(name: str) -> None:
    values = [getattr(rule, name) for rule in all_rules()]

    assert all(value.strip() for value in values)
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_a_rule_has_the_form_of_a_rule(rule: Rule) -> None:
    assert re.fullmatch(r"HEADWAY-[A-Z]{2,4}-\d{3}", rule.id)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.slug)
    assert re.fullmatch(r"\d+\.\d+", rule.since)
    assert all(TOKEN.fullmatch(token) for token in rule.resources)
    assert len(rule.passes) >= 2
    assert len(rule.fails) >= 2
    assert rule.unknowns


def test_a_rule_is_found_by_id_and_slug_in_any_case() -> None:
    for rule in all_rules():
        assert find_rule(rule.id.lower()) is rule
        assert find_rule(f" {rule.slug.upper()} ") is rule
    assert find_rule("HEADWAY-NO-999") is None


def test_the_rules_page_is_the_generated_one() -> None:
    written = (ROOT / "policies/RULES.md").read_text("utf-8")

    assert written == page(all_rules()), "policies/RULES.md is stale; run make docs"


def test_every_link_of_the_table_has_its_heading() -> None:
    text = page(all_rules())
    anchors = re.findall(r"\]\(#([^)]+)\)", text)
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    known = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    assert set(anchors) == known


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_the_explanation_of_a_rule_answers_in_the_same_order(rule: Rule) -> None:
    headings = re.findall(r"^### (.+)$", section(rule), re.MULTILINE)

    assert [heading for heading in headings if heading != "References"] == [
        "What it checks",
        "Why",
        "Fails",
        "Passes",
        *(["Not its business"] if rule.exempts else []),
        "Not known before the update",
        "Fix",
    ]
