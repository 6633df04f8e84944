"""The conditions of a contract in SQL: which rows fail what, in one scan, whatever the values are."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from headway_runtime.describe import number_text
from headway_runtime.jobs import JobError
from headway_runtime.quality.contract import SQL_TYPES, Column, DataContract, RowCheck
from headway_runtime.quality.database import literal, quoted, run

ROW = "headway_row"
FAILED = "headway_failed"
KEY_CHECK = "key"
_MISREAD = "headway_misread_"


@dataclass(frozen=True)
class Condition:
    """What a row must not be.

    Attributes:
        name: Name of the check.
        column: The column that is looked at; None for the row as a whole.
        fails: SQL over the typed row that is true where it fails.
        allowed: What is allowed, in words.
        fix: What to do about rows that fail.
    """

    name: str
    column: str | None
    fails: str
    allowed: str
    fix: str


def column_types(contract: DataContract, found: Mapping[str, str]) -> dict[str, str]:
    """SQL type by column: what the contract says, else what was found."""
    declared = {column.name: SQL_TYPES[column.type] for column in contract.columns}
    return {**found, **declared}


def conditions(contract: DataContract, types: Mapping[str, str]) -> tuple[Condition, ...]:
    """Every condition on a row of a table.

    Args:
        contract: The contract.
        types: SQL type by column, those that the contract does not name too.
    """
    declared = {column.name: column for column in contract.columns}
    found: list[Condition] = []
    for number, (name, kind) in enumerate(types.items()):
        words = declared[name].type if name in declared else kind
        found.append(
            Condition(
                f"{name}: type",
                name,
                quoted(f"{_MISREAD}{number}"),
                f"a value that reads as {words}",
                "correct what writes the column, or its type in the contract",
            )
        )
        if name in declared:
            found += _of_column(declared[name], name in (*contract.key, contract.time))
    return (*found, *map(_of_row, contract.row_checks))


def _of_column(column: Column, needed: bool) -> Iterator[Condition]:
    name, value = column.name, quoted(column.name)
    if not column.nullable or needed:
        # What cannot be read is no missing value; it fails once.
        yield Condition(
            f"{name}: present", name, f"{value} IS NULL", "a value", "deliver it, or declare it nullable"
        )
    if column.values is not None:
        among = ", ".join(map(literal, column.values))
        fails = f"{value} IS NOT NULL AND CAST({value} AS VARCHAR) NOT IN ({among})"
        words = f"one of {', '.join(column.values)}"
        yield Condition(f"{name}: values", name, fails, words, "correct the rows, or declare the new value")
    if column.type == "number" or column.minimum is not None or column.maximum is not None:
        bounds = [f"NOT isfinite({value})"] if column.type == "number" else []
        bounds += [] if column.minimum is None else [f"{value} < {column.minimum!r}"]
        bounds += [] if column.maximum is None else [f"{value} > {column.maximum!r}"]
        fails = f"coalesce({' OR '.join(bounds)}, FALSE)"
        fix = "correct what measures it, or its bounds in the contract"
        yield Condition(f"{name}: range", name, fails, _range(column), fix)


def _range(column: Column) -> str:
    words = "a finite number" if column.type == "number" else "a number"
    if column.minimum is not None:
        words += f" from {number_text(column.minimum)}"
    if column.maximum is not None:
        words += f" {'up ' if column.minimum is None else ''}to {number_text(column.maximum)}"
    return words


def _of_row(check: RowCheck) -> Condition:
    # An expression that cannot be computed for a row fails that row and not the job.
    fails = f"NOT coalesce(TRY(coalesce(CAST(({check.sql}) AS BOOLEAN), TRUE)), FALSE)"
    return Condition(check.name, None, fails, check.sql, check.fix)


def typed(source: str, types: Mapping[str, str]) -> str:
    """A query for the rows of a source with their number, cast to types, and what could not be read.

    Args:
        source: What stands after FROM.
        types: SQL type by column.
    """
    columns = [f"{_cast(name, kind)} AS {quoted(name)}" for name, kind in types.items()]
    misread = [
        f"({quoted(name)} IS NOT NULL AND {_cast(name, kind)} IS NULL) AS {quoted(f'{_MISREAD}{number}')}"
        for number, (name, kind) in enumerate(types.items())
    ]
    return f"SELECT row_number() OVER () AS {ROW}, {', '.join([*columns, *misread])} FROM {source}"  # noqa: S608


def _cast(name: str, kind: str) -> str:
    cast = f"TRY_CAST({quoted(name)} AS {kind})"
    if kind != "BIGINT":
        return cast
    # DuckDB rounds 1.5 to 2 where an integer is asked for.
    whole = f"TRY_CAST({quoted(name)} AS DOUBLE) = {cast}"
    return f"CASE WHEN {whole} THEN {cast} END"


def failed_names(found: Sequence[Condition]) -> str:
    """SQL for the names of the conditions that a row fails; a misread value is not also a missing one."""
    cases = ", ".join(f"CASE WHEN {_own(item, found)} THEN {literal(item.name)} END" for item in found)
    return f"list_filter([{cases}], lambda name: name IS NOT NULL)"


def _own(item: Condition, found: Sequence[Condition]) -> str:
    if item.column is None or not item.name.endswith(": present"):
        return item.fails
    misread = next(other.fails for other in found if other.name == f"{item.column}: type")
    return f"({item.fails}) AND NOT ({misread})"


def validate(connection: duckdb.DuckDBPyConnection, contract: DataContract, types: Mapping[str, str]) -> None:
    """Finds what is wrong with the contract's own SQL, before any row is looked at.

    Raises:
        JobError: Checks cannot be read; every one is named.
    """
    nothing = ", ".join(f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in types.items())
    problems = []
    for check in contract.row_checks:
        try:
            run(connection, f"SELECT {_of_row(check).fails} FROM (SELECT {nothing}) WHERE FALSE")  # noqa: S608
        except duckdb.Error as error:
            problems.append(f"{check.name} ({_first_line(error)})")
    if problems:
        raise JobError(f"row checks of table {contract.table!r} cannot be read: {'; '.join(problems)}")


def _first_line(error: Exception) -> str:
    return re.sub(r"\s+", " ", (str(error).splitlines() or ["no reason given"])[0])
