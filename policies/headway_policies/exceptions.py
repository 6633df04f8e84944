"""Exceptions from rules, as data that a team owns. Pure.

An exception says which rule may be broken by which resource, why, who answers for it, where that was agreed,
until when, and what protects instead. It is counted apart from what passes. Past its day it is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Final

from headway_policies.toml_tables import Table, parse_table

FIELDS: Final = ("rule", "resource", "reason", "owner", "ticket", "compensating_control")


@dataclass(frozen=True, kw_only=True)
class PolicyException:
    """One exception.

    Args:
        rule: The rule's id.
        resource: The resource's URN, or its name in the program; nothing else, and no pattern.
        reason: Why the rule is broken.
        owner: Who answers for it.
        ticket: Where it was agreed.
        compensating_control: What protects instead.
        expires: The last day on which it holds.
        stack: The only stack for which it holds; empty for all.
    """

    rule: str
    resource: str
    reason: str
    owner: str
    ticket: str
    compensating_control: str
    expires: date
    stack: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes it the same exception when its text changes."""
        return (self.rule, self.resource, self.stack)

    def covers(self, rule_id: str, urn: str, stack: str) -> bool:
        """Whether it speaks of a rule and a resource."""
        named = self.resource in {urn, urn.rsplit("::", 1)[-1]}
        return self.rule == rule_id and named and self.stack in {"", stack}


class ExceptionStatus(Enum):
    """What became of an exception."""

    USED = "used"
    EXPIRED = "expired"
    UNMATCHED = "unmatched"


@dataclass(frozen=True, kw_only=True)
class ExceptionUse:
    """An exception and what became of it.

    Args:
        exception: The exception.
        status: Used, expired, or unmatched: nothing breaks the rule there any more.
        breaches: How many breaches it covers, or would cover.
    """

    exception: PolicyException
    status: ExceptionStatus
    breaches: int


@dataclass(frozen=True, kw_only=True)
class Breach:
    """A rule that a resource breaks.

    Args:
        rule_id: The rule.
        urn: The resource; empty where a rule speaks of the stack as a whole.
    """

    rule_id: str
    urn: str


class Exceptions:
    """The exceptions of a stack on one day.

    Args:
        entries: All exceptions.
        stack: The stack that is judged.
        today: The day that counts.
    """

    def __init__(self, entries: Iterable[PolicyException], stack: str, today: date) -> None:
        self._entries = tuple(item for item in entries if item.stack in {"", stack})
        self._stack = stack
        self._today = today
        self._breaches: dict[tuple[str, str, str], int] = {}

    def accept(self, breach: Breach) -> PolicyException | None:
        """The exception that covers a breach today, None where there is none; remembers what it was asked."""
        covering = [item for item in self._entries if item.covers(breach.rule_id, breach.urn, self._stack)]
        for item in covering:
            self._breaches[item.key] = self._breaches.get(item.key, 0) + 1
        return next((item for item in covering if item.expires >= self._today), None)

    def uses(self) -> tuple[ExceptionUse, ...]:
        """What became of each exception, once all breaches were asked for."""
        return tuple(
            ExceptionUse(exception=item, status=self._status(item), breaches=self._breaches.get(item.key, 0))
            for item in self._entries
        )

    def _status(self, item: PolicyException) -> ExceptionStatus:
        if item.key not in self._breaches:
            return ExceptionStatus.UNMATCHED
        return ExceptionStatus.USED if item.expires >= self._today else ExceptionStatus.EXPIRED


def changed_since(
    now: Iterable[PolicyException], base: Iterable[PolicyException]
) -> tuple[tuple[PolicyException, str], ...]:
    """The exceptions that are new or reach further than before, each with what changed.

    Args:
        now: The exceptions of today.
        base: Those that were agreed on before.
    """
    before = {item.key: item for item in base}
    found: list[tuple[PolicyException, str]] = []
    for item in now:
        old = before.get(item.key)
        if old is None:
            found.append((item, "new"))
        elif item.expires > old.expires:
            found.append((item, f"extended from {old.expires} to {item.expires}"))
    return tuple(found)


def parse_exceptions(text: str, where: str) -> tuple[PolicyException, ...]:
    """Reads exceptions from TOML: `[[exception]]` tables.

    Raises:
        DataFileError: One lacks a reason, an owner, a ticket, a compensating control or its last day.
    """
    table = parse_table(text, where)
    table.only("exception")
    found = tuple(_entry(item) for item in table.tables("exception"))
    keys = [item.key for item in found]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        table.problems.append(f"{where}: two exceptions for {key[0]} of {key[1]}; keep one")
    table.require_none_wrong()
    return found


def _entry(table: Table) -> PolicyException:
    table.only(*FIELDS, "expires", "stack")
    expires = table.values.get("expires")
    if not isinstance(expires, date) or isinstance(expires, datetime):
        table.wrong("expires", "a day, for example 2026-12-31, without quotes")
        expires = date.min
    texts = {name: table.text(name) for name in FIELDS}
    return PolicyException(expires=expires, stack=table.optional_text("stack"), **texts)
