"""Frameworks and rules name each other, and nothing that does not exist."""

from pathlib import Path

import pytest

from headway_policies.framework_map import FOLDER, load_frameworks
from headway_policies.intent import FRAMEWORKS
from headway_policies.registry import all_rules
from headway_policies.toml_tables import DataFileError


def test_every_framework_that_an_intent_may_name_is_there() -> None:
    assert tuple(item.id for item in load_frameworks()) == FRAMEWORKS


def test_every_rule_that_a_control_names_exists() -> None:
    known = {rule.id for rule in all_rules()}
    named = {rule for item in load_frameworks() for control in item.controls for rule in control.rules}

    assert named <= known


def test_every_rule_stands_for_a_control() -> None:
    named = {rule for item in load_frameworks() for control in item.controls for rule in control.rules}

    assert {rule.id for rule in all_rules()} - named == set()


def test_every_control_says_what_it_asks() -> None:
    for framework in load_frameworks():
        assert framework.controls
        for control in framework.controls:
            assert control.title.strip()
            assert len(set(control.rules)) == len(control.rules)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('title = "t"', "source is missing"),
        ('title = "t"\nsource = "s"\nversion = "1"\n[controls."1"]\ntitle = "x"', "rules is missing"),
        (
            'title = "t"\nsource = "s"\nversion = "1"\n[controls.a]\ntitle = "x"\nrules = ["A"]\nnotes = ""',
            "notes",
        ),
        ("title =", "not TOML"),
    ],
)
def test_a_file_that_is_no_framework_says_why(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "acme.toml").write_text(text)

    with pytest.raises(DataFileError, match=said):
        load_frameworks((tmp_path,))


def test_two_frameworks_do_not_share_a_name(tmp_path: Path) -> None:
    (tmp_path / "hipaa.toml").write_text('title = "t"\nsource = "s"\nversion = "1"\n')

    with pytest.raises(DataFileError, match="hipaa already"):
        load_frameworks((FOLDER, tmp_path)) if (FOLDER / "hipaa.toml").exists() else load_frameworks(
            (tmp_path, tmp_path)
        )
