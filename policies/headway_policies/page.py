"""The text about rules: what `headway explain` prints and what the rules page holds."""

import json
from collections.abc import Iterable, Mapping, Sequence

from headway_policies.outcome import Outcome
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Case, Rule

_WHEN_UNKNOWN = {
    Outcome.PASS: "It passes: that something is set is all that the rule asks.",
    Outcome.FAIL: "It fails: the rule wants a plain value that a reviewer can read.",
    Outcome.UNDECIDED: "It is undecided: the preview shows it and counts it, and the update decides.",
}

_HEADER = """# Rules

Generated from the rules by `make docs`; change the rules, not this page. `headway explain ID` prints a rule.
"""


def section(rule: Rule) -> str:
    """One rule as Markdown: what it checks, why, what fails, what passes, the fix."""
    facts = [f"`{rule.slug}`", f"severity {rule.severity.value}", f"since {rule.since}"]
    if rule.aliases:
        facts.append(f"formerly {', '.join(rule.aliases)}")
    parts = [
        f"## {rule.id}: {rule.title}",
        " · ".join(facts),
        f"### What it checks\n{_checked(rule)}",
        f"### Why\n{rule.why}",
        f"### Fails\n{_cases(rule.fails)}",
        f"### Passes\n{_cases(rule.passes)}",
        *([f"### Not its business\n{_cases(rule.exempts)}"] if rule.exempts else []),
        f"### Not known before the update\n{_WHEN_UNKNOWN[rule.when_unknown]}\n{_cases(rule.unknowns)}",
        f"### Fix\n{rule.fix}",
    ]
    if rule.references:
        parts.append("### References\n" + "\n".join(f"- <{address}>" for address in rule.references))
    return "\n\n".join(parts) + "\n"


def page(rules: Iterable[Rule]) -> str:
    """The whole rules page: a table, then a section for each rule."""
    chosen = tuple(rules)
    rows = [
        f"| [{rule.id}](#{_anchor(rule)}) | {rule.title} | {rule.severity.value} "
        f"| {', '.join(f'`{token}`' for token in rule.resources)} | {rule.since} |"
        for rule in chosen
    ]
    table = "\n".join(["| id | what holds | severity | resources | since |", "|---|---|---|---|---|", *rows])
    return "\n".join([_HEADER, table, "", *(section(rule) for rule in chosen)]).rstrip() + "\n"


def document(rule: Rule) -> dict[str, object]:
    """One rule for programs."""
    return {
        "id": rule.id,
        "slug": rule.slug,
        "title": rule.title,
        "severity": rule.severity.value,
        "since": rule.since,
        "resources": list(rule.resources),
        "reads": list(rule.reads),
        "why": rule.why,
        "fix": rule.fix,
        "when_unknown": rule.when_unknown.value,
        "aliases": list(rule.aliases),
        "references": list(rule.references),
    }


def _checked(rule: Rule) -> str:
    lines = [f"- `{token}`" for token in rule.resources]
    if rule.reads:
        lines.append(f"\nBeside it, it reads {', '.join(f'`{token}`' for token in rule.reads)}.")
    return "\n".join(lines)


def _anchor(rule: Rule) -> str:
    # A Markdown heading's anchor: lower case, without punctuation, spaces as hyphens.
    heading = f"{rule.id}: {rule.title}".lower()
    return "".join(
        "-" if letter == " " else letter for letter in heading if letter.isalnum() or letter in " -_"
    )


def _cases(cases: Sequence[Case]) -> str:
    return "\n".join(f"- {case.title}: {' and '.join(map(_shown, case.resources))}" for case in cases)


def _shown(resource: Resource) -> str:
    kind = resource.type.rsplit(":", 1)[-1]
    return f"`{kind} {json.dumps(_plain(resource.properties), ensure_ascii=False)}`"


def _plain(value: object) -> object:
    if value is UNKNOWN:
        return "<not known yet>"
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
