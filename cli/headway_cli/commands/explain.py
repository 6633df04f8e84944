"""`headway explain`."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.gate.rulebooks import POLICIES, project_root
from headway_cli.output import JsonOption, emit, emit_markdown
from headway_policies.framework_map import FOLDER, Framework, controls_by_rule, load_frameworks
from headway_policies.lanes import EXPLANATIONS
from headway_policies.page import document, section
from headway_policies.registry import RuleFileError, find_rule, rules_with
from headway_policies.rows import EXCEPTION_FIX, EXCEPTION_RULE
from headway_policies.rule import Rule
from headway_policies.settings import GateSettings, load_settings
from headway_policies.toml_tables import DataFileError

LANE = "lane"


def explain(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RULE",
            help="A rule's id or short name, like HEADWAY-ENC-001; `lane`; or a framework, like hipaa.",
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Print a rule: what it checks, why, what fails, what passes, the fix, the controls it stands for."""
    try:
        settings = _settings()
        rules = rules_with(settings.rule_folders)
        frameworks = load_frameworks((FOLDER, *settings.framework_folders))
    except (DataFileError, RuleFileError) as error:
        raise HeadwayError(str(error)) from None
    found = find_rule(what, rules)
    if found is not None:
        controls = controls_by_rule(frameworks).get(found.id, ())
        if as_json:
            emit("", {**document(found), "controls": list(controls)}, as_json=True)
        else:
            emit_markdown(section(found) + _controls(controls))
        return
    written = _TOPICS.get(what.strip().lower().split("/", 1)[0])
    framework = next((item for item in frameworks if item.id == what.strip().lower()), None)
    if written is not None:
        text = written()
    elif framework is not None:
        text = _framework(framework)
    else:
        raise WrongUseError(_unknown(what, rules, frameworks))
    if as_json:
        emit("", {"text": text}, as_json=True)
    else:
        emit_markdown(text)


def _settings() -> GateSettings:
    root = project_root(Path.cwd())
    folder = None if root is None else root / POLICIES
    return GateSettings() if folder is None or not folder.is_dir() else load_settings(folder)


def _controls(controls: tuple[str, ...]) -> str:
    if not controls:
        return ""
    return "\n### Stands for\n" + "\n".join(f"- {control}" for control in controls) + "\n"


def _lane() -> str:
    parts = ["## Why a change goes to a person"]
    for why, told in EXPLANATIONS.items():
        parts.append(f"### lane/{why.value}: {told.title}\n{told.why}\n\nFix: {told.fix}")
    return "\n\n".join(parts) + "\n"


def _exception() -> str:
    return (
        f"## {EXCEPTION_RULE}: Every exception has an owner and a last day that has not passed\n\n"
        "### Why\nAn exception that nobody answers for, or that never ends, is a rule that is not there.\n\n"
        f"### Fix\n{EXCEPTION_FIX}\n"
    )


def _framework(framework: Framework) -> str:
    rows = [
        f"| {item.id} | {item.title} | {', '.join(item.rules) or 'not covered by any rule'} |"
        for item in framework.controls
    ]
    head = f"## {framework.title} {framework.version}\n\nSource: {framework.source}\n"
    return "\n".join([head, "| control | what it asks | rules |", "|---|---|---|", *rows]) + "\n"


_TOPICS: dict[str, Callable[[], str]] = {LANE: _lane, EXCEPTION_RULE.lower(): _exception}


def _unknown(what: str, rules: tuple[Rule, ...], frameworks: tuple[Framework, ...]) -> str:
    known = "".join(f"\n  {item.id}  {item.title}" for item in rules)
    others = ", ".join([LANE, EXCEPTION_RULE, *(item.id for item in frameworks)])
    return f"there is no rule {what!r}; these are:{known}\nalso: {others}"
