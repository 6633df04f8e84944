"""`training-set` as a processing job: an offline store in AWS's layout becomes a set with a version."""

import contextlib
import datetime as dt
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot

from headway_runtime.__main__ import main
from headway_runtime.features.definition import DefinitionError, TrainingSetDefinition

DAY = dt.datetime(2024, 5, 1, tzinfo=dt.UTC).replace(tzinfo=None)  # as the store writes times
DEFINITION: dict[str, Any] = {
    "name": "orders",
    "label_time": "ordered_at",
    "groups": [
        {
            "name": "customer-history",
            "version": 2,
            "contract_digest": "sha256:" + "1" * 64,
            "keys": {"customer": "customer"},
            "event_time": "seen_at",
            "known_by": "write_time",
            "ttl_s": 86_400,
            "features": [{"name": "spent_usd", "type": "number"}, {"name": "tier", "type": "string"}],
        }
    ],
}


def hour(hours: float) -> dt.datetime:
    return DAY + dt.timedelta(hours=hours)


def put_records(base: Path, name: str, written: float, records: list[tuple[str, float, float]]) -> Path:
    """One file of the store: customer, event time in hours and money of each record."""
    folder = base / "processing/input/features/customer-history/year=2024/month=05/day=01/hour=00"
    folder.mkdir(parents=True, exist_ok=True)
    times = pa.array([hour(written)] * len(records), pa.timestamp("ms"))
    table = pa.table(
        {
            "customer": [customer for customer, _, _ in records],
            "seen_at": [f"{hour(event):%Y-%m-%dT%H:%M:%SZ}" for _, event, _ in records],
            "spent_usd": [money for _, _, money in records],
            "write_time": times,
            "api_invocation_time": times,
            "is_deleted": [False] * len(records),
        }
    )
    pq.write_table(table, folder / name)
    return folder / name


@pytest.fixture
def base(tmp_path: Path) -> Path:
    labels = tmp_path / "processing/input/labels"
    labels.mkdir(parents=True)
    times = [hour(at).replace(tzinfo=dt.UTC) for at in (3, 1, 50, 3)]
    table = {"ordered_at": times, "customer": ["ann", "ann", "ann", None], "label": [1, 0, 1, None]}
    pq.write_table(pa.table(table), labels / "part-0.parquet")
    (tmp_path / "processing/input/definition").mkdir()
    (tmp_path / "processing/input/definition/definition.json").write_text(json.dumps(DEFINITION))
    put_records(tmp_path, "20240501T020000Z_aaaa.parquet", 2.5, [("ann", 2, 20.0), ("bob", 1, 5.0)])
    # A feature that was added later: its column is in newer files only.
    path = put_records(tmp_path, "20240501T024000Z_bbbb.parquet", 2.9, [("ann", 2.6, 30.0)])
    pq.write_table(pq.read_table(path, partitioning=None).append_column("tier", pa.array(["gold"])), path)
    return tmp_path


def run(base: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headway_runtime", "training-set", *arguments],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def refused(base: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """The same in this process, which is faster: what it says when it fails."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(base))
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        assert main(["training-set", *arguments]) == 1
    assert "Traceback" not in errors.getvalue()
    assert not output(base, "training-set.json").exists()
    return errors.getvalue()


def output(base: Path, name: str) -> Path:
    return base / "processing/output/training-set" / name


AS_OF = ("--as-of", "2024-05-10T00:00:00Z")


def test_a_store_in_the_layout_of_aws_becomes_a_set_with_its_query_beside(base: Path) -> None:
    done = run(base, *AS_OF, "--glue-table", "customer-history=sagemaker_featurestore.history_17")
    assert done.returncode == 0, done.stderr
    rows = pq.read_table(output(base, "training-set.parquet")).to_pylist()
    assert [row["label"] for row in rows] == [1, 0, 1, None]
    assert [row["customer-history_state"] for row in rows] == ["found", "none", "expired", "none"]
    assert [(row["spent_usd"], row["tier"]) for row in rows] == [(30.0, "gold"), *[(None, None)] * 3]
    report = json.loads(output(base, "training-set.json").read_text())
    assert report["states"]["customer-history"] == {"found": 1, "none": 2, "expired": 1, "deleted": 0}
    assert report["made_of"]["contracts"]["customer-history"]["digest"] == "sha256:" + "1" * 64
    assert "ASOF LEFT JOIN" in output(base, "training-set.sql").read_text()
    athena = output(base, "training-set.athena.sql").read_text()
    assert '"sagemaker_featurestore"."history_17"' in athena
    assert "ASOF" not in athena
    assert len(sqlglot.parse(athena, read="athena")) == 1
    assert report["dataset_version"] in done.stdout


def test_the_same_version_is_the_same_bytes_also_after_the_store_grew(base: Path) -> None:
    assert run(base, *AS_OF).returncode == 0
    first = {path.name: path.read_bytes() for path in output(base, "").iterdir()}
    put_records(base, "20240511T000000Z_cccc.parquet", 240, [("ann", 2.7, 99.0)])
    assert run(base, *AS_OF).returncode == 0
    assert {path.name: path.read_bytes() for path in output(base, "").iterdir()} == first
    assert run(base, "--as-of", "2024-05-12T00:00:00Z").returncode == 0
    report = json.loads(output(base, "training-set.json").read_text())
    assert report["dataset_version"] != json.loads(first["training-set.json"])["dataset_version"]
    rows = hashlib.sha256(output(base, "training-set.parquet").read_bytes()).hexdigest()
    assert report["files"]["training-set.parquet"] == rows


def change_definition(base: Path, **changes: Any) -> None:
    group = DEFINITION["groups"][0] | changes
    text = json.dumps(DEFINITION | {"groups": [group]})
    (base / "processing/input/definition/definition.json").write_text(text)


PROBLEMS: dict[str, tuple[dict[str, Any], tuple[str, ...], list[str]]] = {
    "nothing written yet": (
        {},
        ("--as-of", "2024-05-01T00:00:00Z"),
        ["nothing in the offline store", "2024"],
    ),
    "unknown feature": (
        {"features": [{"name": "height", "type": "number"}, {"name": "spent_usd", "type": "string"}]},
        AS_OF,
        ["customer-history has no 'height'", "'spent_usd' of customer-history is DOUBLE; string"],
    ),
    "unknown label column": ({"keys": {"customer": "buyer"}}, AS_OF, ["no column 'buyer'"]),
    "name taken": (
        {"features": [{"name": "label", "column": "spent_usd", "type": "number"}]},
        AS_OF,
        ["have a column 'label' already"],
    ),
    "other event time": ({"event_time_type": "Fractional"}, AS_OF, ["is VARCHAR; Fractional was declared"]),
    "damaged event time": ({"event_time": "tier"}, AS_OF, ["cannot be joined", "gold"]),
    "unknown group": ({}, (*AS_OF, "--glue-table", "other=a.b"), ["names other", "customer-history"]),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_what_does_not_fit_is_said(base: Path, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changes, arguments, said = PROBLEMS[case]
    change_definition(base, **changes)
    error = refused(base, monkeypatch, *arguments)
    for words in said:
        assert words in error


@pytest.mark.parametrize("damage", ["labels/part-0.parquet", "features/customer-history/x.parquet"])
def test_a_damaged_file_is_named(base: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (base / "processing/input" / damage).write_bytes(b"PAR1 no more")
    assert damage in refused(base, monkeypatch, *AS_OF)


def test_every_problem_of_a_definition_is_said_at_once() -> None:
    group = {
        "name": "a",
        "keys": {},
        "features": [{"name": "x"}],
        "ttl_s": True,
        "known_by": "luck",
        "more": 1,
    }
    with pytest.raises(DefinitionError) as raised:
        TrainingSetDefinition.from_document({"name": "", "groups": [group]})
    for words in (
        "name is ''",
        "label_time is missing",
        "groups[0].keys is {}",
        "groups[0].ttl_s is True",
        "groups[0].known_by is 'luck'; it must be one of event_time, write_time",
        "groups[0].more is not known",
        "groups[0].features[0].type is missing",
    ):
        assert words in str(raised.value)


def test_names_that_would_clash_in_the_set_are_refused() -> None:
    def group(name: str, column: str) -> dict[str, Any]:
        return {"name": name, "keys": {"id": "id"}, "features": [{"name": column, "type": "number"}]}

    groups = [group("a", "x"), group("A", "X"), group("b", "label_row"), group("c", "newness")]
    with pytest.raises(DefinitionError) as raised:
        TrainingSetDefinition.from_document({"name": "t", "label_time": "at", "groups": groups})
    for words in ("group a comes more than once", "called x", "called label_row", "newness is a column"):
        assert words in str(raised.value)
