"""The batches of one table become its rows: each row counts once, is repeated or replaced, or is set aside.

What counts depends on the batches only and not on the order in which they came, nor on how often: batches are
taken in the order of their names, equal bytes once, and of the rows of one key the newest.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import duckdb

from headway_runtime.quality.batches import Batch, DamagedError, columns_of, reading
from headway_runtime.quality.conditions import (
    FAILED,
    KEY_CHECK,
    ROW,
    Condition,
    conditions,
    failed_names,
    typed,
    validate,
)
from headway_runtime.quality.contract import DataContract
from headway_runtime.quality.database import listed, one, quoted, run
from headway_runtime.quality.measure import EXAMPLES, examples
from headway_runtime.quality.outcome import ACCEPTED, DAMAGED, REFUSED, REPEAT, BatchOutcome, Check

BATCH = "headway_batch"
_STAGED, _RANKED = "headway_staged", "headway_ranked"
RESERVED = (ROW, FAILED, BATCH)


@dataclass(frozen=True)
class Taken:
    """What the batches of a table have become.

    Attributes:
        outcomes: What came of each batch, in the order of their names.
        failing: Checks on rows that some fail.
        rows: Rows that count.
        present: Rows that count with a value, by column of the contract.
        newest: Time of the newest row that counts.
    """

    outcomes: Sequence[BatchOutcome]
    failing: Sequence[Check]
    rows: int
    present: Mapping[str, int]
    newest: datetime | None


class Intake:
    """Takes the batches of one table.

    Args:
        connection: Where rows are staged; with a temporary directory, more than fits into memory.
        contract: What the table must be like.
        types: SQL type by column, those that the contract does not name too.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, contract: DataContract, types: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._contract = contract
        self._types = types
        validate(connection, contract, types)
        self._conditions = {item.name: item for item in (*conditions(contract, types), _one_a_key(contract))}
        self._failing: Counter[str] = Counter()
        self._examples: dict[str, list[dict[str, Any]]] = {}
        columns = ", ".join(f"{quoted(name)} {kind}" for name, kind in types.items())
        own = f"{BATCH} INTEGER, {ROW} BIGINT, {FAILED} VARCHAR[]"
        run(connection, f"CREATE OR REPLACE TABLE {_STAGED} ({own}, {columns})")

    def take(self, batches: Sequence[Batch]) -> Taken:
        """Takes batches, given in the order of their names.

        Raises:
            JobError: The job has too little memory or disk.
        """
        outcomes: list[BatchOutcome] = []
        seen: dict[str, str] = {}
        for number, batch in enumerate(batches):
            if batch.digest and batch.digest in seen:
                why = f"the same bytes came as {seen[batch.digest]}"
                outcomes.append(BatchOutcome(name=batch.name, digest=batch.digest, state=REPEAT, why=why))
                continue
            outcome = self._stage(number, batch)
            if outcome.state != DAMAGED:
                seen[batch.digest] = batch.name
            outcomes.append(outcome)
        self._rank()
        counted = [self._counted(number, outcome) for number, outcome in enumerate(outcomes)]
        rows, present, newest = self._summed()
        return Taken(self._with_late(counted), self._checks(), rows, present, newest)

    @property
    def result(self) -> str:
        """A query for the rows that count, with no column but their own."""
        columns = ", ".join(f"staged.{quoted(name)}" for name in self._types)
        return (
            f"SELECT {columns} FROM {_STAGED} AS staged JOIN {_RANKED} USING ({BATCH}, {ROW}) WHERE place = 1"  # noqa: S608
        )

    @property
    def order(self) -> str:
        """An order of the rows that depends on nothing but the rows, where they have a key."""
        key = [f"staged.{quoted(name)}" for name in self._contract.key]
        return ", ".join(key) if key else f"{BATCH}, {ROW}"

    def failed_rows(self, number: int, batch: Batch) -> str:
        """A query for the rows of a batch that were set aside, as they arrived, with what they fail."""
        staged = f"SELECT {ROW}, {FAILED} FROM {_STAGED} WHERE {BATCH} = {number} AND len({FAILED}) > 0"  # noqa: S608
        arrived = f"SELECT row_number() OVER () AS {ROW}, * FROM {batch.source}"  # noqa: S608
        return f"SELECT * FROM ({arrived}) JOIN ({staged}) USING ({ROW}) ORDER BY {ROW}"  # noqa: S608

    def _stage(self, number: int, batch: Batch) -> BatchOutcome:
        known = BatchOutcome(name=batch.name, digest=batch.digest, state=ACCEPTED)
        try:
            with reading():
                found = columns_of(self._connection, batch.source)
                if problem := self._schema_problem(found):
                    rows = self._number(f"SELECT count(*) FROM {batch.source}")  # noqa: S608
                    return replace(known, state=REFUSED, why=problem, rows=rows, failed=rows)
                self._insert(number, batch)
        except DamagedError as error:
            return replace(known, state=DAMAGED, why=str(error))
        if self._contract.key:
            self._mark_doubles(number)
        return self._held_to_rate(number, batch, known)

    def _schema_problem(self, found: Mapping[str, str]) -> str:
        missing = [name for name in self._types if name not in found]
        unknown = [name for name in found if name not in self._types]
        said = [
            f"it {words} {', '.join(names)}"
            for words, names in (("lacks", missing), ("has unknown columns", unknown))
            if names
        ]
        return f"{' and '.join(said)}; the table has {', '.join(self._types)}" if said else ""

    def _insert(self, number: int, batch: Batch) -> None:
        rows = typed(batch.source, self._types)
        names = failed_names([item for item in self._conditions.values() if item.name != KEY_CHECK])
        columns = f"{number}, {ROW}, {names}, {listed(list(self._types))}"
        run(self._connection, f"INSERT INTO {_STAGED} SELECT {columns} FROM ({rows})")  # noqa: S608

    def _mark_doubles(self, number: int) -> None:
        """Of the rows of one key in one batch only the newest counts; which the others meant nobody knows."""
        window = f"PARTITION BY {listed(self._contract.key)} ORDER BY {self._newest()} {ROW} DESC"
        doubles = (
            f"SELECT {ROW} FROM {_STAGED} WHERE {BATCH} = {number} AND len({FAILED}) = 0 "  # noqa: S608
            f"QUALIFY row_number() OVER ({window}) > 1"
        )
        update = f"UPDATE {_STAGED} SET {FAILED} = ['{KEY_CHECK}']"  # noqa: S608
        run(self._connection, f"{update} WHERE {BATCH} = {number} AND {ROW} IN ({doubles})")

    def _newest(self) -> str:
        newest = self._contract.newest_by
        return "" if newest is None else f"{quoted(newest)} DESC NULLS LAST,"

    def _held_to_rate(self, number: int, batch: Batch, known: BatchOutcome) -> BatchOutcome:
        where = f"FROM {_STAGED} WHERE {BATCH} = {number}"
        rows = self._number(f"SELECT count(*) {where}")
        failed = self._number(f"SELECT count(*) {where} AND len({FAILED}) > 0")
        if failed:
            self._remember(number, batch)
        rate = 1 - failed / rows if rows else 1.0
        if rate >= self._contract.minimum_pass_rate:
            return replace(known, rows=rows, failed=failed)
        run(self._connection, f"DELETE {where}")
        least = f"at least {self._contract.minimum_pass_rate:g} must"
        return replace(
            known, state=REFUSED, why=f"{rate:.6g} of its rows pass, {least}", rows=rows, failed=rows
        )

    def _remember(self, number: int, batch: Batch) -> None:
        """Counts what rows of a batch fail, and keeps some of them to show."""
        counted = run(
            self._connection,
            f"SELECT name, count(*), list({ROW} ORDER BY {ROW})[1:{EXAMPLES}] FROM (SELECT {ROW}, "  # noqa: S608
            f"unnest({FAILED}) AS name FROM {_STAGED} WHERE {BATCH} = {number}) GROUP BY name ORDER BY name",
        )
        for name, count, rows in counted:
            self._failing[name] += count
            shown = self._examples.setdefault(name, [])
            if len(shown) < EXAMPLES:
                columns = self._looked_at(self._conditions[name])
                found = examples(self._connection, batch.source, columns, self._contract.personal, rows)
                shown += [{"batch": batch.name} | item for item in found][: EXAMPLES - len(shown)]

    def _looked_at(self, condition: Condition) -> list[str]:
        """The key, and the columns that a condition is about."""
        words = set(re.findall(r"\w+", condition.fails))
        about = [condition.column] if condition.column is not None else words.intersection(self._types)
        return [*self._contract.key, *sorted(set(about) - set(self._contract.key))]

    def _rank(self) -> None:
        """Of the rows of one key in several batches the newest counts."""
        content = f"hash(({listed(list(self._types))},))"
        window = (
            f"(PARTITION BY {listed(self._contract.key)} ORDER BY {self._newest()} {BATCH} DESC, {ROW} DESC)"
        )
        place, same = (
            (f"row_number() OVER {window}", f"{content} = first_value({content}) OVER {window}")
            if self._contract.key
            else ("1", "TRUE")
        )
        run(
            self._connection,
            f"CREATE OR REPLACE TABLE {_RANKED} AS SELECT {BATCH}, {ROW}, {place} AS place, {same} AS same "  # noqa: S608
            f"FROM {_STAGED} WHERE len({FAILED}) = 0",
        )

    def _counted(self, number: int, outcome: BatchOutcome) -> BatchOutcome:
        if outcome.state != ACCEPTED:
            return outcome
        accepted, repeated, replaced = one(
            self._connection,
            "SELECT count(*) FILTER (place = 1), count(*) FILTER (place > 1 AND same), "  # noqa: S608
            f"count(*) FILTER (place > 1 AND NOT same) FROM {_RANKED} WHERE {BATCH} = {number}",
        )
        return replace(outcome, accepted=accepted, repeated=repeated, replaced=replaced)

    def _with_late(self, outcomes: Sequence[BatchOutcome]) -> list[BatchOutcome]:
        if self._contract.time is None:
            return list(outcomes)
        time = f"epoch_us(CAST({quoted(self._contract.time)} AS TIMESTAMPTZ))"
        kept = f"FROM {_STAGED} WHERE len({FAILED}) = 0 AND {BATCH}"
        newest: int | None = None
        found = []
        for number, outcome in enumerate(outcomes):
            before = self._number(f"SELECT count(*) {kept} = {number} AND {time} < ?", newest)
            (latest,) = one(self._connection, f"SELECT max({time}) {kept} = {number}")
            moment = None if latest is None else datetime.fromtimestamp(latest / 1e6, UTC).isoformat()
            found.append(replace(outcome, late=0 if newest is None else before, newest=moment))
            newest = max((moment for moment in (newest, latest) if moment is not None), default=None)
        return found

    def _summed(self) -> tuple[int, dict[str, int], datetime | None]:
        columns = [column.name for column in self._contract.columns]
        time = self._contract.time
        newest = "NULL" if time is None else f"epoch_us(max(CAST({quoted(time)} AS TIMESTAMPTZ)))"
        counts = "".join(f", count({quoted(name)})" for name in columns)
        row = one(self._connection, f"SELECT count(*), {newest}{counts} FROM ({self.result})")  # noqa: S608
        moment = None if row[1] is None else datetime.fromtimestamp(row[1] / 1e6, UTC)
        return row[0], dict(zip(columns, row[2:], strict=True)), moment

    def _checks(self) -> list[Check]:
        return [
            Check(
                name=name,
                value=f"{count} rows fail",
                allowed=self._conditions[name].allowed,
                # Whether so many rows may fail is what the pass rate says.
                passed=True,
                fix=self._conditions[name].fix,
                failing_rows=count,
                examples=self._examples.get(name, ()),
            )
            for name, count in self._failing.most_common()
        ]

    def _number(self, query: str, *parameters: object) -> int:
        (number,) = one(self._connection, query, parameters)
        return int(number)


def _one_a_key(contract: DataContract) -> Condition:
    key = ", ".join(contract.key)
    return Condition(
        KEY_CHECK, None, listed(contract.key), f"one row for each {key}", "deliver each row once in a batch"
    )
