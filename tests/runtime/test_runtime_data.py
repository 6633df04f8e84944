"""Raw tables become partitions with a manifest, and partitions become a training set; both to the byte."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headway_runtime.contract import Contract
from headway_runtime.data.conformance import conform

SOURCE = """
import datetime as dt
import pyarrow as pa
from headway_runtime.data.table import SourceError, Table

def day(n):
    return dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=n)

def orders():
    n = 90
    yield Table("orders", pa.table({
        "placed_at": pa.array([day(i) for i in range(n)], pa.timestamp("s", "UTC")),
        "colour": [["red", "blue", None][i % 3] for i in range(n)],
        "size": [["s", "m"][i % 2] for i in range(n)],
        "price_usd": [float(i % 50) for i in range(n)],
        "stock": [None if i % 7 == 0 else i for i in range(n)],
        "new": [i % 2 == 0 for i in range(n)],
        "sold": [None if i % 10 == 0 else i % 3 == 0 for i in range(n)],
    }), "placed_at")
    yield Table("shops", pa.table({"shop": ["a", "b"]}))

def without_time():
    times = pa.array([None, day(0)], pa.timestamp("s", "UTC"))
    yield Table("orders", pa.table({"placed_at": times}), "placed_at")

def wrong_time_column():
    yield Table("orders", pa.table({"placed_at": [1]}), "when")

def twice():
    yield Table("a", pa.table({"x": [1]}))
    yield Table("a", pa.table({"x": [2]}))

def outside():
    yield Table("../orders", pa.table({"x": [1]}))

def nothing():
    return []

def damaged():
    raise SourceError("the data file orders.zip is damaged; download it again")
    yield

def defect():
    return 1 / 0

NOT_A_FUNCTION = 3
"""

FEATURES = """
import pyarrow as pa

SELECT = "SELECT {columns}, sold AS label, placed_at AS event_time FROM orders"
COLUMNS = "colour, size, price_usd, stock, new"

def build(connection, data_dir):
    return connection.sql(SELECT.format(columns=COLUMNS))

def backwards(connection, data_dir):
    rows = connection.sql(SELECT.format(columns=COLUMNS) + " ORDER BY event_time DESC").to_arrow_table()
    return rows.select(rows.column_names[::-1])

def with_shop(connection, data_dir):
    return connection.sql(SELECT.format(columns=COLUMNS + ", 'a' AS shop"))

def broken_values(connection, data_dir):
    columns = "colour, 'xl' AS size, price_usd + 60 AS price_usd, stock, new"
    return connection.sql(SELECT.format(columns=columns))

def wrong_type(connection, data_dir):
    return connection.sql(SELECT.format(columns="colour, size, size AS price_usd, stock, new"))

def missing_column(connection, data_dir):
    return connection.sql(SELECT.format(columns="colour, size"))

def wrong_label(connection, data_dir):
    return connection.sql("SELECT {}, 2 AS label, placed_at AS event_time FROM orders".format(COLUMNS))

def text_label(connection, data_dir):
    return connection.sql("SELECT {}, 'no' AS label, placed_at AS event_time FROM orders".format(COLUMNS))

def number_time(connection, data_dir):
    return connection.sql("SELECT {}, sold AS label, price_usd AS event_time FROM orders".format(COLUMNS))

def no_time(connection, data_dir):
    never = "SELECT {}, sold AS label, NULL::TIMESTAMP AS event_time FROM orders"
    return connection.sql(never.format(COLUMNS))

def wrong_table(connection, data_dir):
    return connection.sql("SELECT * FROM customers")

def nothing(connection, data_dir):
    return None
"""

CODE = "processing/input/code"
DATA = "processing/output/data"


def tree(directory: Path) -> dict[str, str]:
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def ingested(job: Any, function: str = "orders", *, process: bool = False) -> Any:
    job.put(f"{CODE}/shop/__init__.py", "")
    job.put(f"{CODE}/shop/source.py", SOURCE)
    job.put(f"{CODE}/shop/features.py", FEATURES)
    run = job.run if process else job.call
    return run("ingest", "--source", f"shop.source:{function}")


def prepared(job: Any, contract: dict[str, Any], function: str = "build", until: str = "2020-03-15") -> Any:
    (job.base / DATA).rename(job.base / "processing/input/data")
    job.put("processing/input/contract/contract.json", contract)
    return job.call(
        "prepare",
        "--features",
        f"shop.features:{function}",
        "--train-until",
        "2020-03-01",
        "--evaluate-until",
        until,
    )


def test_tables_become_months_with_a_manifest(job: Any) -> None:
    done = ingested(job, process=True)
    manifest = job.json(f"{DATA}/manifest.json")

    assert done.returncode == 0, done.stderr
    assert list(manifest["tables"]["orders"]["files"]) == [
        f"orders/month=2020-0{month}/part-0.parquet" for month in (1, 2, 3)
    ]
    assert [entry["rows"] for entry in manifest["tables"].values()] == [90, 2]
    files = {path: sha for entry in manifest["tables"].values() for path, sha in entry["files"].items()}
    assert files.items() <= tree(job.base / DATA).items()
    assert job.text("output/message").startswith("ingested 90 orders, 2 shops as dataset sha256:")


def test_the_same_rows_give_the_same_bytes_and_leave_nothing_behind(job: Any) -> None:
    ingested(job, process=True)
    first = tree(job.base / DATA)
    job.put(f"{DATA}/orders/month=1999-01/part-0.parquet", "left by an earlier run")
    ingested(job)

    assert tree(job.base / DATA) == first


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("without_time", "table 'orders' has 1 rows without 'placed_at'"),
        ("wrong_time_column", "table 'orders' has no time column 'when'; it has placed_at"),
        ("twice", "the source yields table 'a' twice"),
        ("outside", "the source yields a table named '../orders'"),
        ("nothing", "the source yields no table"),
        ("damaged", "the data file orders.zip is damaged; download it again"),
        ("absent", "module 'shop.source' has no function 'absent'"),
        ("NOT_A_FUNCTION", "module 'shop.source' has no function 'NOT_A_FUNCTION'"),
    ],
)
def test_a_source_that_cannot_be_ingested_is_one_sentence(job: Any, function: str, says: str) -> None:
    done = ingested(job, function)

    assert done.returncode == 1
    assert says in job.text("output/message")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (job.base / DATA / "manifest.json").exists()


@pytest.mark.parametrize("source", ["shop", ":orders", "shop.source:", "absent.module:orders"])
def test_a_reference_to_no_function_says_how_to_write_one(job: Any, source: str) -> None:
    job.put(f"{CODE}/shop/__init__.py", "")
    done = job.call("ingest", "--source", source)

    assert done.returncode == 1
    assert repr(source) in job.text("output/message")
    assert "Traceback" not in done.stderr


def test_a_defect_of_the_source_is_in_the_log_and_named_in_the_message(job: Any) -> None:
    done = ingested(job, "defect")

    assert done.returncode == 1
    assert job.text("output/message").startswith("internal error, ZeroDivisionError")
    assert "in defect" in done.stderr


def test_features_are_split_by_time_and_reported(job: Any, contract: dict[str, Any]) -> None:
    ingested(job)
    done = prepared(job, contract, "with_shop")
    assert done.returncode == 0, done.stderr

    report = job.json("processing/output/report/dataset.json")
    train = pq.read_table(job.base / "processing/output/train/train.parquet")
    evaluation = pq.read_table(job.base / "processing/output/evaluation/evaluation.parquet")
    names = [field["name"] for field in contract["inputs"]]
    assert train.column_names == [*names, "label", "event_time", "shop"]
    assert str(train["event_time"].type) == "timestamp[us, tz=UTC]"
    assert report["rows"] == {"train": 54, "evaluation": 12, "unlabelled": 8, "later": 16}
    assert (train.num_rows, evaluation.num_rows) == (54, 12)
    assert max(train["event_time"].to_pylist()).isoformat() == "2020-02-29T00:00:00+00:00"
    assert min(evaluation["event_time"].to_pylist()).isoformat() == "2020-03-02T00:00:00+00:00"
    assert report["base_rate"] == pytest.approx(sum(train["label"].to_pylist()) / 54)
    assert report["dataset_version"] == job.json("processing/input/data/manifest.json")["dataset_version"]
    assert (report["train_until"], report["evaluate_until"]) == ("2020-03-01", "2020-03-15")


def test_the_order_of_the_feature_function_does_not_matter(job: Any, contract: dict[str, Any]) -> None:
    ingested(job)
    prepared(job, contract)
    first = tree(job.base / "processing/output/train")
    done = job.run(
        *("prepare", "--features", "shop.features:backwards"),
        *("--train-until", "2020-03-01", "--evaluate-until", "2020-03-15"),
    )

    assert done.returncode == 0, done.stderr
    assert tree(job.base / "processing/output/train") == first


@pytest.mark.parametrize(
    ("function", "until", "says"),
    [
        ("broken_values", "2020-03-15", ["size must be one of s, m (row 1: 'xl'", "and 70 more rows"]),
        ("broken_values", "2020-03-15", ["price_usd must be a number from 0 to 100 (row 42: 101.0"]),
        ("wrong_type", "2020-03-15", ["price_usd cannot be read as number"]),
        (
            "missing_column",
            "2020-03-15",
            ["returns no price_usd, stock, new; it returns colour, size, label"],
        ),
        ("wrong_label", "2020-03-15", ["have a label other than 0 and 1"]),
        ("text_label", "2020-03-15", ["label cannot be read as 0 and 1"]),
        ("number_time", "2020-03-15", ["event_time cannot be read as a time"]),
        ("no_time", "2020-03-15", ["90 rows have no event_time"]),
        ("wrong_table", "2020-03-15", ["the features cannot be computed", "customers"]),
        ("nothing", "2020-03-15", ["returned NoneType; return a relation or an Arrow table"]),
        (
            "build",
            "2020-03-02",
            ["no labelled row lies from 2020-03-01 until 2020-03-02; the rows go from 2020-01-01"],
        ),
    ],
)
def test_features_that_cannot_be_used_say_why(
    job: Any, contract: dict[str, Any], function: str, until: str, says: list[str]
) -> None:
    ingested(job)
    done = prepared(job, contract, function, until)

    assert done.returncode == 1
    assert all(words in done.stderr for words in says), done.stderr
    assert "Traceback" not in done.stderr
    assert not (job.base / "processing/output/train/train.parquet").exists()


def _change(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"x")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (
            lambda d: (d / "orders/month=2020-02/part-0.parquet").unlink(),
            "month=2020-02/part-0.parquet is missing",
        ),
        (lambda d: _change(d / "shops/part-0.parquet"), "shops/part-0.parquet was changed"),
        (lambda d: (d / "manifest.json").unlink(), "the dataset's manifest is missing"),
        (lambda d: (d / "manifest.json").write_text("{"), "is not JSON"),
        (lambda d: (d / "manifest.json").write_text("{}"), "is no dataset manifest; run ingest again"),
        (lambda d: (d / "manifest.json").write_text("[]"), "it must be a JSON object"),
    ],
)
def test_a_dataset_that_is_not_what_was_ingested_is_refused(
    job: Any, contract: dict[str, Any], damage: Any, says: str
) -> None:
    ingested(job)
    damage(job.base / DATA)
    done = prepared(job, contract)

    assert done.returncode == 1
    assert says in job.text("output/message")
    assert "Traceback" not in done.stderr


def test_files_that_the_manifest_does_not_name_are_no_data(job: Any, contract: dict[str, Any]) -> None:
    ingested(job)
    january = job.base / DATA / "orders/month=2020-01/part-0.parquet"
    job.put(f"{DATA}/orders/month=2019-12/part-0.parquet", january.read_bytes())
    done = prepared(job, contract)

    assert done.returncode == 0, done.stderr
    assert job.json("processing/output/report/dataset.json")["rows"]["train"] == 54


def test_a_wrong_contract_lists_its_problems(job: Any, contract: dict[str, Any]) -> None:
    ingested(job)
    done = prepared(job, {**contract, "version": 0, "task": "guess"})

    assert done.returncode == 1
    assert "contract.version is 0" in done.stderr
    assert "contract.task is 'guess'" in done.stderr


def test_a_table_without_rows_honours_any_contract() -> None:
    contract = Contract.from_document(
        {
            "name": "x",
            "version": 1,
            "task": "binary-classification",
            "inputs": [{"name": "a", "type": "number", "minimum": 0}],
            "output": {"name": "p", "type": "number"},
        }
    )
    assert conform(pa.table({"a": pa.array([], pa.float64())}), contract).num_rows == 0
