"""What raw tables must be like before anything is made of them."""

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any, Self

from pydantic import Field, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse
from headway_components.feature import COLUMN_PATTERN, name_problems, range_problems

TRAINING_ROWS = "training_rows"
"""The table of prepared rows: inputs, label and event time, looked at before the training."""
_SAID = r"^\S.*$"


class ColumnType(Enum):
    """The type of a value in a raw table."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"


_NUMERIC = (ColumnType.INTEGER, ColumnType.NUMBER)


class DataColumn(Declaration):
    """One column of a raw table."""

    name: str = Field(pattern=COLUMN_PATTERN)
    """Name of the column: letters, digits and underscores."""
    type: ColumnType
    """Type of the value; text that reads as one is taken for one."""
    nullable: bool = False
    """Whether the value may be missing; a row without it is set aside when left out."""
    minimum: float | None = None
    """Smallest value allowed; unbounded below when left out."""
    maximum: float | None = None
    """Largest value allowed; unbounded above when left out."""
    values: Sequence[str] | None = None
    """The texts allowed; any when left out."""
    personal_data: bool = False
    """Whether the value speaks of a person, so that no report shows it; it does not when left out."""
    minimum_completeness: float | None = Field(default=None, ge=0, le=1)
    """Share of the rows that must have a value, 0.95 for 95 %; any when left out."""
    maximum_shift: float | None = Field(default=None, gt=0)
    """Population stability index against the last good version that is allowed, 0.25 for a large shift; any
    when left out, and in fewer than 500 rows."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_column_problems(self))
        return self


class RowCheck(Declaration):
    """What must be true of every row, over several of its columns."""

    name: str = Field(pattern=_SAID, max_length=100)
    """Name of the check, as the report calls it."""
    sql: str = Field(pattern=_SAID, max_length=2_000)
    """Expression of DuckDB over the row's columns; a row for which it is unknown passes, as in SQL."""
    fix: str = Field(pattern=_SAID, max_length=300)
    """What to do about rows that fail it."""


class DataContract(Declaration):
    """What a raw table must be like before anything is made of it.

    A row that breaks it is set aside and never reaches the dataset; a batch with too many of them is set
    aside whole; when the table as a whole is not as declared, the pipeline stops and says why.
    """

    table: str = Field(pattern=COLUMN_PATTERN)
    """Name of the table that the code yields or that lands; `training_rows` are the rows before training."""
    columns: Sequence[DataColumn] = Field(min_length=1)
    """The columns that are looked at; others pass as they are."""
    key: Sequence[str] = Field(default_factory=list)
    """Columns of which no two rows have the same values; rows have no key when left out."""
    time: str | None = Field(default=None, pattern=COLUMN_PATTERN)
    """Column with the time of a row; rows have none when left out."""
    newest_by: str | None = Field(default=None, pattern=COLUMN_PATTERN)
    """Column that tells which of two rows of one key is newer; the later batch has it when left out."""
    row_checks: Sequence[RowCheck] = Field(default_factory=list)
    """What must be true of every row; nothing more when left out."""
    minimum_pass_rate: float = Field(default=1.0, ge=0, le=1)
    """Share of the rows of a batch, and of the table, that must pass, 0.99 for 99 %; all when left out."""
    minimum_rows: int = Field(default=1, ge=0)
    """Rows that there must be; one when left out."""
    maximum_rows: int | None = Field(default=None, ge=1)
    """Rows that there may be; any number when left out."""
    maximum_age_h: float | None = Field(default=None, gt=0)
    """Hours that the newest row may be older than the end of the evaluation rows; any when left out."""
    maximum_bad_batches: int = Field(default=0, ge=0)
    """Batches that may be set aside whole before the pipeline stops; none when left out."""
    landing: bool = False
    """Whether batches of the table land in the data bucket, besides what the code yields; they do not when
    left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_contract_problems(self))
        return self

    def document(self) -> dict[str, Any]:
        """The JSON that the runtime reads; what was not declared is absent."""
        return self.plain()


def _column_problems(column: DataColumn) -> Iterator[Problem]:
    if column.type not in _NUMERIC:
        for key in ("minimum", "maximum"):
            if getattr(column, key) is not None:
                message = f"belongs to types integer and number, not {column.type.value}"
                yield problem(key, getattr(column, key), message, "remove it or change the type")
    if column.values is not None:
        if column.type is not ColumnType.STRING:
            message = f"belongs to type string, not {column.type.value}"
            yield problem("values", list(column.values), message, "remove it or change the type")
        if not column.values:
            yield problem("values", [], "allows nothing", "add a value or leave values out")
    if column.maximum_shift is not None and column.type is ColumnType.TIMESTAMP:
        message = "belongs to a value that stays alike, which a time does not"
        yield problem("maximum_shift", column.maximum_shift, message, "remove it")
    yield from range_problems(column.minimum, column.maximum)


def _contract_problems(contract: DataContract) -> Iterator[Problem]:
    types = {column.name: column.type for column in contract.columns}
    yield from name_problems("columns", contract.columns)
    named = [("newest_by", contract.newest_by), ("time", contract.time)]
    named += [(f"key.{place}", name) for place, name in enumerate(contract.key)]
    for field, name in named:
        if name is not None and name not in types:
            fix = f"add it to columns; they are {', '.join(types)}"
            yield problem(field, name, "is not among the columns", fix)
    if (
        contract.time is not None
        and types.get(contract.time, ColumnType.TIMESTAMP) is not ColumnType.TIMESTAMP
    ):
        yield problem("time", contract.time, "is no timestamp", "change its type to timestamp")
    if contract.maximum_age_h is not None and contract.time is None:
        message = "needs the time of the rows"
        yield problem("maximum_age_h", contract.maximum_age_h, message, "name their column as time")
    if contract.newest_by is not None and not contract.key:
        yield problem("newest_by", contract.newest_by, "tells rows of one key apart", "name the key")
    most = contract.maximum_rows
    if most is not None and most < contract.minimum_rows:
        yield problem("maximum_rows", most, f"is below minimum_rows {contract.minimum_rows}", "raise it")
    names = [check.name for check in contract.row_checks]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield problem("row_checks", name, "is the name of several checks", "give each one its own name")
    for place, check in enumerate(contract.row_checks):
        if ";" in re.sub(r"'[^']*'", "", check.sql):
            yield problem(f"row_checks.{place}.sql", check.sql, "is more than one expression", "remove the ;")
    yield from _training_row_problems(contract)


def _training_row_problems(contract: DataContract) -> Iterator[Problem]:
    if contract.table != TRAINING_ROWS:
        return
    if contract.landing:
        yield problem("landing", True, f"is not for {TRAINING_ROWS}, which the pipeline makes", "remove it")
    for place, column in enumerate(contract.columns):
        if column.maximum_shift is not None:
            message = f"is for raw tables; a shift of {TRAINING_ROWS} is what the drift monitor sees"
            yield problem(f"columns.{place}.maximum_shift", column.maximum_shift, message, "remove it")


def table_problems(contracts: Sequence[DataContract]) -> Iterator[Problem]:
    """Tables that several contracts speak of."""
    names = [contract.table for contract in contracts]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield problem("data", name, f"has {names.count(name)} contracts", "put them into one")
