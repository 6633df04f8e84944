"""Starting, finding, stopping, killing and resetting sandboxes, with real processes."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headway_sandbox import lifecycle
from support.control import BUCKET, ROLE, Cloud, Jobs, refused, until


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cloud]:
    """A sandbox for one test alone."""
    cloud = Cloud(tmp_path / "sandbox")
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    yield cloud
    lifecycle.stop(cloud.state_dir)


def kill(cloud: Cloud) -> None:
    """Kills the server without a chance to clean up."""
    os.kill(cloud.record.pid, signal.SIGKILL)
    until(lambda: not alive(cloud.record.pid), "the server's end")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_sandbox_starts_once_is_found_and_stops(own: Cloud) -> None:
    assert lifecycle.find(own.state_dir) == own.record
    assert lifecycle.start(own.state_dir, 0) == own.record

    assert lifecycle.stop(own.state_dir)

    assert lifecycle.find(own.state_dir) is None
    assert not lifecycle.stop(own.state_dir)
    until(lambda: not alive(own.record.pid), "the end of the process", timeout_s=1)


def test_starts_at_the_same_time_make_one_sandbox(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        records = list(threads.map(lambda _: lifecycle.start(tmp_path, 0), range(4)))

    assert len(set(records)) == 1
    assert lifecycle.stop(tmp_path)


def test_nothing_is_found_where_nothing_ran(tmp_path: Path) -> None:
    absent = tmp_path / "absent"

    assert lifecycle.find(absent) is None
    assert not lifecycle.stop(absent)
    lifecycle.reset(absent)
    assert not absent.exists()


def test_a_taken_port_is_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(lifecycle.SandboxError) as caught:
            lifecycle.start(tmp_path, port)

    assert str(caught.value) == (
        f"Port {port} on 127.0.0.1 is taken by another program; end that program, or choose "
        "another port with "
        "HEADWAY_SANDBOX_PORT."
    )
    assert lifecycle.find(tmp_path) is None
    assert lifecycle.start(tmp_path, 0).port != port
    lifecycle.stop(tmp_path)


@pytest.mark.parametrize(("text", "port"), [(None, 4566), ("5000", 5000), ("0", 0)])
def test_the_port_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, text: str | None, port: int
) -> None:
    monkeypatch.delenv("HEADWAY_SANDBOX_PORT", raising=False)
    if text is not None:
        monkeypatch.setenv("HEADWAY_SANDBOX_PORT", text)

    assert lifecycle.configured_port() == port


@pytest.mark.parametrize("text", ["", "http", "-1", "70000", "4566 "])
def test_what_is_no_port_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HEADWAY_SANDBOX_PORT", text)

    with pytest.raises(lifecycle.SandboxError, match="must be a port number"):
        lifecycle.configured_port()


def test_a_directory_that_cannot_be_used_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(lifecycle.SandboxError, match="cannot be written"):
        lifecycle.start(tmp_path / "file" / "sandbox", 0)


def test_a_damaged_record_and_table_are_named(tmp_path: Path) -> None:
    (tmp_path / "images.toml").write_text("[images]\nmine = 'python'\n")
    with pytest.raises(lifecycle.SandboxError) as caught:
        lifecycle.start(tmp_path, 0)
    assert "images.toml" in str(caught.value)
    assert "mine = 'python'" in str(caught.value)

    (tmp_path / "images.toml").unlink()
    (tmp_path / "sandbox.json").write_text("{")
    record = lifecycle.start(tmp_path, 0)
    assert lifecycle.find(tmp_path) == record
    assert lifecycle.stop(tmp_path)


def test_unmodified_clients_work_with_the_environment_it_prints(own: Cloud) -> None:
    code = "import boto3; print(boto3.client('s3').list_buckets()['Buckets'][0]['Name'])"
    environment = {"PATH": os.environ["PATH"], **lifecycle.aws_environment(own.record)}

    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert printed.stdout.strip() == BUCKET


def test_it_listens_on_the_loopback_interface_only(own: Cloud) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.2", own.record.port))


def test_it_runs_in_the_foreground_too(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "headway_sandbox", "--state-dir", str(tmp_path), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        record = until(lambda: lifecycle.find(tmp_path), "the sandbox")
        assert record.pid == process.pid
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert second.stderr.startswith(f"A sandbox runs on {tmp_path} already")
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_state_of_every_service_survives_a_kill(own: Cloud, tmp_path: Path) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "def handle(event, context):\n    return event['value'] * 2\n")
    own.client("lambda").create_function(
        FunctionName="double",
        Runtime="python3.11",
        Role=ROLE,
        Handler="handler.handle",
        Code={"ZipFile": code.getvalue()},
    )
    queue = own.client("sqs").create_queue(QueueName="jobs")["QueueUrl"]
    own.client("sqs").send_message(QueueUrl=queue, MessageBody="kept")
    own.client("dynamodb").create_table(
        TableName="releases",
        KeySchema=[{"AttributeName": "system", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "system", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    own.client("dynamodb").put_item(TableName="releases", Item={"system": {"S": "flight-delay"}})
    key = own.client("kms").create_key()["KeyMetadata"]["KeyId"]
    secret = own.client("kms").encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    own.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    own.put("kept", b"body")
    own.sagemaker.create_model_package_group(ModelPackageGroupName="group")
    own.client("ssm").put_parameter(Name="/manifest", Value="v1", Type="String")
    saved = own.state_dir / "ministack" / "services" / "ssm.json"
    until(lambda: saved.exists() and "/manifest" in saved.read_text(), "the saved parameter", timeout_s=3)

    kill(own)
    assert lifecycle.find(own.state_dir) is None
    own.start()

    assert own.client("ssm").get_parameter(Name="/manifest")["Parameter"]["Value"] == "v1"
    assert own.get(f"s3://{BUCKET}/kept") == b"body"
    assert own.client("s3").get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert own.client("kms").decrypt(CiphertextBlob=secret)["Plaintext"] == b"secret"
    assert own.client("dynamodb").scan(TableName="releases")["Count"] == 1
    url = own.client("sqs").get_queue_url(QueueName="jobs")["QueueUrl"]
    assert own.client("sqs").receive_message(QueueUrl=url)["Messages"][0]["Body"] == "kept"
    answer = own.client("lambda").invoke(FunctionName="double", Payload=json.dumps({"value": 21}))
    assert json.load(answer["Payload"]) == 42
    group = own.sagemaker.describe_model_package_group(ModelPackageGroupName="group")
    assert group["ModelPackageGroupStatus"] == "Completed"


def test_work_that_a_kill_interrupts_ends_and_is_marked_as_failed(own: Cloud, tmp_path: Path) -> None:
    jobs = Jobs(own, tmp_path)
    sleep = (
        "import subprocess, time\nchild = subprocess.Popen([sys.executable, '-c', 'import time; "
        "time.sleep(600)'])\n"
        f"pathlib.Path({str(tmp_path / 'pids')!r}).write_text(f'{{os.getpid()}} "
        f"{{child.pid}}')\ntime.sleep(600)"
    )
    training = jobs.training_request(sleep)
    step = {
        "Name": "Train",
        "Type": "Training",
        "Arguments": {key: value for key, value in training.items() if key != "TrainingJobName"},
    }
    definition = json.dumps({"Version": "2020-12-01", "Steps": [step]})
    own.sagemaker.create_pipeline(PipelineName="pipe", PipelineDefinition=definition, RoleArn=ROLE)
    execution = own.sagemaker.start_pipeline_execution(PipelineName="pipe")["PipelineExecutionArn"]
    pids_file = tmp_path / "pids"
    until(lambda: pids_file.exists() and len(pids_file.read_text().split()) == 2, "the job's processes")
    pids = [int(pid) for pid in pids_file.read_text().split()]

    kill(own)

    until(lambda: not any(alive(pid) for pid in pids), "the end of the job and of its child", timeout_s=5)
    own.start()
    described = own.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
    assert described["PipelineExecutionStatus"] == "Failed"
    assert "The sandbox was stopped while this was running" in described["FailureReason"]
    (found,) = own.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution)[
        "PipelineExecutionSteps"
    ]
    assert found["StepStatus"] == "Failed"
    (job,) = own.sagemaker.list_training_jobs()["TrainingJobSummaries"]
    assert job["TrainingJobStatus"] == "Failed"
    again = own.sagemaker.start_pipeline_execution(PipelineName="pipe")["PipelineExecutionArn"]
    own.sagemaker.stop_pipeline_execution(PipelineExecutionArn=again)


def test_a_stop_ends_running_jobs(own: Cloud, tmp_path: Path) -> None:
    jobs = Jobs(own, tmp_path)
    pid_file = tmp_path / "pid"
    code = f"import time\npathlib.Path({str(pid_file)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    own.sagemaker.create_training_job(**jobs.training_request(code))
    until(lambda: pid_file.exists() and pid_file.read_text(), "the job")

    begun = time.monotonic()
    lifecycle.stop(own.state_dir)

    assert not alive(int(pid_file.read_text()))
    assert time.monotonic() - begun < 5


def test_a_reset_empties_a_running_sandbox_and_ends_its_work(own: Cloud, tmp_path: Path) -> None:
    jobs = Jobs(own, tmp_path)
    own.client("ssm").put_parameter(Name="/manifest", Value="v1", Type="String")
    own.sagemaker.create_training_job(**jobs.training_request("import time; time.sleep(600)"))

    lifecycle.reset(own.state_dir)

    assert lifecycle.find(own.state_dir) == own.record
    assert own.client("s3").list_buckets()["Buckets"] == []
    assert own.client("ssm").describe_parameters()["Parameters"] == []
    assert own.sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
    own.client("s3").create_bucket(Bucket=BUCKET)
    assert jobs.train("")["TrainingJobStatus"] == "Completed"
    lifecycle.stop(own.state_dir)
    own.start()
    assert own.client("ssm").describe_parameters()["Parameters"] == []
    assert len(own.client("s3").list_buckets()["Buckets"]) == 1


def test_a_reset_empties_a_stopped_sandbox(own: Cloud) -> None:
    own.sagemaker.create_model_package_group(ModelPackageGroupName="group")
    lifecycle.stop(own.state_dir)

    lifecycle.reset(own.state_dir)

    own.start()
    assert own.client("s3").list_buckets()["Buckets"] == []
    assert own.sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []


def test_a_start_waits_for_the_sandbox_that_is_being_stopped(own: Cloud) -> None:
    stopping = threading.Thread(target=lifecycle.stop, args=(own.state_dir,))
    stopping.start()
    record = lifecycle.start(own.state_dir, 0)
    stopping.join()

    # Whichever came first, what the start returned or nothing runs now, and the state is whole.
    assert lifecycle.find(own.state_dir) in (record, None)
    own.start()
    assert own.client("s3").list_buckets()["Buckets"][0]["Name"] == BUCKET


def test_the_servers_own_pages(own: Cloud) -> None:
    with urllib.request.urlopen(f"{own.record.endpoint_url}/_headway/health") as page:
        assert json.load(page) == {"status": "ok", "pid": own.record.pid, "interrupted": []}
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{own.record.endpoint_url}/_headway/nothing")
    assert caught.value.code == 404
    caught.value.close()
    assert refused(own.sagemaker.create_project, ProjectName="p")[0] == "UnknownOperationException"
