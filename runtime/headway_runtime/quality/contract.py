"""What a table must be like before anything is made of it, as the jobs read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway_runtime.contract import DATA_CONTRACTS_FILE
from headway_runtime.jobs import JobError, read_json

TRAINING_ROWS = "training_rows"
"""The table of prepared rows: inputs, label and event time, looked at before the training."""

SQL_TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        name: Name of the column.
        type: One of `SQL_TYPES`.
        nullable: Whether the value may be missing.
        minimum: Smallest value allowed; None for no bound.
        maximum: Largest value allowed; None for no bound.
        values: The values allowed; None for any.
        personal_data: Whether the value says something about a person; it is shown in no report.
        minimum_completeness: Share of the rows that must have a value; None for any.
        maximum_shift: Population stability index against the last good version that is allowed; None for any.
    """

    name: str
    type: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None
    personal_data: bool = False
    minimum_completeness: float | None = None
    maximum_shift: float | None = None


@dataclass(frozen=True, kw_only=True)
class RowCheck:
    """What must be true of every row.

    Attributes:
        name: Name of the check.
        sql: Expression over the row's columns; a row for which it is unknown passes, as in SQL.
        fix: What to do about rows that fail it.
    """

    name: str
    sql: str
    fix: str


@dataclass(frozen=True, kw_only=True)
class DataContract:
    """What a table must be like.

    Attributes:
        table: Name of the table.
        columns: The columns that are looked at.
        key: Columns of which no two rows have the same values; empty where rows have no key.
        time: Column with the time of a row; None where rows have none.
        newest_by: Column that tells which of two rows of one key is newer; None for the later batch.
        row_checks: What must be true of every row.
        minimum_pass_rate: Share of the rows that must pass.
        minimum_rows: Rows that there must be.
        maximum_rows: Rows that there may be; None for any number.
        maximum_age_h: Age that the newest row may have, in hours; None for any.
        maximum_bad_batches: Batches that may be set aside whole before nothing is made of the table.
        landing: Whether batches of the table arrive in the landing place.
    """

    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    time: str | None = None
    newest_by: str | None = None
    row_checks: tuple[RowCheck, ...] = ()
    minimum_pass_rate: float = 1.0
    minimum_rows: int = 1
    maximum_rows: int | None = None
    maximum_age_h: float | None = None
    maximum_bad_batches: int = 0
    landing: bool = False

    @property
    def personal(self) -> frozenset[str]:
        """Names of the columns whose values no report shows."""
        return frozenset(column.name for column in self.columns if column.personal_data)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "DataContract":
        """The contract that JSON values describe.

        Raises:
            TypeError: Something is missing or unknown.
            KeyError: A list is missing.
        """
        columns = tuple(
            Column(**{**item, "values": tuple(item["values"]) if "values" in item else None})
            for item in document["columns"]
        )
        checks = tuple(RowCheck(**item) for item in document.get("row_checks", ()))
        key = tuple(document.get("key", ()))
        return cls(**{**document, "columns": columns, "row_checks": checks, "key": key})


def read_contracts(directory: Path) -> dict[str, DataContract]:
    """The data contracts that a job was given, by table; none where it was given no such input.

    Args:
        directory: Directory of the input.

    Raises:
        JobError: They are damaged.
    """
    path = directory / DATA_CONTRACTS_FILE
    if not path.is_file():
        return {}
    document = read_json(path, "the data contracts")
    try:
        contracts = [DataContract.from_document(item) for item in document["tables"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise JobError(
            f"the data contracts at {path} are damaged ({error!r}); deploy the stack again, with the image "
            "of the same version"
        ) from error
    return {contract.table: contract for contract in contracts}
