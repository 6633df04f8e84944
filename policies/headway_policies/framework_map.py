"""Compliance frameworks as data: which rules stand for which control, and how each control stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from headway_policies.outcome import Outcome
from headway_policies.toml_tables import DataFileError, Table, read_table

FOLDER: Final = Path(__file__).parent / "frameworks"


@dataclass(frozen=True, kw_only=True)
class Control:
    """One control of a framework.

    Args:
        id: As the framework writes it.
        title: What it asks for, in a few words.
        rules: The rules that stand for it; empty where no rule does, which is said openly.
        note: What a reader of the mapping should know.
    """

    id: str
    title: str
    rules: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Framework:
    """One framework.

    Args:
        id: Its file's name, for example `hipaa`.
        title: Its name.
        source: What the controls were taken from.
        version: Which version of it.
        controls: Its controls in the order of the file.
    """

    id: str
    title: str
    source: str
    version: str
    controls: tuple[Control, ...]


class Standing(Enum):
    """What a judged stack says to a control."""

    SATISFIED = "satisfied"
    FAILED = "failed"
    UNDECIDED = "undecided"
    NOT_APPLICABLE = "not applicable"
    NOT_COVERED = "not covered by any rule"


@dataclass(frozen=True, kw_only=True)
class ControlStanding:
    """A control and how it stands.

    Args:
        framework: The framework's id.
        control: The control.
        standing: How it stands.
        rules: The rules that decided so.
    """

    framework: str
    control: Control
    standing: Standing
    rules: tuple[str, ...]


def load_frameworks(folders: Iterable[Path] = (FOLDER,)) -> tuple[Framework, ...]:
    """Reads all framework files of some folders, by id.

    Raises:
        DataFileError: A file is no framework, or two have one id.
    """
    found: dict[str, Framework] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            if path.stem in found:
                raise DataFileError(f"{path}: there is a framework {path.stem} already; give it another name")
            found[path.stem] = _framework(path)
    return tuple(found[name] for name in sorted(found))


def controls_by_rule(frameworks: Iterable[Framework]) -> Mapping[str, tuple[str, ...]]:
    """For each rule the controls that it stands for, as `FRAMEWORK CONTROL`."""
    found: dict[str, list[str]] = {}
    for framework in frameworks:
        for control in framework.controls:
            for rule in control.rules:
                found.setdefault(rule, []).append(f"{framework.id} {control.id}")
    return {rule: tuple(controls) for rule, controls in found.items()}


def standings(
    frameworks: Iterable[Framework], outcomes: Mapping[str, frozenset[Outcome]]
) -> tuple[ControlStanding, ...]:
    """How each control stands.

    A breach that an exception allows is a failed control all the same: an exception makes a change
    acceptable, it satisfies no framework.

    Args:
        frameworks: The frameworks.
        outcomes: What each rule said, anywhere in the stack; a rule that was turned off is missing.
    """
    return tuple(
        _standing(framework.id, control, outcomes)
        for framework in frameworks
        for control in framework.controls
    )


_WORST_FIRST: Final = (
    (Outcome.FAIL, Standing.FAILED),
    (Outcome.UNDECIDED, Standing.UNDECIDED),
    (Outcome.PASS, Standing.SATISFIED),
    (Outcome.NOT_APPLICABLE, Standing.NOT_APPLICABLE),
)


def _standing(
    framework: str, control: Control, outcomes: Mapping[str, frozenset[Outcome]]
) -> ControlStanding:
    asked = {rule: outcomes[rule] for rule in control.rules if rule in outcomes}
    for outcome, standing in _WORST_FIRST:
        deciding = tuple(rule for rule, said in asked.items() if outcome in said)
        if deciding:
            return ControlStanding(framework=framework, control=control, standing=standing, rules=deciding)
    return ControlStanding(framework=framework, control=control, standing=Standing.NOT_COVERED, rules=())


def _framework(path: Path) -> Framework:
    table = read_table(path)
    table.only("title", "source", "version", "controls")
    controls = table.table("controls")
    framework = Framework(
        id=path.stem,
        title=table.text("title"),
        source=table.text("source"),
        version=table.text("version"),
        controls=tuple(_control(name, controls.table(name)) for name in controls.values),
    )
    table.require_none_wrong()
    return framework


def _control(name: str, table: Table) -> Control:
    table.only("title", "rules", "note")
    if "rules" not in table.values:
        table.wrong("rules", "a list of rules' ids, empty where no rule stands for the control")
    return Control(
        id=name, title=table.text("title"), rules=table.texts("rules"), note=table.optional_text("note")
    )
