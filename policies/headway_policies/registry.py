"""Finds the rules: one in every module below `headway_policies.rules`, one in every file of a team's own."""

import functools
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from headway_policies import rules as rules_package
from headway_policies.rule import Rule

_OWN = "HEADWAY-"


class RuleFileError(ValueError):
    """A file that should hold a rule does not; the message is for its author."""


@functools.cache
def all_rules() -> tuple[Rule, ...]:
    """All rules of Headway, by id.

    Raises:
        RuleFileError: A file holds no rule, a rule has no check, or two rules share an id.
    """
    return _checked(_packaged())


@functools.cache
def rules_with(folders: tuple[Path, ...]) -> tuple[Rule, ...]:
    """Headway's rules and those of a team's own folders, by id.

    Args:
        folders: Folders of Python files, each with one rule; files whose names begin with `_` are left alone.

    Raises:
        RuleFileError: A file holds no rule, a rule has no check or takes an id that is taken.
    """
    if not folders:
        return all_rules()
    return _checked([*_packaged(), *_of_team(folders)])


def find_rule(text: str, rules: Iterable[Rule] | None = None) -> Rule | None:
    """The rule with this id, former id or slug, in any case; None where there is none."""
    wanted = text.strip().lower()
    for rule in all_rules() if rules is None else rules:
        if wanted in {name.lower() for name in (rule.id, rule.slug, *rule.aliases)}:
            return rule
    return None


def _packaged() -> Iterator[tuple[str, Rule]]:
    for module_info in pkgutil.walk_packages(rules_package.__path__, f"{rules_package.__name__}."):
        if not module_info.ispkg:
            yield module_info.name, _rule_of(importlib.import_module(module_info.name))


def _of_team(folders: Iterable[Path]) -> Iterator[tuple[str, Rule]]:
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            if path.name.startswith("_"):
                continue
            rule = _rule_of(_module(path))
            if rule.id.startswith(_OWN):
                raise RuleFileError(
                    f"{path}: {rule.id} is an id of Headway's own; begin it with your team's name"
                )
            yield str(path), rule


def _module(path: Path) -> ModuleType:
    # A name that no import statement can reach, so that a team's file never stands in for another module.
    name = f"headway_team_rules:{path}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        # A file that ends the process would end the gate with it, and with its exit code.
        del sys.modules[name]
        raise RuleFileError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    return module


def _rule_of(module: ModuleType) -> Rule:
    rule = getattr(module, "RULE", None)
    if not isinstance(rule, Rule):
        raise RuleFileError(f"{module.__file__} holds no rule; assign one to RULE")
    return rule


def _checked(found: Iterable[tuple[str, Rule]]) -> tuple[Rule, ...]:
    taken: dict[str, Rule] = {}
    rules: list[Rule] = []
    for where, rule in found:
        if not rule.has_check:
            raise RuleFileError(f"{where}: {rule.id} has no check; decorate one with @RULE.check")
        for rule_id in (rule.id, *rule.aliases):
            if rule_id in taken:
                raise RuleFileError(f"{where}: the id {rule_id} is taken by '{taken[rule_id].title}'")
            taken[rule_id] = rule
        rules.append(rule)
    return tuple(sorted(rules, key=lambda rule: rule.id))
