"""A rule names every type that it looks at, so that a type which none names is really unknown to all."""

from dataclasses import dataclass, field

import pytest

from headway_policies.judge import unjudged_types
from headway_policies.registry import all_rules
from headway_policies.resource import Resource
from headway_policies.rule import Rule
from headway_policies.stack_graph import Stack


@dataclass(frozen=True)
class Watched(Stack):
    """A stack that notes which types it is asked for."""

    asked: set[str] = field(default_factory=set)

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        self.asked.update(types)
        return super().of_type(*types)

    def referenced(self, resource: Resource, path: str, *types: str) -> tuple[Resource, ...]:
        self.asked.update(types)
        return super().referenced(resource, path, *types)

    def referring(self, target: Resource, type_: str, path: str) -> tuple[Resource, ...]:
        self.asked.add(type_)
        return super().referring(target, type_, path)


def asked_in_examples(rule: Rule) -> set[str]:
    """The types that a rule asks for while it decides its own examples."""
    asked: set[str] = set()
    for case in (*rule.passes, *rule.fails, *rule.unknowns, *rule.exempts):
        stack = Watched(case.resources, asked=asked)
        for resource in case.resources:
            rule.judge_edges(resource, stack, case.intent)
        rule.judge_stack(stack, case.intent)
    return asked


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_a_rule_names_the_types_that_it_looks_at_and_no_other(rule: Rule) -> None:
    assert set(rule.reads) == asked_in_examples(rule) - set(rule.resources)
    assert len(set(rule.reads)) == len(rule.reads)


def test_what_a_rule_only_reads_is_not_unjudged() -> None:
    versioning = Resource(type="aws:s3/bucketVersioning:BucketVersioning")
    alias = Resource(type="aws:kms/alias:Alias")

    assert unjudged_types(all_rules(), [versioning, alias, alias]) == {alias.type: 2}
