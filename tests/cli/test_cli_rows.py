"""Rows come as JSON, JSON Lines or CSV; an endpoint judges them, the command line only reads them."""

import json
from typing import Any

import pytest

from headway_cli.errors import WrongUseError
from headway_cli.rows import example_row, parse_rows

CONTRACT: dict[str, Any] = {
    "inputs": [
        {"name": "carrier", "type": "string", "values": ["AA", "UA"]},
        {"name": "distance", "type": "number", "minimum": 0, "maximum": 6000},
        {"name": "hour", "type": "integer", "minimum": 0, "maximum": 23},
        {"name": "holiday", "type": "boolean"},
    ]
}
ROW = {"carrier": "AA", "distance": 1.5, "hour": 3, "holiday": True}


@pytest.mark.parametrize(
    ("text", "instances"),
    [
        (json.dumps([ROW, ROW]), [ROW, ROW]),
        (json.dumps({"instances": [ROW]}), [ROW]),
        ("carrier,distance,hour,holiday\nAA,1.5,3,true\n", [ROW]),
        ("holiday,hour,distance,carrier\r\nTrue,3,1.5,AA\r\n", [ROW]),
        ('carrier,distance\n"A,A",2\n', [{"carrier": "A,A", "distance": 2.0}]),
        ("carrier,hour\n,late\n", [{"carrier": None, "hour": "late"}]),
    ],
)
def test_rows_become_instances(text: str, instances: list[object]) -> None:
    payload = parse_rows(text, CONTRACT)

    assert payload.content_type == "application/json"
    assert json.loads(payload.body)["instances"] == instances


@pytest.mark.parametrize(
    ("text", "content_type"),
    [
        (json.dumps(ROW), "application/json"),
        (f"{json.dumps(ROW)}\n{json.dumps(ROW)}\n", "application/jsonlines"),
        ("AA,1.5,3,true\nUA,2,4,false\n", "text/csv"),
    ],
)
def test_what_the_endpoint_understands_is_passed_on(text: str, content_type: str) -> None:
    payload = parse_rows(text, CONTRACT)

    assert payload.content_type == content_type
    assert payload.body.decode().split() == text.split()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n ", "is empty"),
        ('{"carrier": ', "line 1 of the rows is not JSON"),
        ('{"carrier": "AA"}\n{"carrier"\n', "line 2 of the rows is not JSON"),
        ("carrier,hour\nAA\n", "row 2 has 1 values and the header has 2 names"),
    ],
)
def test_what_is_no_row_is_wrong_use(text: str, message: str) -> None:
    with pytest.raises(WrongUseError, match=message):
        parse_rows(text, CONTRACT)


def test_the_example_honours_the_contract() -> None:
    assert example_row(CONTRACT) == {"carrier": "AA", "distance": 3000.0, "hour": 11, "holiday": True}
