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

_NOT_COVERED = (
    (
        "Caches of answers: the tenant in the cache key, an end, encryption, no cache for data about people",
        "no component declares a cache, and what its key holds is in no resource",
    ),
    (
        "Routes to large models: a budget or a quota, a fallback and a time limit for each",
        "no component declares a route with its fallback; budgets of the system are HEADWAY-GOV-002's",
    ),
    (
        "Knowledge bases: a second index beside the first and a gate on recall before they change places",
        "no component declares an index; the keys of its data sources are HEADWAY-GEN-001's",
    ),
    (
        "Pods with GPUs: no root, no privileges, limits, images by digest, a network policy",
        "no component declares workloads of Kubernetes; the cluster itself is judged",
    ),
)
"""Checks that a gate for such systems should have, with the reason why no rule here makes them."""


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
    sections = "\n".join(section(rule) for rule in chosen)
    return "\n".join([_HEADER, table, "", sections, _openly()]).rstrip() + "\n"


def _openly() -> str:
    lines = [
        "# What no rule covers",
        "These checks are missing: a pass says nothing about them. Such resources are counted as unjudged.",
        "\n".join(f"- {what} ({why})." for what, why in _NOT_COVERED),
    ]
    return "\n\n".join(lines)


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
