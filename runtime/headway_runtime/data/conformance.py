"""Hold whole tables to a contract, column by column, naming the rows that break it."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headway_runtime.contract import DATASET_FILE, LABEL_COLUMN, Contract, InputField
from headway_runtime.data.manifest import file_digest
from headway_runtime.describe import allowed, shown
from headway_runtime.jobs import JobError

ROWS_SHOWN = 20
"""Rows that an error names for each field; all are counted."""

ARROW_TYPES = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}


def read_rows(path: Path, contract: Contract, expected_digest: str | None) -> pa.Table:
    """Read a prepared set.

    Args:
        path: The Parquet file.
        contract: What its rows must honour.
        expected_digest: SHA-256 of the file that was prepared; None when it is not known.

    Returns:
        The rows, inputs first, `label` with 0 and 1.

    Raises:
        JobError: The file is missing, damaged, another one, breaks the contract, or has no usable label.
    """
    if not path.is_file():
        raise JobError(f"there is no {path}; pass the prepared set to the job as an input")
    if expected_digest is not None and file_digest(path) != expected_digest:
        raise JobError(f"{path} is not the file that {DATASET_FILE} describes; run prepare again")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise JobError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    if LABEL_COLUMN not in table.column_names:
        raise JobError(f"{path} has no column {LABEL_COLUMN!r}; it has {', '.join(table.column_names)}")
    labels = pc.unique(table[LABEL_COLUMN]).to_pylist()
    if not set(labels) <= {0, 1}:
        raise JobError(f"{path} has the labels {labels[:10]}; a binary classification needs 0 and 1")
    return conform(table, contract)


def conform(table: pa.Table, contract: Contract) -> pa.Table:
    """Cast the inputs of a table to the contract's types and check every value.

    Args:
        table: Has a column for each input of the contract; other columns pass unchanged, after the inputs.
        contract: The contract.

    Returns:
        The table with the inputs first, in the contract's order.

    Raises:
        JobError: Columns are missing, or values break the contract; every field is named, with its rows.
    """
    missing = [name for name in contract.input_names if name not in table.column_names]
    if missing:
        raise JobError(
            f"the table lacks {', '.join(missing)}, which contract {contract.name!r} has as inputs; "
            f"it has {', '.join(table.column_names)}"
        )
    problems: list[str] = []
    columns: dict[str, pa.ChunkedArray] = {}
    for field in contract.inputs:
        try:
            columns[field.name] = table[field.name].cast(ARROW_TYPES[field.type])
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            problems.append(f"{field.name} cannot be read as {field.type} ({str(error).splitlines()[0]})")
        else:
            problems += _breaches(columns[field.name], field)
    if problems:
        raise JobError(f"the table breaks contract {contract.name!r}: {'; '.join(problems)}")
    others = {name: table[name] for name in table.column_names if name not in columns}
    return pa.table(columns | others)


def _breaches(column: pa.ChunkedArray, field: InputField) -> Iterator[str]:
    broken = _broken(column, field)
    count = pc.sum(broken).as_py() or 0  # the sum of no rows is null
    if count == 0:
        return
    rows = pc.indices_nonzero(broken).slice(0, ROWS_SHOWN).to_pylist()
    examples = ", ".join(f"row {row + 1}: {shown(column[row].as_py())}" for row in rows)
    more = f" and {count - len(rows)} more rows" if count > len(rows) else ""
    yield f"{field.name} must be {allowed(field)} ({examples}{more})"


def _broken(column: pa.ChunkedArray, field: InputField) -> pa.ChunkedArray:
    """True for each row whose value breaks the contract."""
    outside = pa.chunked_array([pa.repeat(pa.scalar(False), len(column))])
    if field.type == "number":
        outside = pc.or_(outside, pc.fill_null(pc.invert(pc.is_finite(column)), False))
    if field.minimum is not None:
        outside = pc.or_(outside, pc.fill_null(pc.less(column, field.minimum), False))
    if field.maximum is not None:
        outside = pc.or_(outside, pc.fill_null(pc.greater(column, field.maximum), False))
    if field.closed and field.values is not None:
        known = pc.is_in(column, value_set=pa.array(field.values, pa.string()))
        outside = pc.or_(outside, pc.and_(pc.is_valid(column), pc.invert(known)))
    return outside if field.nullable else pc.or_(outside, pc.is_null(column))
