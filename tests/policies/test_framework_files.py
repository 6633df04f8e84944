"""The framework files: every id exists on both sides, and nothing is claimed that no rule stands for."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from headway_policies.intent import FRAMEWORKS
from headway_policies.registry import all_rules

FOLDER = Path(__file__).resolve().parents[2] / "policies/headway_policies/frameworks"
FILES = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.toml"))}
RULES = {rule.id for rule in all_rules()}


def mapped(framework: dict[str, Any]) -> set[str]:
    return {rule for control in framework["controls"].values() for rule in control["rules"]}


def test_each_known_framework_is_a_file() -> None:
    assert sorted(FILES) == sorted(FRAMEWORKS)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_framework_names_only_rules_that_exist(name: str) -> None:
    assert mapped(FILES[name]) - RULES == set()


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_framework_says_what_it_was_taken_from_and_what_it_does_not_cover(name: str) -> None:
    framework = FILES[name]

    assert all(framework[key].strip() for key in ("title", "source", "version"))
    assert all(control["title"].strip() for control in framework["controls"].values())
    assert all(
        len(set(control["rules"])) == len(control["rules"]) for control in framework["controls"].values()
    )
    if name != "aws-ai-security-v1":
        assert [control for control in framework["controls"].values() if not control["rules"]]


def test_every_rule_stands_for_some_control() -> None:
    assert RULES - {rule for framework in FILES.values() for rule in mapped(framework)} == set()


def test_the_standard_of_aws_has_its_31_controls_each_with_a_rule() -> None:
    controls = FILES["aws-ai-security-v1"]["controls"]

    numbers = {
        service: sorted(int(name.partition(".")[2]) for name in controls if name.startswith(f"{service}."))
        for service in ("Bedrock", "BedrockAgentCore", "SageMaker")
    }
    assert numbers == {
        "Bedrock": [1],
        "BedrockAgentCore": [1, 2, 3, 4, 5, 6, 7],
        "SageMaker": [1, 2, 3, 4, 5, *range(8, 26)],
    }
    assert [name for name, control in controls.items() if not control["rules"]] == []


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.id)
def test_the_words_of_a_rule_keep_the_house_style(rule: Any) -> None:
    assert rule.why.endswith((".", "!"))
    assert rule.fix.endswith(".")
    assert not rule.title.endswith(".")
    assert len(rule.title) <= 100
    assert all(re.match(r"https://", address) for address in rule.references)
