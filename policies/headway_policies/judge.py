"""Puts rules to resources, without an engine."""

from collections.abc import Iterable, Iterator

from headway_policies.outcome import Judgement, Outcome
from headway_policies.resource import Resource, Stack
from headway_policies.rule import Rule


def judge(rules: Iterable[Rule], resources: Iterable[Resource]) -> Iterator[Judgement]:
    """What each rule says about each resource and about all together; not applicable is left out."""
    stack = Stack(resources=tuple(resources))
    for rule in rules:
        for judgement in (*(rule.judge(resource) for resource in stack.resources), rule.judge_stack(stack)):
            if judgement.outcome is not Outcome.NOT_APPLICABLE:
                yield judgement
