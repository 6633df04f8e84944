"""Request bodies into columns of values that honour the contract, and answers into response bodies."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from headway_runtime.contract import Contract
from headway_runtime.describe import allowed, shown
from headway_runtime.models.model import Value
from headway_runtime.serve.refusal import Problems, Refusal
from headway_runtime.serve.values import Broken, from_json, from_text

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
_INSTANCES = "instances"
_NAMES_SHOWN = 20


@dataclass(frozen=True)
class Batch:
    """Rows that honour the contract, by column.

    Attributes:
        columns: The values of each input.
        rows: Number of rows.
    """

    columns: Mapping[str, Sequence[Value]]
    rows: int


def read_batch(body: bytes, content_type: str, contract: Contract) -> Batch:
    """Read a request body.

    Args:
        body: The bytes.
        content_type: One of `READERS`.
        contract: What the rows must honour.

    Returns:
        The rows.

    Raises:
        Refusal: 400, with every problem found.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is not UTF-8: byte {error.start} cannot be read") from None
    if text.strip() == "":
        raise Refusal(400, f"the body is empty; send at least one row as {' or '.join(READERS)}")
    return READERS[content_type](text, contract)


def write_answers(answers: Sequence[float], accept: str, contract: Contract) -> bytes:
    """Write a response body.

    Args:
        answers: One answer for each row.
        accept: One of `WRITERS`.
        contract: Names the output.
    """
    return WRITERS[accept](answers, contract.output.name).encode("utf-8")


def _read_csv(text: str, contract: Contract) -> Batch:
    problems = Problems()
    columns: dict[str, list[Value]] = {name: [] for name in contract.input_names}
    count = 0
    width = len(contract.inputs)
    try:
        for count, cells in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1):
            if len(cells) != width:
                problems.add(
                    f"row {count} has {len(cells)} values; it must have {width}, without a header line: "
                    f"{_names(contract)}"
                )
                continue
            for field, cell in zip(contract.inputs, cells, strict=True):
                value = from_text(field, cell)
                if isinstance(value, Broken):
                    problems.add(f"row {count}: {field.name} is {shown(cell)}; allowed is {allowed(field)}")
                else:
                    columns[field.name].append(value)
    except csv.Error as error:
        problems.add(f"row {count + 1} is not CSV: {error}")
    problems.refuse()
    return Batch(columns, count)


def _read_json(text: str, contract: Contract) -> Batch:
    value = _parse(text, "the body")
    if isinstance(value, dict) and _INSTANCES in value and _INSTANCES not in contract.input_names:
        instances = value[_INSTANCES]
        if not isinstance(instances, list) or not instances or len(value) != 1:
            raise Refusal(
                400, f'the body must be {{"{_INSTANCES}": [...]}} with at least one row and nothing else'
            )
        return _rows(instances, contract)
    if isinstance(value, dict):
        return _rows([value], contract)
    raise Refusal(400, f'the body is {shown(value)}; send one row as an object, or {{"{_INSTANCES}": [...]}}')


def _read_json_lines(text: str, contract: Contract) -> Batch:
    problems = Problems()
    rows = []
    # Not splitlines: it also cuts at separators that JSON allows inside a text.
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        try:
            rows.append(_parse(line, f"line {number}"))
        except Refusal as refusal:
            problems.add(refusal.error)
    problems.refuse()
    return _rows(rows, contract)


def _rows(rows: Sequence[Any], contract: Contract) -> Batch:
    problems = Problems()
    columns: dict[str, list[Value]] = {name: [] for name in contract.input_names}
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            problems.add(f"row {number} is {shown(row)}; it must be an object with {_names(contract)}")
            continue
        for field in contract.inputs:
            given = row.get(field.name)
            value = from_json(field, given)
            if not isinstance(value, Broken):
                columns[field.name].append(value)
            elif field.name in row:
                problems.add(f"row {number}: {field.name} is {shown(given)}; allowed is {allowed(field)}")
            else:
                problems.add(f"row {number}: {field.name} is missing; allowed is {allowed(field)}")
        for name in row:
            if name not in columns:
                problems.add(f"row {number}: {shown(name)} is unknown; the inputs are {_names(contract)}")
    problems.refuse()
    return Batch(columns, len(rows))


def _parse(text: str, what: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise Refusal(400, f"{what} is nested too deeply") from None
    except ValueError as error:
        raise Refusal(400, f"{what} is not JSON: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value; write null for a missing one")


def _names(contract: Contract) -> str:
    names = contract.input_names
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more


def _write_json(answers: Sequence[float], name: str) -> str:
    return json.dumps({"predictions": [{name: answer} for answer in answers]}, allow_nan=False)


def _write_json_lines(answers: Sequence[float], name: str) -> str:
    return "".join(json.dumps({name: answer}, allow_nan=False) + "\n" for answer in answers)


def _write_csv(answers: Sequence[float], name: str) -> str:  # noqa: ARG001 - as every writer; CSV has no header
    return "".join(f"{answer!r}\n" for answer in answers)


READERS: dict[str, Callable[[str, Contract], Batch]] = {
    CSV: _read_csv,
    JSON: _read_json,
    JSON_LINES: _read_json_lines,
}
WRITERS: dict[str, Callable[[Sequence[float], str], str]] = {
    JSON: _write_json,
    CSV: _write_csv,
    JSON_LINES: _write_json_lines,
}
