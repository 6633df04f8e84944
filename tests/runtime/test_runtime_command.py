"""The command of the image: its verbs, its usage, and that a verb loads only what it needs."""

import subprocess
import sys
from typing import Any

import pytest

VERBS = ("ingest", "prepare", "train", "evaluate", "serve")


@pytest.mark.parametrize("arguments", [[], ["guess"], ["--train"]])
def test_wrong_use_is_answered_with_the_usage(job: Any, arguments: list[str]) -> None:
    done = job.run(*arguments)

    assert done.returncode == 2
    assert "usage: python -m headway_runtime VERB" in done.stderr
    assert all(verb in done.stderr for verb in VERBS)
    assert "Traceback" not in done.stderr


def test_help_is_not_an_error(job: Any) -> None:
    done = job.run("--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert "usage" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ingest"], "--source"),
        (
            ["prepare", "--features", "a:b", "--train-until", "1.9.2013", "--evaluate-until", "2013-11-01"],
            "no date",
        ),
        (
            ["prepare", "--features", "a:b", "--train-until", "2013-11-01", "--evaluate-until", "2013-09-01"],
            "--train-until must be before --evaluate-until",
        ),
        (["evaluate"], "else any model would pass"),
        (["evaluate", "--minimum-auc", "66"], "no share"),
        (["evaluate", "--minimum-auc", "0.6", "--floor", "oracle"], "base-rate"),
        (["evaluate", "--minimum-auc", "0.6", "--minimum-group-size", "0"], "no number of rows"),
        (["train", "--fast"], "unrecognized arguments"),
    ],
)
def test_wrong_flags_of_a_verb_are_wrong_use(job: Any, arguments: list[str], says: str) -> None:
    done = job.call(*arguments)

    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "left_out"),
    [
        ("headway_runtime.contract", ["numpy", "pyarrow", "duckdb", "lightgbm", "pydantic", "hypercorn"]),
        ("headway_runtime.serve.server", ["numpy", "pyarrow", "duckdb", "lightgbm"]),
        ("headway_runtime.data.ingest", ["lightgbm"]),
        ("headway_runtime.train.job", ["hypercorn"]),
    ],
)
def test_a_module_loads_only_what_it_needs(module: str, left_out: list[str]) -> None:
    code = f"import sys, {module}; print([m for m in {left_out!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_library_that_cannot_be_loaded_is_one_sentence(job: Any) -> None:
    job.put("site/lightgbm.py", "raise OSError('libgomp.so.1: cannot open shared object file')")
    done = job.run("train", PYTHONPATH=str(job.base / "site"))

    assert done.returncode == 1
    assert "'train' needs cannot be loaded (libgomp.so.1: cannot open" in job.text("output/failure")
    assert "Traceback" not in done.stderr
