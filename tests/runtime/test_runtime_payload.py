"""Bodies in three formats become the same rows, and what breaks the contract is refused with its reasons."""

import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_runtime.contract import Contract
from headway_runtime.serve.media import accepted, content_type
from headway_runtime.serve.payload import CSV, JSON, JSON_LINES, READERS, WRITERS, read_batch, write_answers
from headway_runtime.serve.refusal import PROBLEMS_LIMIT, Refusal

CONTRACT = Contract.from_document(
    {
        "name": "shop",
        "version": 1,
        "task": "binary-classification",
        "inputs": [
            {"name": "colour", "type": "string", "nullable": True},
            {"name": "size", "type": "string", "values": ["s", "m"], "closed": True},
            {"name": "price_usd", "type": "number", "minimum": 0, "maximum": 100},
            {"name": "stock", "type": "integer", "nullable": True, "minimum": 0},
            {"name": "new", "type": "boolean"},
        ],
        "output": {"name": "probability", "type": "number", "minimum": 0.0, "maximum": 1.0},
    }
)

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "colour": st.none() | st.text(min_size=1).filter(lambda text: "\x00" not in text),
            "size": st.sampled_from(["s", "m"]),
            "price_usd": st.floats(0, 100) | st.integers(0, 100),
            "stock": st.none() | st.integers(0, 2**53),
            "new": st.booleans(),
        }
    ),
    min_size=1,
    max_size=5,
)


def as_csv(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows:
        values = [row[name] for name in CONTRACT.input_names]
        writer.writerow([str(value).lower() if isinstance(value, bool) else value for value in values])
    return out.getvalue()


@given(ROWS)
def test_the_three_formats_carry_the_same_rows(rows: list[dict[str, Any]]) -> None:
    bodies = {
        CSV: as_csv(rows),
        JSON: json.dumps({"instances": rows}),
        JSON_LINES: "\n".join(json.dumps(row, ensure_ascii=False) for row in rows),
    }
    expected = {name: [row[name] for row in rows] for name in CONTRACT.input_names}

    for media, body in bodies.items():
        batch = read_batch(body.encode("utf-8", "surrogatepass"), media, CONTRACT)
        assert batch.rows == len(rows)
        assert batch.columns == expected


SOUP = st.text(alphabet='{}[]",:\\\n\r;.-+eE0123456789 snmtrue\x00\u2028\ud800 ', max_size=60) | st.text(
    max_size=60
)
JSON_SOUP = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*CONTRACT.input_names, "instances", "x"]), inner, max_size=6)
    ),
    max_leaves=12,
).map(json.dumps)
BODIES = st.binary(max_size=60) | (SOUP | JSON_SOUP).map(lambda text: text.encode("utf-8", "surrogatepass"))


def outcome(read: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return read(*arguments)
    except Refusal as refusal:
        return refusal


@given(BODIES, st.sampled_from(sorted(READERS)))
def test_any_body_is_either_rows_of_the_contract_or_refused_with_400(body: bytes, media: str) -> None:
    batch = outcome(read_batch, body, media, CONTRACT)
    if isinstance(batch, Refusal):
        document = json.dumps({"error": batch.error, "problems": batch.problems})
        assert (batch.status, len(document) < 100_000) == (400, True)
        return
    assert batch.rows >= 1
    assert {len(values) for values in batch.columns.values()} == {batch.rows}
    for price in batch.columns["price_usd"]:
        assert isinstance(price, float)
        assert 0 <= price <= 100
    assert set(batch.columns["size"]) <= {"s", "m"}


GOOD: dict[str, Any] = {"colour": "red", "size": "s", "price_usd": 1.5, "stock": 3, "new": True}

REFUSED: list[tuple[str, bytes, str]] = [
    (CSV, b"", "the body is empty; send at least one row"),
    (CSV, b" \n", "the body is empty"),
    (CSV, b"\xff\xfe", "the body is not UTF-8: byte 0"),
    (CSV, b"red,s,1.5,3", "row 1 has 4 values; it must have 5, without a header line: colour, size"),
    (CSV, b"red,s,1.5,3,true\n\nred,s,1.5,3,true\n", "row 2 has 0 values"),
    (CSV, b"colour,size,price_usd,stock,new\n", "row 1: size is 'size'; allowed is one of s, m"),
    (CSV, b"red,,1.5,3,true", "row 1: size is ''; allowed is one of s, m"),
    (CSV, b"red,s,1_0,3,true", "row 1: price_usd is '1_0'; allowed is a number from 0 to 100"),
    (CSV, b"red,s,nan,3,true", "row 1: price_usd is 'nan'"),
    (CSV, b"red,s,1e999,3,true", "row 1: price_usd is '1e999'"),
    (CSV, "red,s,\u0661,3,true".encode(), "row 1: price_usd is '\u0661'"),
    (CSV, b"red,s,1.5,3.5,true", "row 1: stock is '3.5'; allowed is an integer from 0, or nothing"),
    (CSV, b"red,s,1.5,9007199254740993,true", "row 1: stock is '9007199254740993'"),
    (CSV, b"red,s,1.5,3,yes", "row 1: new is 'yes'; allowed is true or false"),
    (CSV, b'red,s,1.5,3,"true', "is not CSV"),
    (CSV, b"x" * 200_000, "is not CSV: field larger than field limit"),
    (JSON, b"3", "the body is 3; send one row as an object"),
    (JSON, b"{", "the body is not JSON"),
    (JSON, b'{"price_usd": NaN}', "NaN is no JSON value; write null for a missing one"),
    (JSON, b"[" * 100_000, "the body is nested too deeply"),
    (JSON, b'{"price_usd": ' + b"9" * 5_000 + b"}", "the body is not JSON"),
    (JSON, b'{"instances": []}', "with at least one row and nothing else"),
    (JSON, b'{"instances": [{}], "parameters": {}}', "with at least one row and nothing else"),
    (JSON, b'{"instances": [3]}', "row 1 is 3; it must be an object with colour, size"),
    (JSON, json.dumps(GOOD | {"new": 1}).encode(), "row 1: new is 1; allowed is true or false"),
    (JSON, json.dumps(GOOD | {"price_usd": True}).encode(), "row 1: price_usd is True"),
    (
        JSON,
        json.dumps(GOOD | {"price_usd": "1.5"}).encode(),
        "row 1: price_usd is '1.5'; allowed is a number",
    ),
    (JSON, json.dumps(GOOD | {"stock": 10**300}).encode(), "row 1: stock is 1000"),
    (JSON, json.dumps(GOOD | {"stock": 2**53 + 2}).encode(), "row 1: stock is 9007199254740994"),
    (JSON, json.dumps(GOOD | {"size": None}).encode(), "row 1: size is None; allowed is one of s, m"),
    (JSON, json.dumps(GOOD | {"colour": "\ud800"}).encode(), "row 1: colour is '\\ud800'"),
    (JSON, json.dumps(GOOD | {"Size": "s"}).encode(), "row 1: 'Size' is unknown; the inputs are colour"),
    (JSON, b'{"colour": "red"}', "row 1: price_usd is missing; allowed is a number from 0 to 100"),
    (JSON_LINES, b"{}\n\n{}", "line 2 is not JSON"),
    (JSON_LINES, b"[1]\n", "row 1 is [1]; it must be an object"),
]


@pytest.mark.parametrize(
    ("media", "body", "says"), REFUSED, ids=[f"{m}-{i}" for i, (m, _, _) in enumerate(REFUSED)]
)
def test_a_refusal_names_row_field_value_and_what_is_allowed(media: str, body: bytes, says: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_batch(body, media, CONTRACT)

    told = [refused.value.error, *refused.value.problems]
    assert any(says in text for text in told), told
    assert all(len(text) < 1_000 for text in told)


def test_all_rows_are_looked_at_up_to_a_limit() -> None:
    with pytest.raises(Refusal) as few:
        read_batch(b"red,x,1.5,3,true\n" * 3, CSV, CONTRACT)
    with pytest.raises(Refusal) as many:
        read_batch(b"red,x,999,3,true\n" * 10_000, CSV, CONTRACT)

    assert [problem[:5] for problem in few.value.problems] == ["row 1", "row 2", "row 3"]
    assert few.value.error == "the request breaks the contract; 3 problems"
    assert len(many.value.problems) == PROBLEMS_LIMIT


def test_missing_values_may_be_left_out_or_null_and_whole_numbers_are_integers() -> None:
    short = read_batch(b'{"size": "s", "price_usd": 0, "stock": 3.0, "new": false}', JSON, CONTRACT)
    text = read_batch(b",s,0,3.0,0\r\n", CSV, CONTRACT)

    assert short == text
    assert short.columns == {
        "colour": [None],
        "size": ["s"],
        "price_usd": [0.0],
        "stock": [3],
        "new": [False],
    }


def test_answers_are_written_in_the_three_formats() -> None:
    answers = [0.25, 1.0]

    assert write_answers(answers, CSV, CONTRACT) == b"0.25\n1.0\n"
    assert json.loads(write_answers(answers, JSON, CONTRACT)) == {
        "predictions": [{"probability": 0.25}, {"probability": 1.0}]
    }
    assert write_answers(answers, JSON_LINES, CONTRACT) == b'{"probability": 0.25}\n{"probability": 1.0}\n'
    for media in (JSON, JSON_LINES):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write_answers([math.nan], media, CONTRACT)


@pytest.mark.parametrize(
    ("header", "media"),
    [
        ("text/csv", CSV),
        ("Text/CSV; charset=utf-8; header=absent", CSV),
        ('application/json;charset="UTF-8"', JSON),
        ("application/jsonlines", JSON_LINES),
        (None, None),
        ("", None),
        ("text/csv; charset=latin-1", None),
        ("application/x-npy", None),
        ("text", None),
    ],
)
def test_a_content_type_is_read_or_refused_with_415(header: str | None, media: str | None) -> None:
    if media is not None:
        assert content_type(header) == media
        return
    with pytest.raises(Refusal) as refused:
        content_type(header)
    assert refused.value.status == 415


@pytest.mark.parametrize(
    ("header", "media"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("text/*", CSV),
        ("application/*", JSON),
        ("text/csv", CSV),
        ("image/png, application/jsonlines;q=0.2", JSON_LINES),
        ("application/json;q=0.5, text/csv", CSV),
        ("application/json;q=x, text/csv;q=0.1", CSV),
        ("application/json;q=0", None),
        ("image/png", None),
        ("*", None),
    ],
)
def test_an_accept_header_chooses_the_format_or_is_refused_with_406(
    header: str | None, media: str | None
) -> None:
    if media is not None:
        assert accepted(header) == media
        return
    with pytest.raises(Refusal) as refused:
        accepted(header)
    assert refused.value.status == 406


@given(st.text(max_size=40))
def test_any_header_is_read_or_refused(header: str) -> None:
    assert getattr(found := outcome(content_type, header), "status", found) in (*READERS, 415)
    assert getattr(found := outcome(accepted, header), "status", found) in (*WRITERS, 406)
