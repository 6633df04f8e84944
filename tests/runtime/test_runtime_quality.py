"""Data that arrives: whatever comes, nothing is lost, nothing counts twice, the report says what happened."""

import csv
import gzip
import io
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_runtime.data.ingest import ingest
from headway_runtime.data.table import Table
from headway_runtime.jobs import JobError
from headway_runtime.quality.contract import DataContract
from headway_runtime.quality.gate import Gate
from headway_runtime.quality.outcome import BatchOutcome, TableOutcome, document, sentence

EXAMPLES = int(os.environ.get("HEADWAY_EXAMPLES", "18"))
START = datetime(2026, 1, 30, tzinfo=UTC)
COLUMNS = ("id", "version", "amount", "email", "at")
ORDERS: dict[str, Any] = {
    "table": "orders",
    "key": ["id"],
    "newest_by": "version",
    "time": "at",
    "columns": [
        {"name": "id", "type": "integer"},
        {"name": "version", "type": "integer", "nullable": True},
        {"name": "amount", "type": "number", "minimum": 0, "maximum": 10},
        {"name": "email", "type": "string", "personal_data": True},
        {"name": "at", "type": "timestamp"},
    ],
    "minimum_pass_rate": 0.0,
    "minimum_rows": 0,
    "maximum_bad_batches": 100,
    "landing": True,
}
Row = tuple[str, ...]


def with_limit(name: str, **limit: object) -> list[dict[str, Any]]:
    return [{**item, **limit} if item["name"] == name else item for item in ORDERS["columns"]]


def row(number: int, amount: object = 1, version: object = "", day: int = 0, email: str = "a@b.ch") -> Row:
    at = (START + timedelta(days=day)).isoformat()
    return (str(number), str(version), str(amount), email, at)


def as_csv(rows: Sequence[Row], header: Sequence[str] = COLUMNS) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


class Run:
    """One ingestion of what has landed."""

    def __init__(
        self,
        batches: Mapping[str, bytes],
        contract: Mapping[str, Any] = ORDERS,
        tables: Sequence[Table] = (),
        good: Mapping[str, Any] | None = None,
    ) -> None:
        with tempfile.TemporaryDirectory() as place:
            base = Path(place)
            for name, content in batches.items():
                path = base / "landing" / "orders" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            (base / "scratch").mkdir()
            self.gate = Gate(
                contracts={str(contract["table"]): DataContract.from_document(contract)},
                landing=base / "landing",
                set_aside=base / "set-aside",
                good={} if good is None else good,
                as_of=START + timedelta(days=40),
                scratch=base / "scratch",
            )
            self.manifest = ingest(tables, base / "data", self.gate)
            self.rows = [item for path in _parquet(base / "data") for item in pq.read_table(path).to_pylist()]
            self.aside = {
                path.relative_to(base / "set-aside").as_posix(): path.read_bytes()
                for path in sorted((base / "set-aside").rglob("*"))
                if path.is_file()
            }
        (self.outcome,) = self.gate.outcomes

    @property
    def batches(self) -> dict[str, BatchOutcome]:
        return {batch.name.removeprefix("orders/"): batch for batch in self.outcome.batches}

    @property
    def told(self) -> str:
        """Everything that the report says."""
        return json.dumps(document([self.outcome], set_aside=True)) + sentence([self.outcome])


def _parquet(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*.parquet"))


ROWS = st.lists(
    st.builds(
        row,
        st.integers(0, 4),
        st.sampled_from([1, 2.5, 11, "much", ""]),
        st.sampled_from(["", 0, 1, 2]),
        st.integers(0, 3),
    ),
    max_size=6,
)


def expected(batches: Mapping[str, Sequence[Row]]) -> tuple[dict[str, tuple[int, ...]], list[Row]]:
    """The same by a plain reading of the rules: counts by batch, and the rows that count."""
    seen: set[bytes] = set()
    counts: dict[str, list[int]] = {}
    best: dict[str, tuple[tuple[int, int, int], str, Row]] = {}
    kept: list[tuple[str, tuple[int, int, int], Row]] = []
    newest = ""
    for order, name in enumerate(sorted(batches)):
        content = as_csv(batches[name])
        if content in seen:
            continue
        seen.add(content)
        fine: dict[str, tuple[tuple[int, int], Row]] = {}
        for place, item in enumerate(batches[name]):
            version = -1 if item[1] == "" else int(item[1])
            if item[2] in ("11", "much", ""):
                continue
            if item[0] not in fine or (version, place) > fine[item[0]][0]:
                fine[item[0]] = ((version, place), item)
        late = sum(item[4] < newest for _, item in fine.values())
        counts[name] = [len(batches[name]), 0, 0, 0, len(batches[name]) - len(fine), late]
        newest = max([newest, *(item[4] for _, item in fine.values())])
        for (version, place), item in fine.values():
            rank = (version, order, place)
            kept.append((name, rank, item))
            if item[0] not in best or rank > best[item[0]][0]:
                best[item[0]] = (rank, name, item)
    for name, rank, item in kept:
        first = best[item[0]]
        same = [*map(_plain, item)] == [*map(_plain, first[2])]
        counts[name][1 if rank == first[0] else 2 if same else 3] += 1
    return {name: tuple(found) for name, found in counts.items()}, [item for *_, item in best.values()]


def _plain(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dictionaries(st.sampled_from(["01.csv", "02.csv", "03.csv", "04.csv"]), ROWS, min_size=1))
def test_every_row_counts_once_is_repeated_or_replaced_or_is_set_aside(
    batches: dict[str, list[Row]],
) -> None:
    counts, rows = expected(batches)
    run = Run({name: as_csv(found) for name, found in batches.items()})
    found = {
        name: (batch.rows, batch.accepted, batch.repeated, batch.replaced, batch.failed, batch.late)
        for name, batch in run.batches.items()
        if batch.state != "repeat"
    }

    assert found == counts
    assert sorted((item["id"], item["amount"]) for item in run.rows) == sorted(
        (int(item[0]), float(item[2])) for item in rows
    )
    for batch in run.batches.values():
        assert batch.rows == batch.accepted + batch.repeated + batch.replaced + batch.failed


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["01.csv", "02.csv", "03.csv"]), ROWS, min_size=1),
    st.lists(st.sampled_from(["98.csv", "99.csv"]), unique=True, min_size=1),
    st.data(),
)
def test_batches_that_come_again_change_nothing(
    batches: dict[str, list[Row]], again: list[str], data: st.DataObject
) -> None:
    files = {name: as_csv(rows) for name, rows in batches.items()}
    copies = {name: files[data.draw(st.sampled_from(sorted(files)))] for name in again}
    first, second = Run(files), Run({**copies, **files})

    assert second.manifest == first.manifest
    assert {second.batches[name].state for name in again} == {"repeat"}


def test_the_same_rows_cut_into_other_batches_are_the_same_dataset() -> None:
    rows = [row(number, number % 7, day=number) for number in range(30)]
    whole = Run({"all.csv": as_csv(rows)})
    cut = Run({f"{start:02}.csv": as_csv(rows[start : start + 10]) for start in (20, 0, 10)})
    packed = Run({"all.csv.gz": gzip.compress(as_csv(rows))})
    table = pa.table({name: [item[place] or None for item in rows] for place, name in enumerate(COLUMNS)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    parquet = Run({"all.parquet": sink.getvalue().to_pybytes()})

    assert whole.manifest is not None
    assert len(whole.manifest["tables"]["orders"]["files"]) == 2
    assert cut.manifest == packed.manifest == whole.manifest
    assert parquet.manifest == whole.manifest


GOOD = as_csv([row(1), row(2)])
_SINK = pa.BufferOutputStream()
pq.write_table(pa.table({name: ["1", "2"] for name in COLUMNS}), _SINK)
PARQUET = _SINK.getvalue().to_pybytes()
DAMAGED = {
    "cut in a quote": ("a.csv", b'id,version,amount,email,at\n1,,1,"Secret', "may be cut off"),
    "cut in a line": ("a.csv", GOOD + b"3,,1\n", "line 4: a row has another number of values"),
    "no end of its last line": ("a.csv", GOOD[:-4], "its last line has no end"),
    "another encoding": ("a.csv", GOOD.replace(b"a@b", "Sécret".encode("latin-1")), "it is not UTF-8"),
    "sixteen bits": ("a.csv", GOOD.decode().encode("utf-16"), "it is not UTF-8"),
    "an open quote": ("a.csv", GOOD + b'3,,1,"Secret,2026\n', "a quoted value has no end"),
    "nothing": ("a.csv", b"", "it is empty"),
    "half a Parquet": ("a.parquet", PARQUET[: len(PARQUET) // 2], "it cannot be read to its end"),
    "a Parquet without its head": ("a.parquet", b"Secret" * 50, "it cannot be read to its end"),
    "half an archive": ("a.csv.gz", gzip.compress(GOOD * 400)[:60], "it cannot be"),
    "no archive": ("a.csv.gz", b"Secret", "it cannot be unpacked"),
    "a name that is a pattern": ("a[1].csv", b"Secret", "its name has one of"),
    "another format": ("a.xlsx", b"Secret", "its name ends in none of .csv, .csv.gz, .parquet"),
}


@pytest.mark.parametrize("case", DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_batch_is_kept_as_it_came_and_the_others_count(case: tuple[str, bytes, str]) -> None:
    name, content, why = case
    run = Run({name: content, "good.csv": GOOD})

    assert run.batches[name].state == "damaged"
    assert why in run.batches[name].why
    assert [value for key, value in run.aside.items() if key.endswith(name)] == [content]
    assert [item["id"] for item in run.rows] == [1, 2]
    assert "ecret" not in run.told


REFUSED: dict[str, tuple[dict[str, Any], list[Row], str]] = {
    "pass rate": (
        {"minimum_pass_rate": 0.8, "maximum_bad_batches": 0},
        [row(1), row(2, 11), row(3, "x")],
        "batch orders/a.csv: 0.333333 of its rows pass, at least 0.8 must",
    ),
    "too few rows": ({"minimum_rows": 5}, [row(1)], "rows is 1, allowed is from 5 (find out what"),
    "too many rows": ({"maximum_rows": 1}, [row(1), row(2)], "rows is 2, allowed is from 0 to 1"),
    "too old": ({"maximum_age_h": 24}, [row(1)], "freshness is 960.0 h old at 2026-03-11 00:00 UTC, allowed"),
    "incomplete": (
        {"columns": with_limit("version", minimum_completeness=0.9)},
        [row(1), row(2, version=1)],
        "version: completeness is 0.5, allowed is at least 0.9 (find out why values are missing)",
    ),
    "a damaged batch": (
        {"maximum_bad_batches": 0, "minimum_pass_rate": 1.0},
        [row(1, 11)],
        "bad batches is 1",
    ),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=list(REFUSED))
def test_a_refused_table_never_becomes_a_dataset_and_is_kept(
    case: tuple[dict[str, Any], list[Row], str],
) -> None:
    change, rows, says = case
    run = Run({"a.csv": as_csv(rows)}, {**ORDERS, **change})

    assert run.manifest is None
    assert run.rows == []
    assert says in sentence([run.outcome])
    assert run.aside


def test_offending_rows_are_shown_without_personal_data_and_kept_whole() -> None:
    rows = [row(1), row(2, 12, email="Secret@b.ch"), row(3, "Secret"), row(1, 3, email="Secret@c.ch")]
    checks = [{"name": "cheap", "sql": "amount < 3 AND email IS NOT NULL", "fix": "ask for less"}]
    columns = with_limit("amount", personal_data=True)
    run = Run({"a.csv": as_csv(rows)}, {**ORDERS, "row_checks": checks, "columns": columns})
    failing = {check.name: check for check in run.outcome.checks if check.failing_rows}

    assert {name: check.failing_rows for name, check in failing.items()} == {
        "amount: range": 1,
        "amount: type": 1,
        "cheap": 2,
    }
    assert failing["amount: type"].examples == [
        {"batch": "orders/a.csv", "row": 3, "values": {"id": "'3'", "amount": "(personal data)"}}
    ]
    assert "ecret" not in run.told
    kept = pq.read_table(pa.BufferReader(run.aside["orders/rows/orders/a.csv.parquet"])).to_pylist()
    assert [(item["email"], item["headway_failed"]) for item in kept] == [
        ("Secret@b.ch", ["amount: range", "cheap"]),
        ("a@b.ch", ["amount: type"]),
        ("Secret@c.ch", ["cheap"]),
    ]


def test_other_columns_are_no_batch_of_the_table() -> None:
    run = Run(
        {
            "a.csv": GOOD,
            "b.csv": as_csv([row(3)[:4]], COLUMNS[:4]),
            "c.csv": as_csv([(*row(4), "x")], (*COLUMNS, "more")),
        }
    )

    assert run.batches["b.csv"].why == "it lacks at; the table has id, version, amount, email, at"
    assert "it has unknown columns more" in run.batches["c.csv"].why
    assert [item["id"] for item in run.rows] == [1, 2]


def test_a_check_that_cannot_be_computed_fails_the_row_and_one_that_cannot_be_read_the_job() -> None:
    checks = [{"name": "dividing", "sql": "CAST(email AS INTEGER) > 0", "fix": "give a number"}]
    run = Run({"a.csv": as_csv([row(1, email="7"), row(2, email="x")])}, {**ORDERS, "row_checks": checks})
    assert [item["id"] for item in run.rows] == [1]

    wrong = [{"name": "typo", "sql": "amuont > 0", "fix": "none"}]
    with pytest.raises(JobError, match=r"row checks of table 'orders' cannot be read: typo \(.*amuont"):
        Run({"a.csv": GOOD}, {**ORDERS, "row_checks": wrong})


def test_rows_of_the_code_and_rows_that_landed_are_one_table() -> None:
    times = pa.array([START, START + timedelta(days=5)], pa.timestamp("s", "UTC"))
    own = pa.table(
        {"id": [1, 2], "version": pa.array([1, 1]), "amount": [1.0, 2.0], "email": ["x", "y"], "at": times}
    )
    run = Run({"a.csv": as_csv([row(2, 9, 2, 5), row(3, 3, 1, 1)])}, tables=[Table("orders", own, "at")])

    assert [(item["id"], item["amount"]) for item in sorted(run.rows, key=lambda item: item["id"])] == [
        (1, 1.0),
        (2, 9.0),
        (3, 3.0),
    ]
    assert {name: (batch.accepted, batch.replaced, batch.late) for name, batch in run.batches.items()} == {
        "(source)": (1, 1, 0),
        "a.csv": (2, 0, 1),
    }


def test_what_nothing_is_wrong_with_is_written_as_without_a_contract() -> None:
    own = pa.table({name: [item] for name, item in zip(COLUMNS, row(1, version=1), strict=True)})
    at = own.set_column(4, "at", pa.array([START], pa.timestamp("s", "UTC")))
    with tempfile.TemporaryDirectory() as place:
        plain = ingest([Table("orders", at, "at")], Path(place))

    assert Run({}, tables=[Table("orders", at, "at")]).manifest == plain


def test_a_distribution_is_held_against_the_last_good_version() -> None:
    columns = with_limit("amount", maximum_shift=0.1)
    contract = {**ORDERS, "columns": columns}
    before = Run({"a.csv": as_csv([row(number, number % 10) for number in range(800)])}, contract)
    same = Run(
        {"a.csv": as_csv([row(number, (number * 7) % 10) for number in range(800)])},
        contract,
        good=before.gate.profiles,
    )
    few = Run({"a.csv": as_csv([row(1, 9), row(2, 9)])}, contract, good=before.gate.profiles)
    moved = Run(
        {"a.csv": as_csv([row(number, 5 + number % 5) for number in range(800)])},
        contract,
        good=before.gate.profiles,
    )

    assert same.outcome.passed
    assert few.outcome.passed
    assert not moved.outcome.passed
    assert "amount: shift against the last good version is" in sentence([moved.outcome])


SOURCE = """
import pyarrow as pa
from headway_runtime.data.table import Table

def orders():
    yield Table("orders", pa.table({"id": [1, 2, 3], "amount": [1.0, 20.0, 3.0]}))
"""


@pytest.mark.parametrize(("rate", "passed"), [(0.5, True), (0.9, False)])
def test_the_job_leaves_its_verdict_and_what_it_set_aside(job: Any, rate: float, passed: bool) -> None:
    contract = {
        "table": "orders",
        "key": ["id"],
        "columns": [{"name": "amount", "type": "number", "maximum": 10}],
        "minimum_pass_rate": rate,
    }
    job.put("processing/input/code/shop/__init__.py", "")
    job.put("processing/input/code/shop/source.py", SOURCE)
    job.put("processing/input/data-contracts/data-contracts.json", {"tables": [contract]})
    job.put("processing/input/landing/README.txt", "Batches land here.")
    job.put("processing/input/landing/oders/1.csv", "id,amount\n9,9\n")
    done = job.call("ingest", "--source", "shop.source:orders", "--as-of", "2026-01-01")
    assert done.returncode == 0, done.stderr
    verdict = job.json("processing/output/quality/quality.json")

    assert (verdict["passed"], verdict["set_aside"]) == (passed, True)
    assert verdict["strays"] == ["oders/1.csv"]
    assert "1 files landed below no table: oders/1.csv; put them below one" in job.text("output/message")
    assert (job.base / "processing/output/data/manifest.json").exists() is passed
    assert (job.base / "processing/output/good/profiles.json").exists() is passed
    assert ("the data is refused: data contract of orders" in job.text("output/message")) is not passed

    (job.base / "processing/output/set-aside").rename(job.base / "processing/input/set-aside")
    kept = job.call("quarantine")
    receipt = job.json("processing/output/quarantine/receipt.json")

    assert kept.returncode == 0, kept.stderr
    assert {"quality.json", "quality.html"} < set(receipt["files"])
    assert any(name.startswith("orders/") for name in receipt["files"])


def test_a_job_with_contracts_needs_the_moment_that_age_is_taken_at(job: Any) -> None:
    job.put("processing/input/code/shop/__init__.py", "")
    job.put("processing/input/code/shop/source.py", SOURCE)
    job.put("processing/input/data-contracts/data-contracts.json", {"tables": [{"columns": []}]})
    damaged = job.call("ingest", "--source", "shop.source:orders")
    job.put(
        "processing/input/data-contracts/data-contracts.json",
        {"tables": [{"table": "orders", "columns": []}]},
    )
    without = job.call("ingest", "--source", "shop.source:orders")

    assert damaged.returncode == without.returncode == 1
    assert "are damaged" in damaged.stderr
    assert "give --as-of DATE" in without.stderr


def test_the_outcome_of_nothing_is_a_refusal_with_its_reason() -> None:
    run = Run({}, {**ORDERS, "minimum_rows": 1})

    assert isinstance(run.outcome, TableOutcome)
    assert "rows is 0, allowed is from 1" in sentence([run.outcome])
