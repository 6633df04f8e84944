"""Random rows in every kind of file: the subject's go, and all others stay, as a plain reference says."""

import base64
import csv
import gzip
import io
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_runtime.contract import Contract
from headway_runtime.erasure.captured import Traces, cut_capture
from headway_runtime.erasure.csv_rows import cut_csv
from headway_runtime.erasure.cut import UnreadableError
from headway_runtime.erasure.labels import cut_labels, cut_ledger
from headway_runtime.erasure.parquet_rows import cut_parquet
from headway_runtime.erasure.reports import renewed_manifest, renewed_receipt
from headway_runtime.erasure.signs import Sign, Signs, signs_of
from headway_runtime.erasure.subject import Identity, Subject, SubjectError, is_value, read_subject
from headway_runtime.features.right_in_time import RightInTime, Stored
from headway_runtime.features.transformation import ComputedFeature, Transformation
from headway_runtime.monitor.capture import read_capture
from headway_runtime.monitor.labels import Label, entity_key, read_labels
from headway_runtime.monitor.ledger import Ledger, read_ledger, write_ledger
from headway_runtime.monitor.ledger_rows import Prediction, Waiting

WHO = "c,\"1'"
"""A key with everything in it that a format needs to quote."""
KEYS = st.sampled_from([WHO, "c", "1", f"{WHO}0", "C,\"1'", "", "c\n1", "ü"])
ROWS = st.lists(st.tuples(KEYS, st.integers(-3, 3)), max_size=8)
SUBJECT = Subject({"customer": WHO}, (Identity("customers-v1", {"customer": WHO}),))
REQUESTS = Signs(({"customer": WHO},))
CONTRACT = Contract.from_document(
    {
        "name": "shop",
        "version": 1,
        "task": "binary-classification",
        "inputs": [
            {"name": "customer", "type": "string", "nullable": False},
            {"name": "amount", "type": "number", "nullable": False},
        ],
        "output": {"name": "probability", "type": "number", "minimum": 0.0, "maximum": 1.0},
    }
)
CASES = settings(max_examples=60, deadline=None)


@pytest.fixture(scope="module")
def place() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def without(rows: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    return [row for row in rows if row[0] != WHO]


@CASES
@given(rows=ROWS, group=st.integers(1, 4), codec=st.sampled_from(["snappy", "zstd", "none"]))
def test_parquet(place: Path, rows: list[tuple[str, int]], group: int, codec: str) -> None:
    source, target = place / "a.parquet", place / "b.parquet"
    target.unlink(missing_ok=True)
    table = pa.table(
        {
            "customer": pa.array([key for key, _ in rows], pa.string()),
            "n": pa.array([n for _, n in rows], pa.int32()),
            "write_time": pa.array([n for _, n in rows], pa.timestamp("ms")),
        },
        metadata={"made by": "spark"},
    )
    pq.write_table(table, source, row_group_size=group, compression=codec)

    cut = cut_parquet(source, target, [Sign.named({"customer": WHO})])

    assert (cut.removed, cut.kept) == (len(rows) - len(without(rows)), len(without(rows)))
    assert target.exists() is (cut.removed > 0)
    if cut.removed:
        with pq.ParquetFile(target) as file:
            rest = file.read()
            codecs = {
                file.metadata.row_group(number).column(0).compression for number in range(file.num_row_groups)
            }
        assert rest.schema.equals(table.schema, check_metadata=True)
        assert [(row["customer"], row["n"]) for row in rest.to_pylist()] == without(rows)
        assert codecs <= {"UNCOMPRESSED" if codec == "none" else codec.upper()}


def test_times_of_spark_stay_times_of_spark(place: Path) -> None:
    table = pa.table({"customer": [WHO, "x"], "at": pa.array([1, 2], pa.timestamp("ns"))})
    pq.write_table(table, place / "s.parquet", use_deprecated_int96_timestamps=True, store_schema=False)

    cut_parquet(place / "s.parquet", place / "t.parquet", [Sign.named({"customer": WHO})])

    with pq.ParquetFile(place / "t.parquet") as file:
        assert file.schema.column(1).physical_type == "INT96"
        assert b"ARROW:schema" not in (file.metadata.metadata or {})


@CASES
@given(rows=ROWS, end=st.sampled_from(["\n", "\r\n"]), packed=st.booleans(), mark=st.booleans())
def test_csv(place: Path, rows: list[tuple[str, int]], end: str, packed: bool, mark: bool) -> None:
    def written(found: Sequence[tuple[str, int]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator=end).writerows([("customer", "n"), *found])
        return ("\ufeff" if mark else "").encode() + text.getvalue().encode()

    name = "a.csv.gz" if packed else "a.csv"
    source, target = place / name, place / f"rest-{name}"
    target.unlink(missing_ok=True)
    source.write_bytes(gzip.compress(written(rows)) if packed else written(rows))

    cut = cut_csv(source, target, [Sign.named({"customer": WHO})], [WHO])

    assert (cut.removed, cut.kept) == (len(rows) - len(without(rows)), len(without(rows)))
    body = target.read_bytes()
    assert (gzip.decompress(body) if packed else body) == written(without(rows))


def _body(kind: str, rows: Sequence[tuple[str, int]], name: str, form: str) -> bytes:
    items = [{"customer": key, "amount": n} for key, n in rows]
    if form == "answer":
        items = [{"probability": n / 10} for _, n in rows]
    if kind == "application/json":
        return json.dumps({name: items}).encode()
    if kind == "application/jsonlines":
        return "".join(json.dumps(item) + "\n" for item in items).encode()
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([item.values() for item in items])
    return text.getvalue().encode()


KINDS = st.sampled_from(["text/csv", "application/json", "application/jsonlines"])
# What an endpoint takes: no empty row, and an amount that is also the answer, so that both are known again.
ASKED = st.lists(st.tuples(KEYS.filter(bool), st.integers(0, 9)), min_size=1, max_size=5)


@CASES
@given(
    requests=st.lists(st.tuples(ASKED, KINDS, st.booleans()), max_size=4),
    label_values=st.lists(st.sampled_from(["0", "1"]), min_size=5, max_size=5),
)
def test_traffic_its_labels_and_its_ledger(
    place: Path, requests: list[tuple[list[tuple[str, int]], str, bool]], label_values: list[str]
) -> None:
    for path in place.rglob("*.jsonl"):
        path.unlink()
    lines, labels = [], []
    ledger = Ledger()
    for number, (rows, kind, packed) in enumerate(requests):
        parts = {}
        for name, mode, what in (
            ("endpointInput", "instances", "request"),
            ("endpointOutput", "predictions", "answer"),
        ):
            body = _body(kind, rows, mode, what)
            data = base64.b64encode(body).decode() if packed else body.decode()
            parts[name] = {
                "observedContentType": kind,
                "mode": name,
                "data": data,
                "encoding": "BASE64" if packed else "JSON",
            }
        metadata = {
            "eventId": f"e{number}",
            "inferenceId": f"i{number}",
            "inferenceTime": "2026-01-05T12:00:00Z",
        }
        lines.append(json.dumps({"captureData": parts, "eventMetadata": metadata, "eventVersion": "0"}))
        truth = {"data": "\n".join(label_values[: len(rows)]), "encoding": "CSV"}
        labels.append(json.dumps({"groundTruthData": truth, "eventMetadata": {"eventId": f"i{number}"}}))
        for row in range(len(rows)):
            ledger.predictions[(f"i{number}", row)] = Prediction((f"i{number}", row), 0.5, 1.0)
    ledger.waiting = [
        Waiting(Label("", 0, entity_key({"customer": key}), 1.0, 1), 1.0) for key in (WHO, "other")
    ]
    source, rest = place / "in" / "a.jsonl", place / "out" / "a.jsonl"
    for folder in (source.parent, rest.parent):
        folder.mkdir(exist_ok=True)
    source.write_text("".join(f"{line}\n" for line in lines))
    (place / "l.txt").write_text("".join(f"{line}\n" for line in labels))
    (place / "rest.txt").unlink(missing_ok=True)
    write_ledger(ledger, place / "l.parquet")
    stay = {
        (f"i{number}", row): values
        for number, (rows, _, _) in enumerate(requests)
        for row, values in enumerate(rows)
        if values[0] != WHO
    }
    gone = sum(len(rows) for rows, _, _ in requests) - len(stay)

    traces = Traces(REQUESTS)
    cut = cut_capture(source, rest, CONTRACT.input_names, SUBJECT, traces)
    cut_labels_of = cut_labels(place / "l.txt", place / "rest.txt", SUBJECT, traces)
    ledger_cut = cut_ledger(place / "l.parquet", place / "rest.parquet", traces)

    traffic = read_capture((rest if cut.removed else source).parent, CONTRACT)
    assert (cut.removed, cut.kept, cut_labels_of.removed) == (gone, len(stay), gone)
    assert traffic.unreadable == {}
    found = zip(traffic.ids, traffic.inputs.to_pylist(), traffic.answers, strict=True)
    assert {
        key: (row["customer"], round(row["amount"]), round(answer * 10)) for key, row, answer in found
    } == {key: (who, n, n) for key, (who, n) in stay.items()}
    feed = read_labels([place / ("rest.txt" if gone else "l.txt")])
    assert {(item.id, item.place): str(item.value) for item in feed.labels} == {
        (request, row): label_values[row] for request, row in stay
    }
    after = read_ledger(place / "rest.parquet")
    kept = after.resting.table.to_pylist()
    assert {(row["id"], row["place"]) for row in kept} == set(stay)
    assert ledger_cut.removed == gone + 1
    assert [item.label.entity for item in after.waiting] == [entity_key({"customer": "other"})]
    # Cut again, nothing is left to cut, and nobody's row has another place.
    if cut.removed:
        again = Traces(REQUESTS)
        assert cut_capture(rest, place / "twice", CONTRACT.input_names, SUBJECT, again).removed == 0
        assert not any(again.places.values())


PLAN = RightInTime(
    name="shop",
    labels=Transformation(
        name="orders",
        source="orders",
        columns={"id": "VARCHAR", "shop": "VARCHAR", "number": "BIGINT", "at": "TIMESTAMPTZ"},
        keys={"order": "orders.id"},
        event_time="orders.at",
        features=(ComputedFeature(name="buyer", type="string", sql="orders.shop || '-' || orders.number"),),
    ),
    label="true",
    stored=(
        Stored(
            Transformation(
                name="customers",
                source="customers",
                columns={"id": "VARCHAR", "at": "TIMESTAMPTZ"},
                keys={"customer": "customers.id"},
                event_time="customers.at",
                features=(ComputedFeature(name="n", type="integer", sql="1"),),
            ),
            keys={"customer": "buyer"},
        ),
    ),
)


def test_a_key_goes_by_the_name_that_the_code_gives_it() -> None:
    who = read_subject(["customer=ch-7"], {"customers-v1": ["customer"], "orders-v1": ["order"]})

    signs = signs_of(who, PLAN, {"orders-v1": ["order"]})

    assert signs.requests == ({"customer": "ch-7"}, {"buyer": "ch-7"})
    assert {name: [sign.expressions for sign in found] for name, found in signs.tables.items()} == {
        "orders": [{"orders.shop || '-' || orders.number": "ch-7"}],
        "customers": [{"customers.id": "ch-7"}],
    }
    assert signs.ids == ()


def test_a_computed_key_is_computed_for_every_row(place: Path) -> None:
    (place / "o.csv").write_text("id,shop,number\n1,ch,7\n2,ch,8\n3,ch,x\n4,ch-7,\n")
    who = read_subject(["customer=ch-7"], {"customers-v1": ["customer"]})

    cut = cut_csv(place / "o.csv", place / "p.csv", signs_of(who, PLAN, {}).of_table("orders"), ["ch-7"])

    assert (cut.removed, cut.kept) == (1, 3)
    assert (place / "p.csv").read_text() == "id,shop,number\n2,ch,8\n3,ch,x\n4,ch-7,\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'customer,n\n"c-1,1\n', "it is no CSV"),
        (b"customer,n\n\xff,1\n", "it is not UTF-8"),
        (b"name,n\nc-1,1\n", "no column says that it is the key"),
        (b"customer,n\nc-2,1\n7,8,c-1\n", "no column says that it is the key"),
        (b"n,N\nc-1,1\n", "its header repeats a name"),
    ],
)
def test_what_cannot_be_told_is_said_and_not_cut(place: Path, content: bytes, said: str) -> None:
    (place / "bad.csv").write_bytes(content)

    with pytest.raises(UnreadableError, match=said) as raised:
        cut_csv(place / "bad.csv", place / "x.csv", [Sign.named({"customer": "c-1"})], ["c-1"])
    assert "c-1" not in str(raised.value)


def test_long_numbers_that_differ_in_their_last_digit_are_two_people(place: Path) -> None:
    table = pa.table({"customer": pa.array([2**60, 2**60 + 1], pa.int64())})
    pq.write_table(table, place / "n.parquet")

    cut = cut_parquet(place / "n.parquet", place / "m.parquet", [Sign.named({"customer": str(2**60)})])

    assert (cut.removed, cut.kept) == (1, 1)
    assert [is_value(found, "7") for found in (7, 7.0, "7", "07", True, None)] == [
        *(True, True, True),
        *(False, False, False),
    ]


def test_a_subject_of_two_columns_needs_both() -> None:
    entities = {"seats-v1": ["flight", "seat"], "people-v2": ["person"]}

    assert read_subject(["flight=F", "seat=1"], entities).identities == (
        Identity("seats-v1", {"flight": "F", "seat": "1"}),
    )
    with pytest.raises(SubjectError, match="seat alone tells nobody apart; give flight, seat together"):
        read_subject(["seat=1", "person=p"], entities)


def test_documents_with_digests_say_once_what_changes() -> None:
    receipt = {"files": {"a": "1", "b": "2"}}
    manifest = {"tables": {"t": {"rows": 5, "files": {"t/a": "1"}}}, "dataset_version": "v1"}

    one = renewed_manifest(manifest, "t/a", "9", 2)
    assert one is not None
    two = renewed_manifest(one, "t/a", "8", 1)
    assert two is not None

    assert renewed_receipt(receipt, "a", None) == {"files": {"b": "2"}}
    assert renewed_receipt(receipt, "a", "1") is renewed_receipt(receipt, "c", "1") is None
    assert one["tables"]["t"] == {"rows": 3, "files": {"t/a": "9"}}
    assert renewed_manifest(one, "t/a", "9", 2) is None
    assert (two["erased_from"], two["tables"]["t"]["rows"]) == ("v1", 2)
    assert len({two["dataset_version"], one["dataset_version"], "v1"}) == 3
