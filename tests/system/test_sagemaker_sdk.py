"""The SageMaker SDK, unmodified and in an environment of its own, against the sandbox."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headway_sandbox import lifecycle
from headway_sandbox.container_root import mounts_allowed
from support.control import Cloud

HERE = Path(__file__).parent / "sagemaker_sdk"
BUCKET = "sdk-tests"
UNREACHABLE = ("No matching distribution", "Could not fetch", "Failed to establish a new connection")
# The SDK reports every call to its makers unless its defaults say otherwise.
SDK_DEFAULTS = """
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def pinned() -> str:
    project = tomllib.loads((HERE.parents[2] / "pyproject.toml").read_text())
    (requirement,) = project["dependency-groups"]["sagemaker"]
    return str(requirement)


@pytest.fixture(scope="module")
def sdk_python() -> Path:
    """The interpreter of an environment with the SDK; made once, in the user's cache."""
    cache_home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(os.environ.get("HEADWAY_CACHE") or Path(cache_home) / "headway")
    version = "".join(map(str, sys.version_info[:2]))
    place = cache / f"sagemaker-sdk-{pinned().split('==')[1]}-py{version}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            venv.create(place, clear=True)
            pip = [sys.executable, "-m", "pip", "--python", str(place / "bin/python")]
            command = [*pip, "install", "--quiet", "--no-compile", pinned()]
            done = subprocess.run(
                [*command, "--disable-pip-version-check", "--constraint", str(HERE / "constraints.txt")],
                check=False,
                capture_output=True,
                text=True,
            )
            if done.returncode != 0 and any(words in done.stderr for words in UNREACHABLE):
                pytest.skip(f"{pinned()} cannot be fetched: {done.stderr.strip().splitlines()[-1]}")
            assert done.returncode == 0, done.stderr
            (place / "complete").touch()
    return place / "bin/python"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    state_dir = tmp_path / "state"
    cloud = Cloud(state_dir)
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    yield cloud
    lifecycle.stop(state_dir)
    log = (state_dir / "sandbox.log").read_text()
    assert "Traceback" not in log, log


def run(sdk_python: Path, cloud: Cloud, directory: Path, script: str) -> dict[str, Any]:
    """Runs a script of plain SDK code and returns what it prints at its end."""
    role = cloud.client("iam").create_role(RoleName="sdk", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    (directory / "defaults.yaml").write_text(SDK_DEFAULTS)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "AWS_ENDPOINT_URL": cloud.record.endpoint_url,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(directory / "defaults.yaml"),
        "BUCKET": BUCKET,
        "ROLE": role["Arn"],
    }
    # The SDK writes helpers of its own beside the code that it is given.
    program = shutil.copytree(HERE, directory / "program")
    done = subprocess.run(
        [str(sdk_python), str(program / script)],
        check=False,
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_plain_sdk_code_runs_a_pipeline_serves_its_model_and_transforms_with_it(
    sdk_python: Path, cloud: Cloud, tmp_path: Path
) -> None:
    cloud.client("s3").put_object(Bucket=BUCKET, Key="raw/rows.csv", Body=b"1\n2\n3\n4\n")

    assert run(sdk_python, cloud, tmp_path, "pipeline.py") == {
        "steps": {
            "Prepare": "Succeeded",
            "Train": "Succeeded",
            "Check": "Succeeded",
            "Factor-RepackModel-0": "Succeeded",
            "Factor-RegisterModel": "Succeeded",
        },
        "prediction": [[3.0, 6.0], [9.0, 12.0]],
        "transformed": "3.0\n6.0\n9.0\n12.0\n",
    }


@pytest.mark.skipif(not mounts_allowed(), reason="jobs have several hosts where processes may have mounts")
def test_plain_sdk_code_processes_on_two_hosts_and_trains_with_spot_capacity(
    sdk_python: Path, cloud: Cloud, tmp_path: Path
) -> None:
    for key in ("raw/rows.csv", "parts/a", "parts/b", "parts/c"):
        cloud.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"1\n2\n")

    result = run(sdk_python, cloud, tmp_path, "jobs.py")

    assert result["counts"] == ["found: a c", "found: b"]
    assert result["metrics"] == {"rows": 2.0}
    assert "python -m pip install scikit-learn" in result["missing"]
