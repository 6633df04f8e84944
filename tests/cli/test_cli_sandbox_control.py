"""`headway sandbox fault`, `clock` and `kill`, as people and programs run them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Headway = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def headway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headway]:
    directory: Path = tmp_path_factory.mktemp("control")
    (directory / "Pulumi.yaml").write_text("name: headway\nruntime: python\n", "utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEADWAY_", "AWS_"))}
    env = {**kept, "HEADWAY_SANDBOX_PORT": "0", "HEADWAY_CACHE": str(directory / "cache")}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "headway_cli", "sandbox", *arguments]
        return subprocess.run(
            command, cwd=directory, env=env, capture_output=True, text=True, timeout=180, check=False
        )

    assert run("start", "--enforce-iam").returncode == 0
    yield run
    run("stop")


def test_faults_are_added_listed_and_cleared(headway: Headway) -> None:
    added = headway("fault", "add", "api", "s3", "GetObject", "--error", "throttle", "--times", "2", "--json")
    wrong = headway("fault", "add", "worker", "--error-rate", "2")
    headway("fault", "add", "capacity", "ml.g5.xlarge")
    listed = headway("fault", "list")
    cleared = headway("fault", "clear", "fault-1")

    assert json.loads(added.stdout)["id"] == "fault-1"
    assert wrong.returncode == 1
    assert "error_rate is 2.0; it must be a number from 0 to 1" in wrong.stderr
    assert [line.split(" ")[0] for line in listed.stdout.splitlines()] == ["fault-1", "fault-2"]
    assert cleared.stdout == "1 fault cleared\n"


def test_the_clock_is_shown_and_what_it_cannot_do_is_said(headway: Headway) -> None:
    faster = headway("clock", "speed", "3600")
    shown = headway("clock", "show", "--json")
    nothing = headway("clock", "run", "nobody")

    assert faster.stdout == "time passes 3600 times as fast as real time\n"
    assert json.loads(shown.stdout)["speed"] == 3600
    assert (nothing.returncode, "named 'nobody'" in nothing.stderr) == (1, True)


def test_a_killed_sandbox_comes_back_as_it_was(headway: Headway) -> None:
    headway("fault", "add", "capacity", "ml.p5.48xlarge")
    faults = json.loads(headway("fault", "list", "--json").stdout)
    running = headway("start", "--no-enforce-iam")
    killed = headway("kill")
    gone = headway("status")
    again = headway("kill")

    assert (running.returncode, "with enforced IAM" in running.stderr) == (1, True)
    assert "the sandbox is killed" in killed.stdout
    assert gone.returncode == 1
    assert again.stdout == "the sandbox was not running\n"
    assert headway("start").returncode == 0
    assert faults != []
    assert json.loads(headway("fault", "list", "--json").stdout) == faults
