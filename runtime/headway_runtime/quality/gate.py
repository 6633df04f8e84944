"""The gate that tables pass on their way into a dataset: looked at, merged, written or set aside."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from headway_runtime.data.table import Table
from headway_runtime.monitor.profile import Profile
from headway_runtime.quality.batches import Batch, DamagedError, arrived, columns_of, open_batch
from headway_runtime.quality.conditions import column_types, conditions, validate
from headway_runtime.quality.contract import DataContract
from headway_runtime.quality.database import connect
from headway_runtime.quality.distribution import profiles, recalled, remembered, shifts
from headway_runtime.quality.intake import RESERVED, Intake, Taken
from headway_runtime.quality.measure import measure
from headway_runtime.quality.outcome import (
    ACCEPTED,
    DAMAGED,
    REFUSED,
    BatchOutcome,
    Check,
    Facts,
    TableOutcome,
    judge,
)
from headway_runtime.quality.writing import copy_rows, write_partitions

SOURCE = "(source)"
"""Name of the rows that come from the system's own code; it sorts before every file's."""
MARKER = "README.txt"
"""What the stack puts into the landing place, so that it is never empty."""
_ROWS = "headway_source"


@dataclass
class Gate:
    """Takes the tables of one dataset.

    Attributes:
        contracts: The contracts, by table.
        landing: The landing place; it need not exist.
        set_aside: Where what is set aside is written.
        good: Profiles of the last good version, by table.
        as_of: The moment that the age of rows is taken at, with a time zone.
        scratch: A directory for what does not fit into memory.
        outcomes: What came of the tables so far.
        profiles: Their profiles as JSON values, to be the last good version.
    """

    contracts: Mapping[str, DataContract]
    landing: Path
    set_aside: Path
    good: Mapping[str, Any]
    as_of: datetime
    scratch: Path
    outcomes: list[TableOutcome] = field(default_factory=list)
    profiles: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether a dataset may be made of the tables so far."""
        return all(outcome.passed for outcome in self.outcomes)

    def strays(self) -> list[str]:
        """Names of files that landed where no table has its place; each is set aside, so that it is seen."""
        tables = [name for name, contract in self.contracts.items() if contract.landing]
        found = []
        for path in sorted(self.landing.rglob("*")):
            name = path.relative_to(self.landing).as_posix()
            if path.is_file() and name != MARKER and name.partition("/")[0] not in tables:
                _copy(path, self.set_aside / "(no table)" / name)
                found.append(name)
        return found

    def admit(self, name: str, table: Table | None, directory: Path) -> Table | dict[str, Any] | None:
        """Takes one table, with what landed of it.

        Args:
            name: Name of the table.
            table: Its rows from the system's own code; None where there are none.
            directory: Directory of the dataset.

        Returns:
            The table itself where nothing had to be changed; the manifest's entry of the partitions that
            were written in its place; None where it is refused.

        Raises:
            JobError: A row check cannot be read, or the job has too little memory or disk.
        """
        contract = self.contracts[name]
        files = arrived(self.landing, name) if contract.landing else []
        with connect(self.scratch) as connection:
            if table is not None:
                connection.register(_ROWS, table.data)
                if not files and self._is_clean(connection, contract, table):
                    return table if self.outcomes[-1].passed else None
            return self._staged(connection, contract, table, files, directory)

    def _is_clean(self, connection: duckdb.DuckDBPyConnection, contract: DataContract, table: Table) -> bool:
        """Whether no row of a table fails anything; if so, its outcome is known after one scan."""
        found = columns_of(connection, _ROWS)
        types = column_types(contract, found)
        if set(types) != set(found):
            return False
        validate(connection, contract, types)
        measured = measure(connection, _ROWS, contract, types, conditions(contract, types))
        if measured.failing:
            return False
        facts = Facts(accepted=measured.rows, present=measured.present, newest=measured.newest)
        batch = BatchOutcome(
            name=SOURCE, digest="", state=ACCEPTED, rows=measured.rows, accepted=measured.rows
        )
        if not self._conclude(connection, contract, _ROWS, facts, batches=[batch]):
            _keep(table.data, self.set_aside / table.name / "table" / "rows.parquet")
        return True

    def _staged(
        self,
        connection: duckdb.DuckDBPyConnection,
        contract: DataContract,
        table: Table | None,
        files: Sequence[Path],
        directory: Path,
    ) -> dict[str, Any] | None:
        batches, unreadable = self._batches(table, files)
        types = self._types(connection, contract, batches)
        intake = Intake(connection, contract, types)
        taken = intake.take(batches)
        outcomes = sorted([*unreadable, *taken.outcomes], key=lambda outcome: outcome.name)
        facts = _facts(taken, outcomes)
        passed = self._conclude(
            connection, contract, f"({intake.result})", facts, batches=outcomes, failing=taken.failing
        )
        self._keep_bad(connection, contract, intake, batches, taken)
        for outcome in unreadable:
            _copy(self.landing / outcome.name, self.set_aside / contract.table / "batches" / outcome.name)
        time = contract.time if table is None else table.time_column
        if not passed and not taken.rows:
            return None
        target = directory if passed else self.set_aside / contract.table / "table"
        entry = write_partitions(connection, intake, contract.table, time, target)
        return entry if passed else None

    def _batches(self, table: Table | None, files: Sequence[Path]) -> tuple[list[Batch], list[BatchOutcome]]:
        batches = [] if table is None else [Batch(name=SOURCE, source=_ROWS)]
        unreadable = []
        for path in files:
            try:
                batches.append(open_batch(path, self.landing))
            except DamagedError as error:
                name = path.relative_to(self.landing).as_posix()
                unreadable.append(BatchOutcome(name=name, digest="", state=DAMAGED, why=str(error)))
        return batches, unreadable

    def _types(
        self, connection: duckdb.DuckDBPyConnection, contract: DataContract, batches: Sequence[Batch]
    ) -> dict[str, str]:
        """The table's columns: those of the first batch that can be read, with the contract's types."""
        for batch in batches:
            try:
                found = columns_of(connection, batch.source)
            except duckdb.Error:
                continue  # what is wrong with it is said when it is taken
            return column_types(
                contract, {name: kind for name, kind in found.items() if name not in RESERVED}
            )
        return column_types(contract, {})

    def _conclude(
        self,
        connection: duckdb.DuckDBPyConnection,
        contract: DataContract,
        source: str,
        facts: Facts,
        *,
        batches: Sequence[BatchOutcome],
        failing: Sequence[Check] = (),
    ) -> bool:
        before: dict[str, Profile] = recalled(self.good.get(contract.table, {}))
        now = profiles(connection, source, contract, facts.accepted, before)
        known = Facts(**{**vars(facts), "shifts": shifts(before, now), "failing": failing})
        checks = judge(contract, known, self.as_of)
        outcome = TableOutcome(
            table=contract.table,
            rows=facts.accepted,
            checks=checks,
            batches=batches,
            newest=None if facts.newest is None else facts.newest.isoformat(),
        )
        self.outcomes.append(outcome)
        self.profiles[contract.table] = remembered(now)
        return outcome.passed

    def _keep_bad(
        self,
        connection: duckdb.DuckDBPyConnection,
        contract: DataContract,
        intake: Intake,
        batches: Sequence[Batch],
        taken: Taken,
    ) -> None:
        for number, (batch, outcome) in enumerate(zip(batches, taken.outcomes, strict=True)):
            place = self.set_aside / contract.table
            if outcome.state in (REFUSED, DAMAGED):
                if batch.path is None:
                    query = f"SELECT * FROM {batch.source}"  # noqa: S608
                    copy_rows(connection, query, place / "batches" / "source.parquet")
                else:
                    _copy(batch.path, place / "batches" / batch.name)
            elif outcome.failed:
                name = "source" if batch.path is None else batch.name
                copy_rows(connection, intake.failed_rows(number, batch), place / "rows" / f"{name}.parquet")


def _facts(taken: Taken, outcomes: Sequence[BatchOutcome]) -> Facts:
    return Facts(
        accepted=taken.rows,
        failed=sum(outcome.failed for outcome in outcomes),
        bad_batches=[outcome.name for outcome in outcomes if outcome.state in (REFUSED, DAMAGED)],
        present=taken.present,
        newest=taken.newest,
    )


def _keep(rows: pa.Table, path: Path) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415 - only where a table is refused

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(rows, path, compression="zstd")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
