"""The command as people and programs run it: a real process, its exit code, its two streams."""

import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from headway_policies.registry import all_rules

ESCAPE = "\x1b"


@dataclass
class Headway:
    """A checkout of one's own, and the command in it."""

    directory: Path
    env: dict[str, str]

    def __call__(self, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "headway_cli", *arguments],
            cwd=self.directory,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def headway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headway]:
    directory = tmp_path_factory.mktemp("check out")
    (directory / "Pulumi.yaml").write_text("name: headway\nruntime: python\n", "utf-8")
    (directory / "Pulumi.prod.yaml").write_text("config: {}\n", "utf-8")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HEADWAY_", "AWS_", "PULUMI_"))
    }
    env = {**kept, "HEADWAY_SANDBOX_PORT": "0", "HEADWAY_CACHE": str(directory / "cache")}
    command = Headway(directory, env)
    yield command
    command("sandbox", "stop")


def test_a_rule_is_explained(headway: Headway) -> None:
    first, *_, last = all_rules()
    for name, rule in ((first.slug, first), (last.id.lower(), last)):
        done = headway("explain", name)

        assert done.returncode == 0
        assert done.stdout.startswith(f"## {rule.id}: {rule.title}")
        assert rule.fix in done.stdout
        assert ESCAPE not in done.stdout


def test_a_rule_is_explained_to_programs(headway: Headway) -> None:
    document = json.loads(headway("explain", "HEADWAY-PUB-002", "--json").stdout)

    assert document["slug"] == "bucket-has-public-access-block"
    assert document["when_unknown"] == "undecided"
    assert document["reads"] == ["aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["explain", "HEADWAY-NO-999"], "there is no rule 'HEADWAY-NO-999'; these are:"),
        (["explain"], "Missing argument"),
        (["fly"], "No such command"),
        (["status", "--fast"], "No such option"),
        (["invoke", "--row", "absent.json"], "absent.json cannot be read"),
        (["up", "--stack", "prd"], "has no settings for a stack 'prd'; it has these: prod"),
    ],
)
def test_wrong_use_is_told_and_ends_with_2(headway: Headway, arguments: list[str], said: str) -> None:
    done = headway(*arguments)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["invoke", "--row", "-"], ["sandbox", "env"]],
    ids=" ".join,
)
def test_without_a_sandbox_one_is_told_to_start_it(
    headway: Headway, tmp_path: Path, arguments: list[str]
) -> None:
    elsewhere = Headway(headway.directory, {**headway.env, "HEADWAY_HOME": str(tmp_path)})
    done = elsewhere(*arguments, "--json", stdin="{}")

    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["exit_code"] == 1
    assert document["error"].startswith("the sandbox is not running; start it with `headway sandbox start`")
    assert document["error"] in done.stderr


def test_outside_of_a_project_one_is_told_where_to_go(headway: Headway, tmp_path: Path) -> None:
    done = Headway(tmp_path, headway.env)("status")

    assert done.returncode == 1
    assert "go to a Headway project, or set HEADWAY_HOME" in done.stderr


def test_a_stack_in_the_cloud_needs_a_person(headway: Headway) -> None:
    for verb in ("up", "down"):
        done = headway(verb, "--stack", "prod")

        assert done.returncode == 3
        assert "a person has to agree" in done.stderr


def test_the_sandbox_starts_answers_empties_and_stops(headway: Headway) -> None:
    started = json.loads(headway("sandbox", "start", "--json").stdout)
    again = json.loads(headway("sandbox", "start", "--json").stdout)
    assert started == again

    status = headway("sandbox", "status")
    assert status.returncode == 0
    assert started["endpoint_url"] in status.stdout

    session = boto3.Session("test", "test", region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=started["endpoint_url"])
    s3.create_bucket(Bucket="flights")
    assert headway("sandbox", "reset").returncode == 0
    assert s3.list_buckets()["Buckets"] == []

    assert json.loads(headway("sandbox", "stop", "--json").stdout) == {"stopped": True}
    assert headway("sandbox", "status").returncode == 1
    assert json.loads(headway("sandbox", "stop", "--json").stdout) == {"stopped": False}
    assert headway("sandbox", "logs", "-n", "1").returncode == 0


def test_a_command_that_is_interrupted_while_it_loads_says_so(headway: Headway) -> None:
    """Loading takes a moment in which a person may think again; here, just when a module is looked for."""
    program = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from headway_cli.main import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "doctor"],
        cwd=headway.directory,
        env=headway.env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "error: stopped in good order; the same command goes on from here\n"


def test_an_interrupted_command_says_so_and_leaves_its_lock(headway: Headway) -> None:
    assert headway("sandbox", "start").returncode == 0
    with subprocess.Popen(
        [sys.executable, "-m", "headway_cli", "sandbox", "logs", "--follow", "-n", "1"],
        cwd=headway.directory,
        env=headway.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as follower:
        log = headway.directory / ".headway" / "sandbox" / "sandbox.log"
        assert follower.stdout is not None
        while not select.select([follower.stdout], [], [], 0.05)[0]:
            with log.open("a", encoding="utf-8") as file:
                file.write("a line\n")
        follower.send_signal(signal.SIGTERM)
        _, said = follower.communicate(timeout=30)

    assert follower.returncode == 130
    assert "stopped in good order" in said
    assert headway("sandbox", "stop").returncode == 0


def test_a_taken_port_is_told_with_the_way_out(headway: Headway, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        env = {**headway.env, "HEADWAY_HOME": str(tmp_path), "HEADWAY_SANDBOX_PORT": str(port)}
        done = Headway(headway.directory, env)("sandbox", "start")

    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in done.stderr
    assert "HEADWAY_SANDBOX_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_looks_at_everything(headway: Headway) -> None:
    done = headway("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    assert {"python", "disk", "engine", "sandbox", "lightgbm"} <= set(checks)
    assert checks["python"]["ok"]
    assert done.returncode == (0 if all(check["ok"] for check in checks.values()) else 1)


def test_the_doctor_names_a_wrong_port_and_ends_with_1(headway: Headway) -> None:
    done = Headway(headway.directory, {**headway.env, "HEADWAY_SANDBOX_PORT": "http"})("doctor")

    assert done.returncode == 1
    assert "FAIL sandbox" in done.stdout
    assert "HEADWAY_SANDBOX_PORT" in done.stdout


def test_what_nobody_expected_is_one_sentence_and_a_log(headway: Headway, tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    done = Headway(headway.directory, {**headway.env, "HEADWAY_HOME": str(tmp_path)})("sandbox", "stop")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    log = Path(shlex.split(done.stderr.strip().rsplit("see ", 1)[-1])[0])
    assert "Traceback" in log.read_text("utf-8")
    assert log.stat().st_mode & 0o077 == 0
