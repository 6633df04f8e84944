"""A training job under SageMaker's container contract: artifact, metrics, record, one sentence on failure."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headway_runtime.models.model import ModelError, Value, load_model, read_directory

METRIC = re.compile(r"train:binary_logloss=([0-9.eE+-]+)")
ROWS = 400


def rows(seed: int = 1) -> pa.Table:
    random = np.random.default_rng(seed)
    price = random.uniform(0, 100, ROWS).round(2)
    colour = random.choice(["red", "blue", "green"], ROWS)
    label = (price + np.where(colour == "red", 40, 0) + random.normal(0, 20, ROWS) > 70).astype(np.int8)
    return pa.table(
        {
            "colour": [None if i % 9 == 0 else str(word) for i, word in enumerate(colour)],
            "size": ["s" if i % 2 else "m" for i in range(ROWS)],
            "price_usd": price,
            "stock": pa.array([None if i % 5 == 0 else i for i in range(ROWS)], pa.int64()),
            "new": [i % 3 == 0 for i in range(ROWS)],
            "label": label,
            "event_time": pa.array(range(ROWS), pa.timestamp("us", "UTC")),
        }
    )


def training_job(
    job: Any, contract: dict[str, Any], table: pa.Table | None = None, **parameters: str
) -> None:
    train = job.base / "input/data/train"
    train.mkdir(parents=True)
    pq.write_table(rows() if table is None else table, train / "train.parquet")
    job.put("input/data/contract/contract.json", contract)
    job.put("input/data/dataset/dataset.json", {"dataset_version": "sha256:d", "feature_digest": "sha256:f"})
    job.put(
        "input/config/hyperparameters.json", {"num_boost_round": "20", "min_data_in_leaf": "5"} | parameters
    )


def test_training_leaves_an_artifact_a_record_and_metrics(job: Any, contract: dict[str, Any]) -> None:
    training_job(job, contract, seed="7", sagemaker_program="x", num_threads="1")
    done = job.run("train", HEADWAY_IMAGE="registry/headway-runtime@sha256:1")
    model = job.base / "model"

    assert done.returncode == 0, done.stderr
    assert [float(value) for value in METRIC.findall(done.stdout)][-1] < 0.6
    assert sorted(path.name for path in model.iterdir()) == [
        *("contract.json", "model.json", "model.txt", "reproducibility.json", "signature.json"),
    ]
    assert not (job.base / "output/failure").exists()
    record = job.json("model/reproducibility.json")
    assert record["dataset_version"] == "sha256:d"
    assert record["feature_digest"] == "sha256:f"
    assert record["training_image"] == "registry/headway-runtime@sha256:1"
    assert (record["seed"], record["parameters"]["num_boost_round"]) == (7, 20)
    assert record["environment"]["packages"]["lightgbm"].startswith("4.")
    assert record["code_digest"].startswith("sha256:")
    assert record["contract_digest"].startswith("sha256:")
    assert "num_threads" not in record["parameters"]


def test_threads_wait_asleep_so_that_a_busy_machine_does_not_stall_a_fit(
    job: Any, contract: dict[str, Any]
) -> None:
    training_job(job, contract)
    done = job.run("train", OMP_DISPLAY_ENV="TRUE")

    assert done.returncode == 0
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr


def test_the_same_rows_and_parameters_give_the_same_artifact_on_any_number_of_cores(
    job: Any, contract: dict[str, Any]
) -> None:
    training_job(job, contract, feature_fraction="0.7", seed="3", num_threads="1")
    job.call("train")
    first = read_directory(job.base / "model")
    given = job.json("input/config/hyperparameters.json")
    job.put("input/config/hyperparameters.json", given | {"num_threads": "2"})
    job.call("train")
    second = read_directory(job.base / "model")
    job.put("input/config/hyperparameters.json", given | {"seed": "4"})
    job.call("train")

    assert second == first
    assert read_directory(job.base / "model")["model.txt"] != first["model.txt"]


def test_a_trained_model_answers_as_it_was_trained(job: Any, contract: dict[str, Any]) -> None:
    training_job(job, contract, num_boost_round="100")
    job.call("train")
    model = load_model(read_directory(job.base / "model"))

    def ask(colour: str | None, price_usd: float) -> float:
        row: dict[str, list[Value]] = {"size": ["s"], "stock": [None], "new": [True]}
        row |= {"colour": [colour], "price_usd": [price_usd]}
        return model.predict(row, 1)[0]

    assert 0 <= ask("blue", 1.0) < 0.3 < 0.7 < ask("red", 95.0) <= 1
    assert ask("mauve", 50.0) == ask(None, 50.0)


def test_a_batch_answers_as_its_rows_do(job: Any, contract: dict[str, Any]) -> None:
    training_job(job, contract)
    job.call("train")
    model = load_model(read_directory(job.base / "model"))
    table = rows(seed=2)
    columns = {field["name"]: table[field["name"]].to_pylist() for field in contract["inputs"]}

    batch = model.predict(columns, ROWS)
    single = [model.predict({name: [values[i]] for name, values in columns.items()}, 1)[0] for i in range(50)]

    assert batch[:50] == single
    assert model.predict({name: [] for name in columns}, 0) == []


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"num_leaves": "1"}, "num_leaves is '1'; it must be an integer from 2 to 131072"),
        ({"num_boost_round": "many"}, "num_boost_round is 'many'; it must be an integer from 1 to 10000"),
        ({"learning_rate": "0"}, "learning_rate is '0'; it must be a number above 0 to 1"),
        ({"learning_rate": "nan"}, "learning_rate is 'nan'"),
        ({"objective": "l2"}, "objective is unknown; allowed are num_boost_round, learning_rate"),
    ],
)
def test_wrong_hyperparameters_are_all_named(
    job: Any, contract: dict[str, Any], parameters: dict[str, str], says: str
) -> None:
    training_job(job, contract, seed="-1", **parameters)
    done = job.call("train")

    assert done.returncode == 1
    failure = job.text("output/failure")
    assert says in failure
    assert "seed is '-1'" in failure


def _labels(table: pa.Table, value: list[int]) -> pa.Table:
    return table.set_column(table.column_names.index("label"), "label", pa.array(value, pa.int8()))


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (rows().slice(0, 0), "the 0 training rows have 0 positive labels"),
        (_labels(rows(), [1] * ROWS), "a classifier needs rows of both classes"),
        (_labels(rows(), [2] * ROWS), "has the labels [2]; a binary classification needs 0 and 1"),
        (rows().drop_columns(["label"]), "has no column 'label'; it has colour, size"),
        (
            rows().drop_columns(["stock", "new"]),
            "the table lacks stock, new, which contract 'shop' has as inputs",
        ),
        (
            rows().set_column(2, "price_usd", pa.array([-1.0] * ROWS)),
            "price_usd must be a number from 0 to 100 (row 1",
        ),
        (rows().set_column(1, "size", pa.nulls(ROWS, pa.string())), "size must be one of s, m (row 1: None"),
    ],
)
def test_data_that_cannot_be_learned_from_is_one_sentence(
    job: Any, contract: dict[str, Any], table: pa.Table, says: str
) -> None:
    training_job(job, contract, table)
    done = job.call("train")

    assert done.returncode == 1
    assert says in job.text("output/failure")
    assert "Traceback" not in done.stderr
    assert not (job.base / "model/model.txt").exists()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: (data / "train/train.parquet").unlink(), "train.parquet; pass the prepared set"),
        (lambda data: (data / "train/train.parquet").write_bytes(b"PAR1"), "cannot be read as Parquet"),
        (lambda data: (data / "contract/contract.json").unlink(), "the contract is missing"),
        (lambda data: (data / "contract/contract.json").write_text("[" * 100_000), "is not JSON"),
        (lambda data: (data / "dataset/dataset.json").unlink(), "the dataset's report is missing"),
        (
            lambda data: (data / "dataset/dataset.json").write_text(
                json.dumps({"files": {"train.parquet": "0"}})
            ),
            "is not the file that dataset.json describes",
        ),
    ],
)
def test_a_channel_that_is_missing_or_damaged_is_one_sentence(
    job: Any, contract: dict[str, Any], damage: Any, says: str
) -> None:
    training_job(job, contract)
    damage(job.base / "input/data")
    done = job.call("train")

    assert done.returncode == 1
    assert says in job.text("output/failure")
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_one_sentence(job: Any, contract: dict[str, Any]) -> None:
    training_job(job, contract)
    (job.base / "model").mkdir()
    (job.base / "model/model.txt").symlink_to("/dev/full")
    done = job.call("train")

    assert done.returncode == 1
    assert "No space left on device; free some space" in job.text("output/failure")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("model.json", None, "the model artifact lacks model.json; it holds contract.json"),
        ("model.json", b"{}", "names the kind None; known are placeholder, lightgbm"),
        ("model.json", b'{"kind": "lightgbm", "features": 3}', "has no readable features"),
        ("model.txt", None, "the model artifact lacks model.txt"),
        ("model.txt", b"tree\nnonsense", "cannot be read"),
        ("contract.json", b"{}", "contract.json of the model artifact is wrong: contract.name is missing"),
        (
            "signature.json",
            b'{"inputs": [], "output": {"name": "probability", "type": "number"}}',
            "lacks input",
        ),
    ],
)
def test_a_damaged_artifact_says_what_is_wrong_with_it(
    trained: dict[str, bytes], tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    files = {key: value for key, value in trained.items() if key != name}
    if content is not None:
        files[name] = content

    with pytest.raises(ModelError) as refused:
        load_model(files)
    assert says in str(refused.value)


@pytest.fixture
def trained(job: Any, contract: dict[str, Any]) -> dict[str, bytes]:
    training_job(job, contract)
    job.call("train")
    return read_directory(job.base / "model")
