"""Finds the rules: every module below `headway_policies.rules` holds one."""

import functools
import importlib
import pkgutil

from headway_policies import rules as rules_package
from headway_policies.rule import Rule


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """All rules, by id.

    Raises:
        TypeError: A rule's file holds no rule.
        ValueError: A rule has no check, or two rules share an id.
    """
    found: dict[str, Rule] = {}
    for module_info in pkgutil.walk_packages(rules_package.__path__, f"{rules_package.__name__}."):
        if module_info.ispkg:
            continue
        rule = getattr(importlib.import_module(module_info.name), "RULE", None)
        if not isinstance(rule, Rule):
            raise TypeError(f"{module_info.name} holds no rule; assign one to RULE")
        if not rule.has_check:
            raise ValueError(f"{module_info.name}: {rule.id} has no check; decorate one with @RULE.check")
        for rule_id in (rule.id, *rule.aliases):
            if rule_id in found:
                raise ValueError(f"{module_info.name}: the id {rule_id} is taken by '{found[rule_id].title}'")
            found[rule_id] = rule
    return tuple(sorted({rule.id: rule for rule in found.values()}.values(), key=lambda rule: rule.id))


def find_rule(text: str) -> Rule | None:
    """The rule with this id, former id or slug, in any case; None where there is none."""
    wanted = text.strip().lower()
    for rule in all_rules():
        if wanted in {name.lower() for name in (rule.id, rule.slug, *rule.aliases)}:
            return rule
    return None
