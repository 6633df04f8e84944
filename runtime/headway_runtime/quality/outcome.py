"""What came of a table and of all tables: plain values, and the decision whether anything is made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from headway_runtime.quality.contract import DataContract

ACCEPTED, REPEAT, REFUSED, DAMAGED = "accepted", "repeat", "refused", "damaged"
VERSION = 1
_SHOWN_CHECKS = 3


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check on a table.

    Attributes:
        name: Name of the check.
        value: What was found, in words or as a number.
        allowed: What is allowed, in words.
        passed: Whether it is allowed.
        fix: What to do where it is not.
        failing_rows: Rows that fail it; 0 for a check on the table as a whole.
        examples: Some of these rows, by batch and number, with personal data masked.
    """

    name: str
    value: float | str
    allowed: str
    passed: bool
    fix: str
    failing_rows: int = 0
    examples: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class BatchOutcome:
    """What came of one batch; its rows are accepted, repeated, replaced or failed, each exactly once.

    Attributes:
        name: Name of the batch.
        digest: SHA-256 of its bytes; empty for rows that came as no file.
        state: `accepted`, `repeat` (the same bytes came before), `refused` or `damaged`.
        why: Why it is not accepted; empty where it is.
        rows: Rows in it; 0 where it cannot be read.
        accepted: Rows that count.
        repeated: Rows that are equal to one of another batch, which counts in their place.
        replaced: Rows of whose key another batch has a newer one.
        failed: Rows that were set aside.
        late: Accepted, repeated or replaced rows that are older than the newest one of the batches before.
        newest: ISO time of its newest row that was not set aside; None where rows have no time.
    """

    name: str
    digest: str
    state: str
    why: str = ""
    rows: int = 0
    accepted: int = 0
    repeated: int = 0
    replaced: int = 0
    failed: int = 0
    late: int = 0
    newest: str | None = None


@dataclass(frozen=True, kw_only=True)
class TableOutcome:
    """What came of a table.

    Attributes:
        table: Name of the table.
        rows: Rows that count.
        checks: The checks; first those that it does not pass.
        batches: What came of its batches, in the order of their names.
        newest: ISO time of the newest row that counts; None where rows have no time.
    """

    table: str
    rows: int
    checks: Sequence[Check]
    batches: Sequence[BatchOutcome] = ()
    newest: str | None = None

    @property
    def passed(self) -> bool:
        """Whether something may be made of the table."""
        return all(check.passed for check in self.checks)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of a table once its batches were looked at.

    Attributes:
        accepted: Rows that count.
        failed: Rows that were set aside.
        bad_batches: Names of the batches that were set aside whole.
        present: Rows with a value among those that count, by column.
        newest: Time of the newest row that counts.
        shifts: Population stability index against the last good version, with the least that it is, by
            column; empty where there is no such version.
        failing: Checks on rows that some fail.
    """

    accepted: int
    failed: int = 0
    bad_batches: Sequence[str] = ()
    present: Mapping[str, int] = field(default_factory=dict)
    newest: datetime | None = None
    shifts: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    failing: Sequence[Check] = ()


def judge(contract: DataContract, facts: Facts, as_of: datetime) -> list[Check]:
    """Every check on a table, those that it does not pass first.

    Args:
        contract: What the table must be like.
        facts: What is known of it.
        as_of: The moment that its age is taken at, with a time zone.
    """
    checks = [*_volume(contract, facts), *_freshness(contract, facts, as_of)]
    checks += _completeness(contract, facts)
    checks += _shift(contract, facts)
    return sorted([*checks, *facts.failing], key=lambda check: (check.passed, -check.failing_rows))


def _volume(contract: DataContract, facts: Facts) -> list[Check]:
    rows = facts.accepted + facts.failed
    rate = facts.accepted / rows if rows else 1.0
    most = contract.maximum_rows
    bad = facts.bad_batches
    return [
        Check(
            name="pass rate",
            value=rate,
            allowed=f"at least {contract.minimum_pass_rate:g}",
            passed=rate >= contract.minimum_pass_rate,
            fix="correct the rows that the checks below name and deliver them again",
        ),
        Check(
            name="rows",
            value=facts.accepted,
            allowed=f"from {contract.minimum_rows}" + ("" if most is None else f" to {most}"),
            passed=facts.accepted >= contract.minimum_rows and (most is None or facts.accepted <= most),
            fix="find out what was delivered too little or too often",
        ),
        Check(
            name="bad batches",
            value=f"{len(bad)}{': ' if bad else ''}{', '.join(bad[:_SHOWN_CHECKS])}",
            allowed=f"at most {contract.maximum_bad_batches}",
            passed=len(bad) <= contract.maximum_bad_batches,
            fix="deliver them again, whole and corrected, under new names",
        ),
    ]


def _freshness(contract: DataContract, facts: Facts, as_of: datetime) -> list[Check]:
    if contract.maximum_age_h is None:
        return []
    age_h = None if facts.newest is None else (as_of - facts.newest).total_seconds() / 3_600
    return [
        Check(
            name="freshness",
            value=_age(age_h, as_of),
            allowed=f"at most {contract.maximum_age_h:g} h",
            passed=age_h is not None and age_h <= contract.maximum_age_h,
            fix="find out why nothing newer was delivered",
        )
    ]


def _age(age_h: float | None, as_of: datetime) -> str:
    if age_h is None:
        return "no row"
    moment = f"{as_of:%Y-%m-%d %H:%M} UTC"
    return f"newer than {moment}" if age_h < 0 else f"{age_h:.1f} h old at {moment}"


def _completeness(contract: DataContract, facts: Facts) -> list[Check]:
    found = []
    for column in contract.columns:
        if column.minimum_completeness is None:
            continue
        share = facts.present.get(column.name, 0) / facts.accepted if facts.accepted else 1.0
        found.append(
            Check(
                name=f"{column.name}: completeness",
                value=share,
                allowed=f"at least {column.minimum_completeness:g}",
                passed=share >= column.minimum_completeness,
                fix="find out why values are missing",
            )
        )
    return found


def _shift(contract: DataContract, facts: Facts) -> list[Check]:
    found = []
    for column in contract.columns:
        if column.maximum_shift is None or column.name not in facts.shifts:
            continue
        value, at_least = facts.shifts[column.name]
        found.append(
            Check(
                name=f"{column.name}: shift against the last good version",
                value=value,
                allowed=f"a stability index of at most {column.maximum_shift:g}",
                # Few rows differ by chance; what counts is what it is at least.
                passed=at_least <= column.maximum_shift,
                fix="find out whether the source or the world has changed; if the world, raise maximum_shift",
            )
        )
    return found


def sentence(outcomes: Sequence[TableOutcome]) -> str:
    """One sentence on all tables, for people: what was found, or what stops and what to do."""
    refused = [outcome for outcome in outcomes if not outcome.passed]
    if refused:
        return "; ".join(map(_refusal, refused))
    return "; ".join(
        f"{outcome.table}: {outcome.rows} rows pass"
        + (f", {failed} were set aside" if (failed := sum(batch.failed for batch in outcome.batches)) else "")
        for outcome in outcomes
    )


def _refusal(outcome: TableOutcome) -> str:
    failing = [check for check in outcome.checks if not check.passed]
    stops = ", ".join(
        f"{check.name} is {_number(check.value)}, allowed is {check.allowed} ({check.fix})"
        for check in failing[:_SHOWN_CHECKS]
    )
    more = f" and {len(failing) - _SHOWN_CHECKS} more checks" if len(failing) > _SHOWN_CHECKS else ""
    rows = [check for check in outcome.checks if check.failing_rows][:_SHOWN_CHECKS]
    said = "".join(
        f"; {check.name}: {check.failing_rows} rows fail, allowed is {check.allowed} ({check.fix})"
        for check in rows
    )
    why = "".join(
        f"; batch {batch.name}: {batch.why}"
        for batch in [batch for batch in outcome.batches if batch.state in (REFUSED, DAMAGED)][:_SHOWN_CHECKS]
    )
    return f"data contract of {outcome.table}: {stops}{more}{said}{why}"


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def document(outcomes: Sequence[TableOutcome], *, set_aside: bool) -> dict[str, Any]:
    """What came of all tables as JSON values.

    Args:
        outcomes: What came of each.
        set_aside: Whether something was set aside that has to be kept.
    """
    return {
        "version": VERSION,
        "passed": all(outcome.passed for outcome in outcomes),
        "set_aside": set_aside,
        "sentence": sentence(outcomes),
        "tables": [asdict(outcome) | {"passed": outcome.passed} for outcome in outcomes],
    }
