"""What a kill of engine or sandbox cut off, the next update completes: nothing by hand, nothing twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headway_cli.adoption import pending_operations
from headway_cli.aws import Aws
from headway_cli.engine_session import Session, open_session
from headway_cli.errors import HeadwayError
from headway_cli.narration import Narrator
from headway_cli.project import find_project
from headway_cli.pulumi_run import operate, query
from headway_cli.recovery import recover
from headway_cli.sandbox import require_still_running, start_sandbox, stop_sandbox
from headway_cli.stack import select_stack, wait_until_free

EACH = 12
PROGRAM = f"""
import json
import pulumi_aws as aws

PRINCIPAL = {{"Service": "sagemaker.amazonaws.com"}}
STATEMENT = {{"Effect": "Allow", "Principal": PRINCIPAL, "Action": "sts:AssumeRole"}}
TRUST = json.dumps({{"Version": "2012-10-17", "Statement": [STATEMENT]}})
for number in range({EACH}):
    aws.s3.Bucket(f"bucket{{number}}")
    aws.kms.Key(f"key{{number}}", description=f"key {{number}}")
    aws.iam.Role(f"role{{number}}", assume_role_policy=TRUST)
"""

SMALL_PROGRAM = """
import pulumi_aws as aws

aws.s3.Bucket("bucket", bucket="flights-that-are-lost")
aws.kms.Key("key", description="stays")
"""
SLOW_PROGRAM = """
import time
from pathlib import Path

Path("started").touch()
while not Path("go on").exists():
    time.sleep(0.01)
"""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "PULUMI_", "HEADWAY_HOME"))]:
        monkeypatch.delenv(name)
    project = find_project(_write_project(tmp_path))
    narrator = Narrator.on_standard_error()
    sandbox = start_sandbox(project, 0)
    yield open_session(project, "local", narrator, sandbox)
    stop_sandbox(project)


def _write_project(folder: Path) -> Path:
    runtime = {"name": "python", "options": {"toolchain": "pip", "virtualenv": sys.prefix}}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "killed", "runtime": runtime}), "utf-8")
    (folder / "Pulumi.local.yaml").write_text("config:\n  aws:region: us-east-1\n", "utf-8")
    (folder / "__main__.py").write_text(PROGRAM, "utf-8")
    return folder


def _count(aws: Aws) -> dict[str, int]:
    def pages(service: str, call: str, key: str) -> list[Any]:
        return [item for page in aws.client(service).get_paginator(call).paginate() for item in page[key]]

    return {
        "buckets": len(aws.client("s3").list_buckets()["Buckets"]),
        "keys": len(pages("kms", "list_keys", "Keys")),
        "roles": len(pages("iam", "list_roles", "Roles")),
    }


def test_a_killed_update_is_completed_and_nothing_is_made_twice(session: Session) -> None:
    narrator = Narrator.on_standard_error()
    aws = Aws(session.variables)
    before = _count(aws)
    select_stack(session, narrator)
    with subprocess.Popen(
        [str(session.engine.pulumi), "up", "--yes", "--skip-preview", "--non-interactive"],
        cwd=session.project.program_root,
        env=session.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as update:
        while _count(aws)["buckets"] - before["buckets"] < EACH // 2:
            assert update.poll() is None, "the update was over before it was killed"
            time.sleep(0.01)
        update.send_signal(signal.SIGKILL)

    select_stack(session, narrator)
    assert pending_operations(json.loads(query(session, "stack", "export"))) != {}
    assert recover(session, narrator)
    assert not recover(session, narrator)
    operation = operate(session, "up", on_progress=lambda _detail: None)

    assert operation.succeeded, operation.tally.errors
    assert {name: count - before[name] for name, count in _count(aws).items()} == {
        "buckets": EACH,
        "keys": EACH,
        "roles": EACH,
    }
    again = operate(session, "up", "--skip-preview", on_progress=lambda _detail: None)
    assert again.tally.outcome() == {"unchanged": 3 * EACH + 1}


def test_what_a_killed_sandbox_has_lost_is_made_again(session: Session) -> None:
    (session.project.program_root / "__main__.py").write_text(SMALL_PROGRAM, "utf-8")
    narrator = Narrator.on_standard_error()
    select_stack(session, narrator)
    assert operate(session, "up", "--skip-preview", on_progress=lambda _detail: None).succeeded

    assert session.sandbox is not None
    os.kill(session.sandbox.pid, signal.SIGKILL)
    with pytest.raises(HeadwayError, match="has ended meanwhile; run the same command again"):
        require_still_running(session.project)
    restarted = start_sandbox(session.project, session.sandbox.port)
    assert restarted.pid != session.sandbox.pid
    # As if the kill had come before the bucket was on the disk.
    Aws(session.variables).client("s3").delete_bucket(Bucket="flights-that-are-lost")

    assert recover(session, narrator)
    assert not recover(session, narrator)
    operation = operate(session, "up", "--skip-preview", on_progress=lambda _detail: None)
    assert operation.tally.outcome() == {"created": 1, "unchanged": 2}


def test_a_run_that_goes_on_without_its_command_is_waited_for(session: Session) -> None:
    (session.project.program_root / "__main__.py").write_text(SLOW_PROGRAM, "utf-8")
    narrator = Narrator.on_standard_error()
    select_stack(session, narrator)
    with subprocess.Popen(
        [str(session.engine.pulumi), "up", "--yes", "--skip-preview", "--non-interactive"],
        cwd=session.project.program_root,
        env=session.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as update:
        started = session.project.program_root / "started"
        while not started.exists():
            assert update.poll() is None, "the update was over before it began"
            time.sleep(0.01)
        with pytest.raises(HeadwayError, match="another pulumi works on local; wait for it"):
            wait_until_free(session, narrator, timeout_s=0)
        (session.project.program_root / "go on").touch()
        wait_until_free(session, narrator)

        assert update.wait(timeout=30) == 0
