"""Script mode: a user's training script in AWS's framework images, as the SageMaker SDK starts it."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from typing import Any

import pytest

from headway_sandbox.toolkits.training_variables import script_arguments
from support.control import Cloud, Jobs, unique

BASE_PYTHON = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0"
SCIKIT_LEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"

REPORT = """
import argparse, json, os, pathlib, sys
import helper
parser = argparse.ArgumentParser()
parser.add_argument("--learning-rate", type=float)
parser.add_argument("-n", type=int)
parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
arguments = parser.parse_args()
report = {
    "arguments": sys.argv[1:],
    "here": os.getcwd(),
    "helper": helper.NAME,
    "rows": pathlib.Path(arguments.train).joinpath("rows.csv").read_text(),
    "environment": {name: value for name, value in os.environ.items() if name.startswith("SM_")},
}
pathlib.Path(arguments.model_dir, "report.json").write_text(json.dumps(report))
"""


def archive(files: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()


def run_script(
    cloud: Cloud,
    jobs: Jobs,
    files: Mapping[str, str],
    *,
    image: str = BASE_PYTHON,
    program: str = "train.py",
    **hyperparameters: Any,
) -> dict[str, Any]:
    """What the SDK's Estimator does with entry_point and source_dir."""
    source = cloud.put(f"{unique('source')}/sourcedir.tar.gz", archive(files))
    rows = cloud.put(f"{unique('rows')}/rows.csv", b"1,2")
    given = {
        "sagemaker_program": program,
        "sagemaker_submit_directory": source,
        "sagemaker_job_name": "a-job",
        "sagemaker_container_log_level": 20,
        **hyperparameters,
    }
    return jobs.train(
        "",
        AlgorithmSpecification={"TrainingImage": image, "ContainerEntrypoint": None},
        HyperParameters={name: json.dumps(value) for name, value in given.items()},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": rows}},
            }
        ],
    )


def model_of(cloud: Cloud, job: dict[str, Any]) -> dict[str, bytes]:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    with tarfile.open(fileobj=io.BytesIO(cloud.get(job["ModelArtifacts"]["S3ModelArtifacts"]))) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}


def test_a_script_gets_its_hyperparameters_and_the_environment_of_the_toolkit(
    cloud: Cloud, jobs: Jobs
) -> None:
    files = {"train.py": REPORT, "helper.py": "NAME = 'a module beside it'\n"}
    rates: dict[str, Any] = {"n": 3, "learning-rate": 0.1}

    job = run_script(cloud, jobs, files, **rates)

    report = json.loads(model_of(cloud, job)["report.json"])
    assert report["arguments"] == ["--learning-rate", "0.1", "-n", "3"]
    assert report["helper"] == "a module beside it"
    assert report["rows"] == "1,2"
    environment = report["environment"]
    root = environment["SM_MODEL_DIR"].removesuffix("/model")
    assert report["here"] == f"{root}/code"
    assert json.loads(environment["SM_HPS"]) == {"learning-rate": 0.1, "n": 3}
    assert environment["SM_HP_N"] == "3"
    assert environment["SM_USER_ENTRY_POINT"] == "train.py"
    assert environment["SM_MODULE_NAME"] == "train"
    assert json.loads(environment["SM_USER_ARGS"]) == report["arguments"]
    assert json.loads(environment["SM_TRAINING_ENV"])["job_name"] == "a-job"
    assert json.loads(environment["SM_RESOURCE_CONFIG"])["current_host"] == "algo-1"
    assert environment["SM_NUM_GPUS"] == "0"


def test_a_script_that_fails_says_what_it_said_and_how_it_was_started(cloud: Cloud, jobs: Jobs) -> None:
    job = run_script(cloud, jobs, {"train.py": "raise ValueError('no rows')\n"}, epochs=2)

    assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1\n")
    assert 'ErrorMessage "ValueError: no rows"' in job["FailureReason"]
    assert "train.py --epochs 2" in job["FailureReason"]
    assert job["FailureReason"].endswith(", exit code: 1")


def test_a_shell_script_is_a_program_too(cloud: Cloud, jobs: Jobs) -> None:
    job = run_script(
        cloud, jobs, {"go.sh": 'echo "$@" > "$SM_MODEL_DIR/arguments"\n'}, program="go.sh", size=[1, 2]
    )

    assert model_of(cloud, job)["arguments"] == b"--size [1, 2]\n"


@pytest.mark.parametrize(
    ("files", "members", "problem"),
    [
        ({"train.py": "", "../outside.py": ""}, {}, "is not a readable tar archive"),
        ({"other.py": ""}, {}, "train.py is not in the source directory, which has other.py"),
        ({"train.py": "import sklearn.svm"}, {"image": SCIKIT_LEARN}, "python -m pip install scikit-learn"),
        ({"train.py": ""}, {"program": None}, "the hyperparameter sagemaker_program is None"),
        ({"train.py": ""}, {"sagemaker_mpi_enabled": True}, "sagemaker_mpi_enabled"),
        ({"train.py": ""}, {"sagemaker_submit_directory": "s3://absent/x.tar.gz"}, "s3://absent/x.tar.gz"),
        (
            {"train.py": "", "requirements.txt": "no-such-package-anywhere @ file:///no/such/place\n"},
            {},
            "pip install --requirement requirements.txt",
        ),
    ],
)
def test_what_keeps_a_script_from_running_is_said(
    cloud: Cloud, jobs: Jobs, files: dict[str, str], members: dict[str, Any], problem: str
) -> None:
    job = run_script(cloud, jobs, files, **members)

    assert job["TrainingJobStatus"] == "Failed"
    assert problem in job["FailureReason"]
    assert "Traceback" not in job["FailureReason"]


def test_requirements_are_installed_for_the_job_alone(cloud: Cloud, jobs: Jobs) -> None:
    wheel = jobs.directory / "for_one_job-1.0-py3-none-any.whl"
    make_wheel(wheel, "for_one_job", "NAME = 'installed'\n")
    script = (
        "import for_one_job, numpy, os, pathlib\n"
        "pathlib.Path(os.environ['SM_MODEL_DIR'], 'said').write_text(for_one_job.NAME)\n"
    )

    with_it = run_script(
        cloud, jobs, {"train.py": script, "requirements.txt": f"numpy\nfor-one-job @ file://{wheel}\n"}
    )
    without = run_script(cloud, jobs, {"train.py": script})

    assert model_of(cloud, with_it) == {"said": b"installed"}
    assert "No module named 'for_one_job'" in without["FailureReason"]


def test_arguments_are_those_of_the_toolkit() -> None:
    assert script_arguments({"b": True, "alpha": "a b", "map": {"y": 1, "x": 2}}) == [
        *("--alpha", "a b"),
        *("-b", "True"),
        *("--map", "x=2,y=1"),
    ]


def make_wheel(path: Any, name: str, code: str) -> None:
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", code)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
