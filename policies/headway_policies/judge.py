"""Puts rules to resources, without an engine."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from headway_policies.intent import Intent
from headway_policies.outcome import Judgement, Outcome
from headway_policies.resource import Resource
from headway_policies.rule import ANY_TYPE, Rule
from headway_policies.stack_graph import Stack


def judge(
    rules: Iterable[Rule], resources: Iterable[Resource], intent: Intent, *, alone: bool = True
) -> Iterator[Judgement]:
    """What each rule says about each resource and about all together.

    Resources of types that a rule does not speak about are left out; where a rule speaks about nothing in the
    stack at all, one judgement for the stack says that it is not applicable.

    Args:
        rules: The rules.
        resources: All resources of the stack.
        intent: What the stack is meant to be.
        alone: Whether to ask also what each rule says about a resource by itself.
    """
    stack = Stack(resources=tuple(resources))
    for rule in rules:
        judged = False
        for judgement in _judgements(rule, stack, intent, alone=alone):
            judged = True
            yield judgement
        if not judged:
            yield Judgement(rule_id=rule.id, urn=None, outcome=Outcome.NOT_APPLICABLE)


def unjudged_types(rules: Iterable[Rule], resources: Iterable[Resource]) -> dict[str, int]:
    """The types of resources that no rule speaks about or reads, each with the number of its resources."""
    known = {type_ for rule in rules for type_ in (*rule.resources, *rule.reads)} - {ANY_TYPE}
    counts: dict[str, int] = defaultdict(int)
    for resource in resources:
        if resource.type not in known and is_declared(resource):
            counts[resource.type] += 1
    return dict(sorted(counts.items()))


def is_declared(resource: Resource) -> bool:
    """Whether a resource is one of a provider: no stack, no provider itself, no component."""
    return resource.is_custom and not resource.type.startswith("pulumi:")


def _judgements(rule: Rule, stack: Stack, intent: Intent, *, alone: bool) -> Iterator[Judgement]:
    is_asked_alone = alone and rule.resource_check is not None
    if is_asked_alone or rule.edge_check is not None:
        for resource in _subjects(rule, stack):
            if is_asked_alone:
                yield rule.judge(resource, intent)
            if rule.edge_check is not None:
                yield rule.judge_edges(resource, stack, intent)
    if rule.stack_check is not None:
        judgement = rule.judge_stack(stack, intent)
        if judgement.outcome is not Outcome.NOT_APPLICABLE or judgement.reason:
            yield judgement


def _subjects(rule: Rule, stack: Stack) -> Iterable[Resource]:
    if ANY_TYPE in rule.resources:
        return (item for item in stack.resources if rule.speaks_about(item.type) and item.is_custom)
    return stack.of_type(*rule.resources)
