"""Which way a change goes: by itself, to a person and why, or nowhere. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from headway_policies.costs import Estimate
from headway_policies.exceptions import PolicyException, changed_since
from headway_policies.golden_path import Used, images, is_approved_image, libraries
from headway_policies.intent import Intent
from headway_policies.plan import Plan, lost
from headway_policies.resource import Resource
from headway_policies.settings import GateSettings, Level


class Lane(Enum):
    """Where a change goes."""

    AUTO = "auto"
    MANUAL = "manual"
    REFUSED = "refused"


class Why(Enum):
    """Why a change goes to a person. Each has its text in `EXPLANATIONS`."""

    IMAGE = "image"
    LIBRARY = "library"
    EXCEPTION = "exception"
    CLASSIFICATION = "classification"
    DELETION = "deletion"
    RULE_OFF = "rule-off"
    UNDECIDED = "undecided"
    COST = "cost"


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What a reason means.

    Args:
        title: What made a person necessary.
        why: Why that is.
        fix: How the change gets back on the golden path.
    """

    title: str
    why: str
    fix: str


EXPLANATIONS: Final = {
    Why.IMAGE: Explanation(
        title="An image is not on the approved list",
        why="An image is all the code that sees the data. The list says which were looked at.",
        fix="Use an approved image by its digest, or have it added to `images` in policies/gate.toml.",
    ),
    Why.LIBRARY: Explanation(
        title="A library is not on the approved list",
        why="A library runs with the rights of the job that imports it, and its licence binds the team.",
        fix="Do without it, or have it added to `libraries` in policies/gate.toml.",
    ),
    Why.EXCEPTION: Explanation(
        title="An exception is new or reaches further",
        why="An exception is a rule that does not hold; somebody else than its author agrees to it.",
        fix="Keep the rule, or have the exception reviewed; on the base branch it is not new any more.",
    ),
    Why.CLASSIFICATION: Explanation(
        title="The data is more sensitive than before",
        why="A higher class of data asks for stricter rules and for people who know about it.",
        fix="Have the new class confirmed by the owner of the data.",
    ),
    Why.DELETION: Explanation(
        title="A resource that holds data is deleted or replaced",
        why="What is deleted with data cannot be rolled back.",
        fix="Keep the resource (`protect`, `retain_on_delete`), or have the deletion confirmed.",
    ),
    Why.RULE_OFF: Explanation(
        title="A rule is turned off or only advises",
        why="A gate that is switched off passes everything; that is decided in the open.",
        fix="Make the rule mandatory again, or ask for an exception for one resource.",
    ),
    Why.UNDECIDED: Explanation(
        title="A rule that insists could not decide at preview",
        why="Some rules are of no use after the fact: the plan has to show that they hold.",
        fix="Give the value plainly, so that it is known before the update.",
    ),
    Why.COST: Explanation(
        title="The monthly estimate is above its ceiling, or part of it is unknown",
        why="What runs all the time is paid all the time; somebody who owns the budget agrees to more.",
        fix="Choose smaller or fewer instances, or have `monthly_ceiling_usd` in policies/gate.toml raised.",
    ),
}
"""What each reason means; `headway explain lane` prints it."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a change goes to a person.

    Args:
        why: The kind of reason.
        text: What exactly, in one sentence without a full stop.
        urn: The resource; empty where it is the stack.
        path: The property; empty where there is none.
    """

    why: Why
    text: str
    urn: str = ""
    path: str = ""


@dataclass(frozen=True, kw_only=True)
class Base:
    """What was agreed on before, to compare with.

    Args:
        exceptions: The exceptions of then; None where nobody knows.
        intent: The intent of then; None where nobody knows.
        name: How a person calls it, for example `origin/main`.
    """

    exceptions: tuple[PolicyException, ...] | None = None
    intent: Intent | None = None
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the choice of a lane looks at, beside the rules' own answers.

    Args:
        settings: What the team decided.
        intent: What the stack is meant to be.
        resources: Its resources.
        rule_ids: The ids of all rules.
        exceptions_in_force: The exceptions that cover a breach today.
        insisting: The rules that insist and could not decide, each with resource and property.
        plan: What an update would do; None where nobody planned.
        estimate: What it costs a month; None where there are no prices.
        base: What was agreed on before.
    """

    settings: GateSettings
    intent: Intent
    resources: tuple[Resource, ...]
    rule_ids: tuple[str, ...]
    exceptions_in_force: tuple[PolicyException, ...]
    insisting: tuple[tuple[str, str, str], ...]
    plan: Plan | None
    estimate: Estimate | None
    base: Base


def reasons(facts: Facts) -> tuple[Reason, ...]:
    """Every reason why a person has to look at a change; empty on the golden path."""
    return (
        *_images(facts),
        *_libraries(facts),
        *_exceptions(facts),
        *_classification(facts),
        *_deletions(facts),
        *_rules_off(facts),
        *_insisting(facts),
        *_cost(facts),
    )


def lane(*, fails: bool, why: Iterable[Reason]) -> Lane:
    """The lane: refused where anything fails, manual where there is a reason, else auto."""
    if fails:
        return Lane.REFUSED
    return Lane.MANUAL if any(True for _ in why) else Lane.AUTO


def _images(facts: Facts) -> Iterator[Reason]:
    for used in _once(images(facts.resources)):
        if used.name is None:
            text = "the image is not known before the update, so nobody can tell whether it is approved"
            yield Reason(why=Why.IMAGE, text=text, urn=used.urn, path=used.path)
        elif not is_approved_image(used.name, facts.settings.images):
            text = f"the image {used.name} is not on the approved list"
            yield Reason(why=Why.IMAGE, text=text, urn=used.urn, path=used.path)


def _libraries(facts: Facts) -> Iterator[Reason]:
    approved = {name.lower() for name in facts.settings.libraries}
    for used in _once(libraries(facts.resources)):
        if used.name is not None and used.name.lower() not in approved:
            text = f"{used.path} uses the library {used.name}, which is not on the approved list"
            yield Reason(why=Why.LIBRARY, text=text, urn=used.urn, path=used.path)


def _once(used: Iterable[Used]) -> Iterator[Used]:
    # A pipeline names its image in every step: one reason a resource is enough.
    seen: set[tuple[str, str | None]] = set()
    for item in used:
        if (item.urn, item.name) not in seen:
            seen.add((item.urn, item.name))
            yield item


def _exceptions(facts: Facts) -> Iterator[Reason]:
    base = facts.base.exceptions
    if base is None:
        for item in facts.exceptions_in_force:
            what = f"the exception for {item.rule} of {item.resource}"
            text = f"{what} is in use, and without a base nobody can tell whether it is new; pass --base"
            yield Reason(why=Why.EXCEPTION, text=text)
        return
    for item, what in changed_since(facts.settings.exceptions, base):
        text = f"the exception for {item.rule} of {item.resource} is {what} ({item.owner}, {item.ticket})"
        yield Reason(why=Why.EXCEPTION, text=text)


def _classification(facts: Facts) -> Iterator[Reason]:
    before = facts.base.intent
    if before is None or before.data_classification is None or facts.intent.data_classification is None:
        return
    old, new = before.data_classification, facts.intent.data_classification
    if new > old:
        yield Reason(why=Why.CLASSIFICATION, text=f"the data's class rises from {old.word} to {new.word}")


def _deletions(facts: Facts) -> Iterator[Reason]:
    for item in () if facts.plan is None else lost(facts.plan, facts.settings.stateful):
        kind, name = item.type.rsplit(":", 1)[-1], item.urn.rsplit("::", 1)[-1]
        text = f"{kind} {name} holds data and is {item.operation.value}d"
        yield Reason(why=Why.DELETION, text=text, urn=item.urn)


def _rules_off(facts: Facts) -> Iterator[Reason]:
    for rule_id in facts.rule_ids:
        level = facts.settings.level(rule_id)
        if level is Level.DISABLED:
            yield Reason(why=Why.RULE_OFF, text=f"{rule_id} is turned off")
        elif level is Level.ADVISORY:
            yield Reason(why=Why.RULE_OFF, text=f"{rule_id} only advises")


def _insisting(facts: Facts) -> Iterator[Reason]:
    for rule_id, urn, path in facts.insisting:
        text = f"{rule_id} has to decide before the update and {path} is not known"
        yield Reason(why=Why.UNDECIDED, text=text, urn=urn, path=path)


def _cost(facts: Facts) -> Iterator[Reason]:
    ceiling = facts.settings.ceilings_usd.get(facts.intent.environment or "")
    if ceiling is None or facts.estimate is None:
        return
    total = facts.estimate.usd_per_month
    if total > ceiling:
        text = f"the estimate is {total:.2f} USD a month, above the ceiling of {ceiling:.2f}"
        yield Reason(why=Why.COST, text=text)
    for item in facts.estimate.unknown:
        text = f"the price of {item.what} is not known, so the ceiling of {ceiling:.2f} USD cannot be checked"
        yield Reason(why=Why.COST, text=text, urn=item.urn)
