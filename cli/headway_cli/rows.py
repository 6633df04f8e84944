"""Rows for an endpoint, from a file in JSON, JSON Lines or CSV."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway_cli.errors import WrongUseError

_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Payload:
    """A request body and what it is."""

    content_type: str
    body: bytes


def parse_rows(text: str, contract: Mapping[str, Any]) -> Payload:
    """Turns a file's text into a request. Whether a row honours the contract is for the endpoint to say.

    Args:
        text: One JSON object, a list of them, `{"instances": [...]}`, JSON Lines, or CSV.
        contract: The inference contract as a document; its names and types read a CSV with a header.

    Raises:
        WrongUseError: It is none of these.
    """
    stripped = text.strip()
    if not stripped:
        raise WrongUseError("the file with rows is empty; give at least one row as JSON, JSON Lines or CSV")
    if stripped[0] in "{[":
        return _json(stripped)
    return _csv(stripped, contract.get("inputs", []))


def _json(text: str) -> Payload:
    try:
        document = json.loads(text)
    except ValueError:
        return _json_lines(text)
    body = document if isinstance(document, dict) else {"instances": document}
    return Payload("application/json", json.dumps(body).encode())


def _json_lines(text: str) -> Payload:
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            if line.strip():
                json.loads(line)
        except ValueError as error:
            raise WrongUseError(f"line {number} of the rows is not JSON: {error}") from None
    return Payload("application/jsonlines", text.encode())


def _csv(text: str, inputs: Sequence[Mapping[str, Any]]) -> Payload:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    types = {str(item["name"]): str(item["type"]) for item in inputs}
    header = [name.strip() for name in rows[0]]
    if not set(header) & set(types):
        return Payload("text/csv", text.encode())
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise WrongUseError(f"row {number} has {len(row)} values and the header has {len(header)} names")
    instances = [
        {name: _typed(value, types.get(name, "string")) for name, value in zip(header, row, strict=True)}
        for row in rows[1:]
    ]
    return Payload("application/json", json.dumps({"instances": instances}).encode())


def _typed(text: str, kind: str) -> Any:  # noqa: ANN401 - plain JSON
    """A value of a CSV cell; text that does not fit its type is passed on, for the endpoint to refuse."""
    if text == "":
        return None
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        return text
    return _TRUTH.get(text.lower(), text) if kind == "boolean" else text


def example_row(contract: Mapping[str, Any]) -> dict[str, Any]:
    """A row that honours a contract: known categories, the middle of each range."""
    return {item["name"]: _example(item) for item in contract.get("inputs", [])}


def _example(item: Mapping[str, Any]) -> Any:  # noqa: ANN401 - plain JSON
    if item.get("values"):
        return item["values"][0]
    if item["type"] in {"number", "integer"}:
        low, high = item.get("minimum"), item.get("maximum")
        middle = (
            (low + high) / 2 if low is not None and high is not None else low if low is not None else high
        )
        value = 1 if middle is None else middle
        return int(value) if item["type"] == "integer" else value
    return True if item["type"] == "boolean" else "example"
