"""The jobs `baseline` and `monitor` as a container runs them: what they read, leave and say."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headway_runtime.contract import placeholder_artifact
from headway_runtime.data.manifest import file_digest
from headway_runtime.monitor.assess import Limits, assess
from headway_runtime.monitor.baseline import PREDICTION, Baseline
from headway_runtime.monitor.capture import read_capture
from support.monitored import CONTRACT, baseline_of, captured, rows


def run(base: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headway_runtime", *arguments],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def remembered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of the job `baseline`."""
    base = tmp_path_factory.mktemp("baseline")
    inputs = {name: base / "processing/input" / name for name in ("model", "train", "dataset")}
    for directory in inputs.values():
        directory.mkdir(parents=True)
    (inputs["model"] / "model.tar.gz").write_bytes(placeholder_artifact(CONTRACT))
    table = rows(8_000)
    pq.write_table(table, inputs["train"] / "train.parquet")
    report = {
        "dataset_version": "sha256:rows",
        "files": {"train.parquet": file_digest(inputs["train"] / "train.parquet")},
    }
    (inputs["dataset"] / "dataset.json").write_text(json.dumps(report))
    done = run(base, "baseline")
    assert done.returncode == 0, done.stderr
    assert "remembered 8000 training rows of dataset sha256:rows" in done.stdout
    return base / "processing/output/baseline"


def monitor(
    base: Path, remembered: Path, files: dict[str, bytes], *flags: str, streaks: dict[str, int] | None = None
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    inputs = base / "processing/input"
    inputs.mkdir(parents=True)
    (inputs / "baseline").symlink_to(remembered)
    (inputs / "request").mkdir()
    request = {"run": "r", "system": "shop", "endpoint": "shop-local", "streaks": streaks or {}}
    (inputs / "request/request.json").write_text(json.dumps(request))
    for name, content in files.items():
        (inputs / "capture" / name).parent.mkdir(parents=True, exist_ok=True)
        (inputs / "capture" / name).write_bytes(content)
    done = run(base, "monitor", *flags)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads((base / "processing/output/report/findings.json").read_text())
    return done, report


def test_traffic_like_the_training_rows_is_quiet(tmp_path: Path, remembered: Path) -> None:
    done, found = monitor(tmp_path, remembered, {"2026/a.jsonl": captured(rows(2_000, seed=7))})

    assert "no column drifts in 2000 rows" in done.stdout
    assert (found["drifting"], found["lasting"], found["rows"]) == ([], [], 2_000)
    assert found["score"] < 1


def test_a_shift_is_found_in_its_column_alone_and_lasts_after_enough_windows(
    tmp_path: Path, remembered: Path
) -> None:
    traffic = {"a.jsonl": captured(rows(2_000, seed=8, shift=0.6), encoding="BASE64")}
    _, first = monitor(tmp_path / "1", remembered, traffic, "--lasting", "2")
    done, second = monitor(tmp_path / "2", remembered, traffic, "--lasting", "2", streaks=first["streaks"])

    assert (first["drifting"], first["lasting"], first["streaks"]) == (["amount"], [], {"amount": 1})
    assert second["lasting"] == ["amount"]
    assert "it lasts for amount" in done.stdout
    files = tmp_path / "2/processing/output/report"
    (violation,) = json.loads((files / "constraint_violations.json").read_text())["violations"]
    assert (violation["feature_name"], violation["constraint_check_type"]) == (
        "amount",
        "baseline_drift_check",
    )
    assert {"statistics.json", "constraints.json", "report.html"} <= {path.name for path in files.iterdir()}


def test_missing_and_unseen_values_are_found(tmp_path: Path, remembered: Path) -> None:
    _, found = monitor(
        tmp_path, remembered, {"a.jsonl": captured(rows(2_000, seed=9, missing=0.2, abroad=0.2))}
    )

    assert set(found["drifting"]) >= {"amount", "country"}
    assert found["columns"]["amount"]["missing"]["at_least"] > 0.05
    assert found["columns"]["country"]["unseen"]["at_least"] > 0.05


def test_few_rows_neither_prolong_a_drift_nor_end_it(tmp_path: Path, remembered: Path) -> None:
    done, found = monitor(
        tmp_path, remembered, {"a.jsonl": captured(rows(100, shift=3))}, streaks={"amount": 2}
    )

    assert "100 rows are too few" in done.stdout
    assert (found["enough"], found["streaks"], found["metrics"]) == (
        False,
        {"amount": 2},
        [{"name": "Rows", "value": 100}],
    )


def test_what_cannot_be_read_is_counted_and_what_is_doubled_counts_once(
    tmp_path: Path, remembered: Path
) -> None:
    whole = captured(rows(600, seed=3))
    cut = captured(rows(10, seed=4), first_event=9_000)[:-30]
    files = {
        "a.jsonl": whole,
        "again.jsonl": whole,
        "cut.jsonl": cut,
        "noise.jsonl": b'not json\n{"captureData": {}}\n\n\xff\xfe\n{"eventMetadata": "\\ud800"}\n',
        "outside.jsonl": captured(rows(5, seed=5), first_event=20_000).replace(b"CH,", b"CH,99"),
    }
    _, found = monitor(tmp_path, remembered, files)

    assert found["window"]["doubled"] == 600
    assert found["window"]["requests"] == 609 + sum(
        1 for line in files["outside.jsonl"].splitlines() if b"CH,99" not in line
    )
    assert found["window"]["unreadable"]["the line is not JSON"] == 4
    assert found["window"]["unreadable"]["the line holds no request with its answer"] == 1
    assert found["window"]["unreadable"]["the request breaks the contract"] > 0
    page = (tmp_path / "processing/output/report/report.html").read_text()
    assert "600 lines repeat an event and count once" in page


def test_no_traffic_is_told_and_is_no_failure(tmp_path: Path, remembered: Path) -> None:
    done, found = monitor(tmp_path, remembered, {})

    assert "no row was captured" in done.stdout
    assert found["rows"] == 0


def test_the_page_loads_nothing_and_escapes_what_callers_sent(tmp_path: Path, remembered: Path) -> None:
    table = rows(1_000, seed=2)
    hostile = table.set_column(1, "country", pa.array(["<script>alert(1)</script>"] * 1_000))
    monitor(tmp_path, remembered, {"a.jsonl": captured(hostile)})
    page = (tmp_path / "processing/output/report/report.html").read_text()

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert re.findall(r"(?:src|href)=|url\(|@import|http", page) == []
    assert page.count("<svg") == 5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("monitor", "--maximum-distance", "0"), "write 0.1 for 10 %"),
        (("monitor", "--minimum-rows", "-1"), "write an integer from 1"),
        (("baseline", "--periods", "0"), "write 1 to 1000"),
    ],
)
def test_wrong_flags_are_refused(arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = run(tmp_path, *arguments)

    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "the baseline is missing"),
        ("{}", "is damaged"),
        ('{"version": 99}', "has version 99, this monitor reads 1"),
    ],
)
def test_a_baseline_that_is_none_fails_the_job_with_what_to_do(
    content: str | None, says: str, tmp_path: Path
) -> None:
    for name in ("request", "baseline"):
        (tmp_path / "processing/input" / name).mkdir(parents=True)
    (tmp_path / "processing/input/request/request.json").write_text("{}")
    if content is not None:
        (tmp_path / "processing/input/baseline/baseline.json").write_text(content)
    done = run(tmp_path, "monitor")

    assert done.returncode == 1
    assert says in (tmp_path / "output/message").read_text()


def test_a_season_is_no_drift(tmp_path: Path) -> None:
    """Amounts that rise and fall over the year are as usual in a month of that year, and drift beyond it."""
    parts = [rows(1_000, seed=part, shift=1.5 * (part % 4)) for part in range(8)]
    table = pa.concat_tables(parts)
    table = table.set_column(table.column_names.index("event_time"), "event_time", rows(8_000)["event_time"])
    baseline = baseline_of(table)

    def score(shift: float) -> float:
        (tmp_path / "a.jsonl").write_bytes(captured(rows(1_500, seed=99, shift=shift)))
        traffic = read_capture(tmp_path, CONTRACT)
        assessment = assess(baseline, traffic, Limits(), {})
        return next(column.score for column in assessment.columns if column.name == "amount")

    assert score(0.0) < 1
    assert score(4.5) < 1
    assert score(9.0) > 1


def test_a_baseline_is_the_same_after_it_was_written(tmp_path: Path) -> None:
    baseline = baseline_of(rows(2_000, missing=0.1))
    (tmp_path / "baseline.json").write_text(json.dumps(baseline.document()))

    assert Baseline.read(tmp_path / "baseline.json").document() == baseline.document()
    assert list(baseline.profiles) == [*CONTRACT.input_names, PREDICTION]
