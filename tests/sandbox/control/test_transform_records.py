"""Records of batch transform and the expressions that filter them: pure, in tables and properties."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.sagemaker.jobs.json_paths import JsonPathError, parse_json_path
from headway_sandbox.sagemaker.jobs.transform_records import (
    DataProcessing,
    RecordError,
    RecordProcessor,
    assemble,
    batches,
    split,
)

DOCUMENT = {"id": 7, "x": [1, 2, 3], "deep": {"a b": {"c": [4, 5]}}}
LINES = st.lists(st.binary(min_size=1, max_size=9).map(lambda raw: raw.hex().encode()), max_size=12)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$", DOCUMENT),
        ("$.id", 7),
        ("$['id']", 7),
        ("$.x[0]", 1),
        ("$.x[-1]", 3),
        ("$.x[1:]", [2, 3]),
        ("$.x[:-1]", [1, 2]),
        ("$.x[0,2]", [1, 3]),
        ("$['id','x']", [7, [1, 2, 3]]),
        ("$.deep['a b'].c", [4, 5]),
        ("$.deep.*.c[0]", [4]),
        ("$.x[*]", [1, 2, 3]),
        ("$.deep.['a b']", {"c": [4, 5]}),
    ],
)
def test_an_expression_finds_what_aws_says(path: str, found: Any) -> None:
    assert parse_json_path(path).find(DOCUMENT) == found


@pytest.mark.parametrize(
    "path", ["", "id", "$..id", "$.x[?(@ > 1)]", "$.x[(@.length-1)]", "$.", "$x", "$[a]"]
)
def test_what_is_no_expression_or_not_known_is_refused(path: str) -> None:
    with pytest.raises(JsonPathError):
        parse_json_path(path)


@pytest.mark.parametrize("path", ["$.none", "$.x.id", "$.x[9]", "$.id[0]", "$.x['0']", "$.id[1:]"])
def test_an_expression_that_finds_nothing_says_so(path: str) -> None:
    with pytest.raises(JsonPathError, match="finds nothing"):
        parse_json_path(path).find(DOCUMENT)


@given(records=LINES, limit=st.none() | st.integers(18, 60), single=st.booleans())
def test_batches_keep_every_record_in_order_and_within_the_limit(
    records: list[bytes], limit: int | None, single: bool
) -> None:
    strategy = "SingleRecord" if single else "MultiRecord"

    made = list(batches(records, strategy=strategy, limit=limit, chosen=lambda record: record))

    assert [record for batch in made for record in batch.records] == records
    assert [batch.payload for batch in made] == [b"\n".join(batch.records) for batch in made]
    assert [batch.first for batch in made] == [
        1 + sum(len(before.records) for before in made[:index]) for index in range(len(made))
    ]
    assert all(limit is None or len(batch.payload) <= limit for batch in made)
    assert not single or all(len(batch.records) == 1 for batch in made)
    for batch, after in itertools.pairwise(made):
        together = len(batch.payload) + 1 + len(after.records[0])
        assert single or (limit is not None and together > limit), "a record that would have fitted"


@given(records=LINES)
def test_lines_that_are_split_are_assembled_again(records: list[bytes]) -> None:
    content = b"".join(record + b"\r\n" for record in records)

    assert split(content, "Line") == records
    assert split(assemble(records, "Line"), "Line") == records
    assert assemble(records, "None") == b"".join(records)


def test_outputs_that_do_not_fit_their_records_are_not_joined() -> None:
    processing = DataProcessing.of({"DataProcessing": {"JoinSource": "Input"}})
    processor = RecordProcessor(processing, "text/csv", by_line=True)
    (batch,) = batches([b"1", b"2"], strategy="MultiRecord", limit=None, chosen=processor.chosen)

    assert processor.result(batch, b"a\nb") == b"1,a\n2,b"
    with pytest.raises(RecordError, match="answered 2 records with 3"):
        processor.result(batch, b"a\nb\nc")


def test_csv_keeps_what_has_to_be_quoted() -> None:
    processing = DataProcessing.of({"DataProcessing": {"InputFilter": "$[1:]"}})
    processor = RecordProcessor(processing, "text/csv; charset=utf-8", by_line=True)

    assert processor.chosen(b'7,"a, b",c') == b'"a, b",c'
