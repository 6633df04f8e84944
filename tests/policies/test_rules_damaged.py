"""Whatever a stack holds, a rule answers: it neither breaks nor takes what it does not know for good."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_policies.intent import DEVELOPMENT, FRAMEWORKS, PRODUCTION, Intent
from headway_policies.judge import judge
from headway_policies.outcome import Outcome
from headway_policies.registry import all_rules
from headway_policies.resource import UNKNOWN
from headway_policies.rule import Rule

STRANGE: tuple[object, ...] = (
    *(None, UNKNOWN, "", 0, [], {}, "x", True, False, -1, 1.5, "*", "{", "[]", "null", "{}", '"x"', "s3://"),
    *([UNKNOWN], ["x"], [[]], [{}], [None], [1], {"a": UNKNOWN}, '{"Statement": [3]}', '{"Steps": 3}', ":"),
)
EVERYTHING = Intent(environment="prod", personal_data=True, frameworks=frozenset(FRAMEWORKS))
INTENTS = (Intent(), PRODUCTION, DEVELOPMENT, EVERYTHING)


def damaged(value: object, random: Random) -> object:
    """A value in which anything may be anything else."""
    if random.random() < 0.25:
        return random.choice(STRANGE)
    if isinstance(value, dict):
        return {name: damaged(item, random) for name, item in value.items()}
    if isinstance(value, list):
        return [damaged(item, random) for item in value]
    return value


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
@settings(max_examples=15, deadline=None)
@given(random=st.randoms(use_true_random=False), intent=st.sampled_from(INTENTS))
def test_no_damaged_stack_breaks_a_rule(rule: Rule, random: Random, intent: Intent) -> None:
    case = random.choice([*rule.passes, *rule.fails, *rule.unknowns])
    resources = []
    for resource in case.resources:
        properties = damaged(dict(resource.properties), random)
        resources.append(replace(resource, properties=properties if isinstance(properties, dict) else {}))

    assert [item.error for item in judge([rule], resources, intent) if item.error] == []


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_nothing_known_is_no_pass_unless_the_rule_says_so(rule: Rule) -> None:
    """With every value of a breach unknown, a rule is undecided, not satisfied."""
    for case in rule.fails:
        resources = [
            replace(resource, properties=dict.fromkeys(resource.properties, UNKNOWN), references={})
            for resource in case.resources
        ]
        outcomes = {item.outcome for item in judge([rule], resources, case.intent)}
        if rule.when_unknown is Outcome.UNDECIDED and all(resource.properties for resource in resources):
            assert outcomes != {Outcome.PASS}, case.title
