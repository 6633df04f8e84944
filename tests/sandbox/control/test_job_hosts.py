"""What a job's containers see: their own /opt/ml, their own Python, each other, and their data."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from headway_sandbox import lifecycle
from headway_sandbox.container_root import SETTING, ContainerRoot, mounts_allowed
from support.control import BUCKET, Cloud, Jobs, refused, unique, until

needs_mounts = pytest.mark.skipif(
    not mounts_allowed(), reason="this system does not let a process have mounts of its own"
)


def channel(name: str, uri: str, **members: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri}
    for member in ("S3DataDistributionType",):
        if member in members:
            source[member] = members.pop(member)
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, **members}


def unpacked(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}


def model_of(cloud: Cloud, job: dict[str, Any]) -> dict[str, bytes]:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return unpacked(cloud.get(job["ModelArtifacts"]["S3ModelArtifacts"]))


def names_in(directory: str) -> list[str]:
    return sorted(path.name for path in Path(directory).iterdir())


def shell(script: str) -> dict[str, Any]:
    return {"ContainerEntrypoint": ["/bin/sh", "-c"], "ContainerArguments": [script]}


@needs_mounts
def test_a_container_has_opt_ml_at_its_real_path_and_the_machine_is_not_touched(
    cloud: Cloud, jobs: Jobs
) -> None:
    before = names_in("/opt")

    job = jobs.train(
        "",
        AlgorithmSpecification=shell(
            "set -e; cd /opt/ml; pwd > model/where; ls /opt > model/others; "
            'echo "$SAGEMAKER_BASE_DIR" > model/base'
        ),
    )

    model = model_of(cloud, job)
    assert model["where"] == model["base"] == b"/opt/ml\n"
    assert set(model["others"].decode().split()) == {*before, "ml"}
    assert names_in("/opt") == before


@needs_mounts
@pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root can try it with fewer rights"
)
def test_it_needs_no_right_to_mount(tmp_path: Path) -> None:
    tmp_path.joinpath("file").write_text("there")
    command = ContainerRoot(tmp_path, mounted=True).command(["cat", "/opt/ml/file"], os.environ)
    without = ["setpriv", "--bounding-set", "-sys_admin"]

    done = subprocess.run([*without, *command], check=False, capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("there", "")


def test_without_mounts_a_container_finds_its_root_in_the_environment(tmp_path: Path) -> None:
    root = ContainerRoot(tmp_path, mounted=False)
    (tmp_path / "code.sh").write_text("#!/bin/sh\n")
    (tmp_path / "code.sh").chmod(0o755)

    command = ["/opt/ml/code.sh", "--in=/opt/ml/input", "/opt/ml", "/opt/mlx", "/srv/opt/ml"]

    assert root.command(command, {}) == [
        f"{tmp_path}/code.sh",
        f"--in={tmp_path}/input",
        str(tmp_path),
        "/opt/mlx",
        "/srv/opt/ml",
    ]
    assert root.variables({"DATA": "/opt/ml/input/data"}) == {"DATA": f"{tmp_path}/input/data"}


def test_a_sandbox_without_mounts_runs_jobs_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, "never")
    other = Cloud(tmp_path / "state")
    try:
        other.client("s3").create_bucket(Bucket=BUCKET)
        script = other.put("code/go.py", b"import sys\nopen(sys.argv[1], 'w').write('done')\n")
        jobs = Jobs(other, tmp_path)
        request = jobs.processing_request("", inputs={"code": script}, outputs=["report"])
        request["AppSpecification"] = {
            "ImageUri": "any",
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/go.py"],
            "ContainerArguments": ["/opt/ml/processing/output/report/said"],
        }
        other.sagemaker.create_processing_job(**request)
        job = jobs.processed(request["ProcessingJobName"])
        assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
        assert other.get(f"s3://{BUCKET}/processed/{job['ProcessingJobName']}/report/said") == b"done"
    finally:
        lifecycle.stop(other.state_dir)


def test_what_a_job_installs_is_its_own(cloud: Cloud, jobs: Jobs) -> None:
    script = f"""
import subprocess
def said(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout
found = said("python3", "-c", "import numpy, sys; print(sys.prefix)")
(base / "model/python").write_text(found)
(base / "model/pip").write_text(said("pip", "--version"))
assert sys.prefix == found.strip() != {sys.prefix!r}, (sys.prefix, found)
"""

    model = model_of(cloud, jobs.train(script))

    assert b"/python" in model["python"]
    assert model["pip"].startswith(b"pip ")


@needs_mounts
def test_the_hosts_of_a_job_find_each_other_and_share_the_data(cloud: Cloud, jobs: Jobs) -> None:
    folder = unique("shards")
    for number in range(5):
        cloud.put(f"{folder}/{number}.csv", b"x")
    code = """
import json, pathlib, socket, time
me = json.loads((base / "input/config/resourceconfig.json").read_text())
host, hosts = me["current_host"], me["hosts"]
assert os.environ["SM_CURRENT_HOST"] == host and json.loads(os.environ["SM_HOSTS"]) == hosts
names = sorted(path.name for path in (base / "input/data/part").iterdir())
(base / "model" / host).write_text(" ".join(names))
if host == hosts[0]:
    with socket.create_server((host, 0)) as server:
        pathlib.Path(os.environ["PORT_FILE"]).write_text(str(server.getsockname()[1]))
        connection, address = server.accept()
        (base / "model/said").write_bytes(connection.recv(100))
else:
    port = pathlib.Path(os.environ["PORT_FILE"])
    while not (port.exists() and port.read_text()):
        time.sleep(0.01)
    with socket.create_connection((hosts[0], int(port.read_text()))) as connection:
        connection.sendall(host.encode())
"""

    job = jobs.train(
        code,
        ResourceConfig={"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        InputDataConfig=[
            channel(
                "part",
                f"s3://{BUCKET}/{folder}/",
                S3DataDistributionType="ShardedByS3Key",
                InputMode="FastFile",
            )
        ],
        Environment={"PORT_FILE": str(jobs.directory / "port")},
    )

    assert model_of(cloud, job) == {
        "algo-1": b"0.csv 2.csv 4.csv",
        "algo-2": b"1.csv 3.csv",
        "said": b"algo-2",
    }


@needs_mounts
def test_a_host_that_fails_ends_the_others(jobs: Jobs) -> None:
    job = jobs.process(
        """
import json, signal, time
if json.loads((base / "config/resourceconfig.json").read_text())["current_host"] == "algo-2":
    sys.exit("algo-2 is out of memory")
time.sleep(600)
""",
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 3, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    )

    assert job["FailureReason"] == "AlgorithmError: algo-2 is out of memory, exit code: 1"


def test_a_stopped_container_gets_a_signal_and_time_to_save(cloud: Cloud, jobs: Jobs) -> None:
    request = jobs.training_request(
        """
import signal, time
def save(*_):
    (base / "model/saved").write_text("in time")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
(base / "checkpoints/step").write_text("1")
print("ready", flush=True)
time.sleep(600)
""",
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/{unique('kept')}"},
    )
    name = request["TrainingJobName"]
    cloud.sagemaker.create_training_job(**request)
    uri = request["CheckpointConfig"]["S3Uri"].removeprefix(f"s3://{BUCKET}/")
    until(lambda: cloud.keys(uri), "the checkpoint in S3 while the job runs")

    cloud.sagemaker.stop_training_job(TrainingJobName=name)

    job = jobs.trained(name)
    assert job["TrainingJobStatus"] == "Stopped"
    assert unpacked(cloud.get(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"saved": b"in time"}


def test_a_channel_in_pipe_mode_is_read_epoch_by_epoch(cloud: Cloud, jobs: Jobs) -> None:
    folder = unique("pipe")
    for name in "abcd":
        cloud.put(f"{folder}/{name}", name.encode() * 3)
        cloud.put(f"packed-{folder}/{name}.gz", gzip.compress(name.encode()))
    code = """
for number in range(3):
    (base / f"model/epoch-{number}").write_bytes((base / f"input/data/plain_{number}").read_bytes())
    (base / f"model/shuffled-{number}").write_bytes((base / f"input/data/shuffled_{number}").read_bytes())
"""

    def run() -> dict[str, bytes]:
        channels = [
            channel("plain", f"s3://{BUCKET}/{folder}/"),
            channel(
                "shuffled",
                f"s3://{BUCKET}/packed-{folder}/",
                CompressionType="Gzip",
                ShuffleConfig={"Seed": 7},
            ),
            channel("unread", f"s3://{BUCKET}/{folder}/", RecordWrapperType="RecordIO"),
        ]
        algorithm = {"TrainingInputMode": "Pipe"}
        return model_of(cloud, jobs.train(code, InputDataConfig=channels, AlgorithmSpecification=algorithm))

    first, second = run(), run()

    assert [first[f"epoch-{number}"] for number in range(3)] == [b"aaabbbcccddd"] * 3
    assert {bytes(sorted(first[f"shuffled-{number}"])) for number in range(3)} == {b"abcd"}
    assert len({first[f"shuffled-{number}"] for number in range(3)}) > 1
    assert first == second


def test_an_uncompressed_model_is_a_prefix(cloud: Cloud, jobs: Jobs) -> None:
    job = jobs.train(
        "(base / 'model/sub').mkdir()\n(base / 'model/sub/weights').write_text('w')",
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models", "CompressionType": "NONE"},
    )

    uri = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{BUCKET}/models/{job['TrainingJobName']}/output/model/"
    assert cloud.get(f"{uri}sub/weights") == b"w"


def test_an_output_in_mode_continuous_arrives_while_the_job_runs(cloud: Cloud, jobs: Jobs) -> None:
    request = jobs.processing_request(
        "import time\n(base / 'processing/output/live/first').write_text('1')\ntime.sleep(600)",
        outputs=["live"],
    )
    output = request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
    output["S3UploadMode"] = "Continuous"
    name = request["ProcessingJobName"]

    cloud.sagemaker.create_processing_job(**request)

    until(lambda: cloud.keys(f"processed/{name}/live/first"), "the output of a running job")
    cloud.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert jobs.processed(name)["ProcessingJobStatus"] == "Stopped"


def test_a_key_that_would_leave_its_directory_is_refused(cloud: Cloud, jobs: Jobs, tmp_path: Path) -> None:
    target = tmp_path / "outside"
    folder = unique("tricks")
    cloud.put(f"{folder}/{target}", b"x")
    manifest = cloud.put(
        f"{folder}.manifest", json.dumps([{"prefix": f"s3://{BUCKET}/{folder}/"}, f"/{target}"]).encode()
    )
    source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": manifest}}

    job = jobs.train("", InputDataConfig=[{"ChannelName": "data", "DataSource": source}])

    assert not target.exists()
    assert job["TrainingJobStatus"] in ("Completed", "Failed")


@needs_mounts
def test_an_isolated_job_reaches_itself_alone_and_has_no_credentials(cloud: Cloud, jobs: Jobs) -> None:
    code = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
port = int(os.environ["SANDBOX_PORT"])
try:
    socket.create_connection(("127.0.0.1", port), 5)
except OSError as error:
    print("unreachable:", error)
else:
    sys.exit("the machine's network is open")
assert not [name for name in os.environ if name.startswith("AWS_")]
"""
    port = {"SANDBOX_PORT": str(cloud.record.port)}

    trained = jobs.train(code, EnableNetworkIsolation=True, Environment=port)
    processed = jobs.process(code, NetworkConfig={"EnableNetworkIsolation": True}, Environment=port)
    open_job = jobs.train(code, Environment=port)

    assert trained["TrainingJobStatus"] == "Completed", trained["FailureReason"]
    assert processed["ProcessingJobStatus"] == "Completed", processed["FailureReason"]
    assert "the machine's network is open" in open_job["FailureReason"]


def test_what_is_written_for_tensorboard_is_copied_too(cloud: Cloud, jobs: Jobs) -> None:
    prefix = unique("boards")
    job = jobs.train(
        "(base / 'output/tensorboard').mkdir()\n(base / 'output/tensorboard/events').write_text('e')",
        TensorBoardOutputConfig={"S3OutputPath": f"s3://{BUCKET}/{prefix}"},
    )

    name = job["TrainingJobName"]
    assert cloud.keys(prefix) == [f"{prefix}/{name}/tensorboard-output/events"]


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/../x"}}, "'/opt/ml/../x'"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/tmp/c"}}, "must be a path below /opt/ml"),
        ({"InputDataConfig": [channel("..", "s3://b/c")]}, "the name of its directory"),
    ],
)
def test_paths_that_leave_the_container_are_refused(
    cloud: Cloud, jobs: Jobs, members: dict[str, Any], problem: str
) -> None:
    assert problem in refused(cloud.sagemaker.create_training_job, **jobs.training_request("", **members))[1]
