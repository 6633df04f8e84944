"""A verdict as Markdown for a pull request: the verdict, what to do, and the rest folded. Pure."""

import re
from collections.abc import Sequence
from html import escape
from typing import Final

from headway_policies.exceptions import ExceptionStatus
from headway_policies.framework_map import ControlStanding, Standing
from headway_policies.lanes import Lane
from headway_policies.outcome import Outcome
from headway_policies.rows import Row
from headway_policies.verdict import Verdict

MAXIMUM_ROWS: Final = 50
"""A comment of a code host holds 65,536 characters; what is left out is counted."""

_MARKUP: Final = re.compile(r"([|*`\[\]])")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What moves the cursor of a terminal, breaks a line, or turns the order of letters."""

_HEADLINES: Final = {
    Lane.AUTO: "ships by itself: everything passes on the golden path",
    Lane.MANUAL: "needs a person",
    Lane.REFUSED: "is refused",
}


def markdown(verdict: Verdict, digest: str) -> str:
    """The text.

    Args:
        verdict: What came of it.
        digest: The digest of its evidence.
    """
    stack = verdict.subject.stack or "the state"
    failed = [row for row in verdict.rows if row.outcome == Outcome.FAIL.value]
    manual = [row for row in verdict.rows if row.outcome == Lane.MANUAL.value]
    advisory = [row for row in verdict.rows if row.outcome == "advisory"]
    undecided = [row for row in verdict.rows if row.outcome == Outcome.UNDECIDED.value]
    parts = [
        f"## Headway gate: {_cell(stack)} {_HEADLINES[verdict.lane]}",
        _counted(verdict, failed, manual),
        _findings("What to change", failed),
        _findings("What a person has to look at", manual),
        _folded(f"Advice ({len(advisory)})", _table(advisory), shown=bool(advisory)),
        _folded(
            f"Undecided before the update ({len(undecided)})",
            "Nothing of this has passed: the update decides, and stops where it breaks a rule.\n\n"
            + _table(undecided),
            shown=bool(undecided),
        ),
        _plan(verdict),
        _cost(verdict),
        _exceptions(verdict),
        _frameworks(verdict),
        _unjudged(verdict),
        f"Evidence `{digest}`",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _counted(verdict: Verdict, failed: Sequence[Row], manual: Sequence[Row]) -> str:
    counts = verdict.counts
    words = [
        f"{counts['pass']} passed",
        f"{counts['fail']} failed",
        f"{counts['undecided']} undecided",
        f"{counts['not_applicable']} not applicable",
    ]
    used = sum(use.status is ExceptionStatus.USED for use in verdict.exceptions)
    if used:
        words.append(f"{used} excepted")
    resources = sum(verdict.unjudged.values())
    if resources:
        words.append(f"{resources} resources of types that no rule knows")
    first = next(iter([*failed, *manual]), None)
    start = (
        "" if first is None else f"First: {_about(first)}{_cell(first.message)}. {_written(first.fix)}\n\n"
    )
    return start + " · ".join(words)


def _findings(title: str, rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    lines = []
    for row in rows[:MAXIMUM_ROWS]:
        where = f" (`{_CONTROL.sub(' ', row.source).replace('`', ' ')}`)" if row.source else ""
        lines.append(f"- **{row.rule}** {_about(row)}{_cell(row.message)}{where}\n  Fix: {_written(row.fix)}")
    return "\n".join([f"### {title}", *lines, *_left_out(rows)])


def _about(row: Row) -> str:
    return f"{_cell(row.type.rsplit(':', 1)[-1])} **{_cell(row.name)}**: " if row.urn else ""


def _table(rows: Sequence[Row]) -> str:
    lines = [
        f"| {row.rule} | {_cell(row.name)} | {_cell(row.path)} | {_cell(row.message)} |"
        for row in rows[:MAXIMUM_ROWS]
    ]
    return "\n".join(
        ["| rule | resource | property | what |", "|---|---|---|---|", *lines, "", *_left_out(rows)]
    ).rstrip()


def _left_out(rows: Sequence[Row]) -> list[str]:
    more = len(rows) - MAXIMUM_ROWS
    return [f"and {more} more, in the JSON and the SARIF"] if more > 0 else []


def _plan(verdict: Verdict) -> str:
    plan = verdict.subject.plan
    if plan is None:
        return ""
    counts = " · ".join(f"{count} {operation}" for operation, count in plan.counts().items())
    lines = [
        f"- {change.operation.value} {_cell(change.type.rsplit(':', 1)[-1])} "
        f"**{_cell(change.urn.rsplit('::', 1)[-1])}**"
        for change in plan.changes[:MAXIMUM_ROWS]
    ]
    more = len(plan.changes) - MAXIMUM_ROWS
    tail = [f"- and {more} more"] if more > 0 else []
    return _folded(f"Plan against {_cell(plan.against)}: {counts}", "\n".join([*lines, *tail]), shown=True)


def _cost(verdict: Verdict) -> str:
    found = verdict.estimate
    if found is None or not found.items:
        return ""
    lines = [
        f"| {_cell(item.urn.rsplit('::', 1)[-1])} | {_cell(item.what)} | "
        f"{'unknown' if item.usd_per_month is None else f'{item.usd_per_month:.2f}'} |"
        for item in found.items
    ]
    unknown = f", {len(found.unknown)} unknown" if found.unknown else ""
    body = "\n".join(
        [
            "| resource | what runs all the time | USD a month |",
            "|---|---|---|",
            *lines,
            "",
            f"Prices of {found.region} of {found.date}; usage (requests, storage, jobs) is not in it.",
        ]
    )
    return _folded(f"At least {found.usd_per_month:.2f} USD a month{unknown}", body, shown=True)


def _exceptions(verdict: Verdict) -> str:
    rows = [
        f"| {use.exception.rule} | {_cell(use.exception.resource)} | {use.status.value} "
        f"| {use.exception.expires} | {_cell(use.exception.owner)} | {_cell(use.exception.ticket)} |"
        for use in verdict.exceptions
    ]
    table = "\n".join(
        ["| rule | resource | status | expires | owner | ticket |", "|---|---|---|---|---|---|", *rows]
    )
    return _folded(f"Exceptions ({len(rows)})", table, shown=bool(rows))


def _frameworks(verdict: Verdict) -> str:
    chosen = verdict.subject.intent.frameworks
    names = sorted({item.framework for item in verdict.standings})
    parts = [
        _framework(name, [item for item in verdict.standings if item.framework == name], name in chosen)
        for name in names
    ]
    return _folded("Frameworks", "\n\n".join(parts), shown=bool(parts))


def _framework(name: str, items: Sequence[ControlStanding], in_force: bool) -> str:
    counts = " · ".join(
        f"{count} {standing.value}"
        for standing in Standing
        if (count := sum(item.standing is standing for item in items))
    )
    title = f"**{name}**{' (in force)' if in_force else ''}: {counts}"
    if not in_force:
        return title
    rows = [
        f"| {_cell(item.control.id)} | {_cell(item.control.title)} "
        f"| {item.standing.value} | {', '.join(item.rules)} |"
        for item in items
    ]
    return "\n".join([title, "", "| control | what it asks | standing | rules |", "|---|---|---|---|", *rows])


def _unjudged(verdict: Verdict) -> str:
    rows = [f"- {_cell(type_)}: {count}" for type_, count in verdict.unjudged.items()]
    return _folded(f"Types that no rule knows ({len(rows)})", "\n".join(rows), shown=bool(rows))


def _folded(title: str, body: str, *, shown: bool) -> str:
    if not shown:
        return ""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _written(text: str) -> str:
    """A rule's own words, which are Markdown."""
    return text.replace("\n", " ")


def _cell(text: str) -> str:
    """Text that is only text: names of resources are anybody's, and may hold Markdown or HTML."""
    return _MARKUP.sub(r"\\\1", escape(_CONTROL.sub(" ", text), quote=False))
