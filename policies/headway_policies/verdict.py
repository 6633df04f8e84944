"""The verdict on a stack: what every rule says, what exceptions allow, the lane and its reasons. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import Enum

from headway_policies.costs import Estimate, Prices, estimate
from headway_policies.exceptions import Breach, Exceptions, ExceptionUse, PolicyException
from headway_policies.framework_map import ControlStanding, Framework, standings
from headway_policies.intent import Intent
from headway_policies.judge import judge, unjudged_types
from headway_policies.lanes import Base, Facts, Lane, Reason, lane, reasons
from headway_policies.outcome import Finding, Judgement, Outcome
from headway_policies.plan import Plan
from headway_policies.resource import Resource
from headway_policies.rows import Row, Writer, exception_rows
from headway_policies.rule import Rule
from headway_policies.settings import GateSettings, Level
from headway_policies.stack_graph import Stack


class Moment(Enum):
    """When a stack is judged."""

    PREVIEW = "preview"
    STATE = "state"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is judged.

    Args:
        stack: The stack's name.
        resources: Its resources.
        intent: What it is meant to be.
        moment: Before an update, or as it is.
        region: Its region; None where nobody said.
        plan: What an update would do; None where nobody planned.
        secret_texts: The plain texts of secrets in it.
    """

    stack: str
    resources: tuple[Resource, ...]
    intent: Intent
    moment: Moment
    region: str | None = None
    plan: Plan | None = None
    secret_texts: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Rulebook:
    """What it is judged by.

    Args:
        rules: All rules, also those that are turned off.
        frameworks: All frameworks.
        settings: What the team decided.
        prices: What things cost; None where that is not asked.
    """

    rules: tuple[Rule, ...]
    frameworks: tuple[Framework, ...]
    settings: GateSettings
    prices: Prices | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of it.

    Args:
        subject: What was judged.
        day: The day that counted for exceptions.
        lane: Where the change goes.
        counts: How often each outcome was given.
        rows: What failed, what is undecided, why a person is needed.
        reasons: Why a person is needed.
        exceptions: What became of each exception.
        unjudged: Types that no rule speaks about or reads, with the number of their resources.
        standings: How the controls of all frameworks stand.
        judgements: Every answer of every rule.
        estimate: What the stack costs a month at least.
    """

    subject: Subject
    day: date
    lane: Lane
    counts: Mapping[str, int]
    rows: tuple[Row, ...]
    reasons: tuple[Reason, ...]
    exceptions: tuple[ExceptionUse, ...]
    unjudged: Mapping[str, int]
    standings: tuple[ControlStanding, ...]
    judgements: tuple[Judgement, ...] = field(repr=False)
    estimate: Estimate | None = None


def assess(subject: Subject, rulebook: Rulebook, base: Base, today: date) -> Verdict:
    """Judges a stack.

    Args:
        subject: What is judged.
        rulebook: What it is judged by.
        base: What was agreed on before.
        today: The day that counts for exceptions.
    """
    settings = rulebook.settings
    exceptions = Exceptions(settings.exceptions, subject.stack, today)
    active = [rule for rule in rulebook.rules if settings.level(rule.id) is not Level.DISABLED]
    judgements = tuple(judge(active, subject.resources, subject.intent))
    writer = Writer(
        resources=subject.resources,
        rules=rulebook.rules,
        frameworks=rulebook.frameworks,
        settings=settings,
        secret_texts=subject.secret_texts,
    )
    rows: list[Row] = []
    in_force: dict[tuple[str, str, str], PolicyException] = {}
    excepted: set[int] = set()
    for position, judgement in enumerate(judgements):
        kept, allowed = _without_exceptions(judgement, exceptions)
        in_force.update({item.key: item for item in allowed})
        if allowed and kept.outcome is not Outcome.FAIL:
            excepted.add(position)
        rows += writer.rows(kept)
    uses = exceptions.uses()
    rows += exception_rows(uses, settings)
    cost = None if rulebook.prices is None else _estimate(subject, rulebook.prices, writer)
    why = reasons(
        Facts(
            settings=settings,
            intent=subject.intent,
            resources=subject.resources,
            rule_ids=tuple(rule.id for rule in rulebook.rules),
            exceptions_in_force=tuple(in_force.values()),
            insisting=tuple(_insisting(active, judgements)) if subject.moment is Moment.PREVIEW else (),
            plan=subject.plan,
            estimate=cost,
            base=base,
        )
    )
    rows += [writer.reason_row(item) for item in why]
    return Verdict(
        subject=subject,
        day=today,
        lane=lane(fails=any(row.outcome == Outcome.FAIL.value for row in rows), why=why),
        counts=_counts(judgements, excepted),
        rows=tuple(rows),
        reasons=why,
        exceptions=uses,
        unjudged=unjudged_types(rulebook.rules, subject.resources),
        standings=standings(rulebook.frameworks, _outcomes_by_rule(judgements)),
        judgements=judgements,
        estimate=cost,
    )


def _estimate(subject: Subject, prices: Prices, writer: Writer) -> Estimate:
    found = estimate(Stack(resources=subject.resources), prices, subject.region)
    return replace(found, items=tuple(replace(item, what=writer.text(item.what)) for item in found.items))


def _without_exceptions(
    judgement: Judgement, exceptions: Exceptions
) -> tuple[Judgement, tuple[PolicyException, ...]]:
    """The judgement without the findings that an exception allows, and those exceptions."""
    kept: list[Finding] = []
    allowed: list[PolicyException] = []
    for finding in judgement.findings:
        urn = finding.urn or judgement.urn or ""
        found = exceptions.accept(Breach(rule_id=judgement.rule_id, urn=urn))
        if found is None:
            kept.append(finding)
        else:
            allowed.append(found)
    if not allowed:
        return judgement, ()
    outcome = Outcome.FAIL if kept else Outcome.UNDECIDED if judgement.undecided else Outcome.PASS
    return replace(judgement, findings=tuple(kept), outcome=outcome), tuple(allowed)


def _counts(judgements: tuple[Judgement, ...], excepted: set[int]) -> dict[str, int]:
    counts = {"pass": 0, "fail": 0, "undecided": 0, "not_applicable": 0}
    for position, judgement in enumerate(judgements):
        if position not in excepted:
            counts[judgement.outcome.value.replace(" ", "_")] += 1
    return counts


def _outcomes_by_rule(judgements: Iterable[Judgement]) -> dict[str, frozenset[Outcome]]:
    found: dict[str, set[Outcome]] = {}
    for judgement in judgements:
        found.setdefault(judgement.rule_id, set()).add(judgement.outcome)
    return {rule: frozenset(outcomes) for rule, outcomes in found.items()}


def _insisting(rules: Iterable[Rule], judgements: Iterable[Judgement]) -> Iterator[tuple[str, str, str]]:
    insisting = {rule.id for rule in rules if rule.decides_at_preview}
    for judgement in judgements:
        if judgement.rule_id in insisting and judgement.outcome is Outcome.UNDECIDED:
            for item in judgement.undecided:
                yield judgement.rule_id, item.urn or judgement.urn or "", item.path
