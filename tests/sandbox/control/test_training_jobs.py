"""Training jobs through the API, with real processes and real objects."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

from support.control import BUCKET, Cloud, Jobs, refused, unique, until

SLEEP = "import time; print('running'); time.sleep(600)"


def channel(name: str, uri: str, **members: Any) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
        **members,
    }


def test_a_job_finds_the_container_contract_and_leaves_its_model(cloud: Cloud, jobs: Jobs) -> None:
    folder = unique("data")
    cloud.put(f"{folder}/train/a/part-0.csv", b"1,2")
    cloud.put(f"{folder}/train/part-1.csv", b"3,4")
    contract = cloud.put(f"{folder}/contract.json", b"{}")

    job = jobs.train(
        """
import json
files = sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_file())
report = {
    "files": files,
    "arguments": sys.argv[1:],
    "environment": dict(os.environ),
    "hyperparameters": json.loads((base / "input/config/hyperparameters.json").read_text()),
    "channels": json.loads((base / "input/config/inputdataconfig.json").read_text()),
    "resources": json.loads((base / "input/config/resourceconfig.json").read_text()),
}
(base / "model/report.json").write_text(json.dumps(report))
(base / "model/nested").mkdir()
(base / "model/nested/weights").write_text("w")
(base / "output/data/plot.txt").write_text("plot")
""",
        InputDataConfig=[
            channel("train", f"s3://{BUCKET}/{folder}/train", ContentType="text/csv"),
            channel("contract", contract),
        ],
        HyperParameters={"num_leaves": "31", "objective": "binary"},
        Environment={"MODE": "test"},
        AlgorithmSpecification={"ContainerArguments": ["train", "--quick"]},
    )

    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    name = job["TrainingJobName"]
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://{BUCKET}/models/{name}/output/model.tar.gz"}
    files = unpacked(cloud.get(job["ModelArtifacts"]["S3ModelArtifacts"]))
    assert sorted(files) == ["nested/weights", "report.json"]
    report = json.loads(files["report.json"])
    assert report["files"] == [
        "input/config/hyperparameters.json",
        "input/config/inputdataconfig.json",
        "input/config/resourceconfig.json",
        "input/data/contract/contract.json",
        "input/data/train/a/part-0.csv",
        "input/data/train/part-1.csv",
    ]
    assert report["arguments"] == ["train", "--quick"]
    assert report["hyperparameters"] == {"num_leaves": "31", "objective": "binary"}
    assert report["channels"]["train"]["ContentType"] == "text/csv"
    assert report["resources"]["current_host"] == "algo-1"
    environment = report["environment"]
    base = environment["SAGEMAKER_BASE_DIR"]
    assert {
        key: environment[key] for key in ("MODE", "TRAINING_JOB_NAME", "TRAINING_JOB_ARN", "SM_MODEL_DIR")
    } == {
        "MODE": "test",
        "TRAINING_JOB_NAME": name,
        "TRAINING_JOB_ARN": job["TrainingJobArn"],
        "SM_MODEL_DIR": f"{base}/model",
    }
    assert environment["SM_CHANNEL_TRAIN"] == f"{base}/input/data/train"
    assert environment["SM_OUTPUT_DATA_DIR"] == f"{base}/output/data"
    assert json.loads(environment["SM_HPS"]) == {"num_leaves": 31, "objective": "binary"}
    assert environment["AWS_ENDPOINT_URL"] == cloud.record.endpoint_url
    data = cloud.get(f"s3://{BUCKET}/models/{name}/output/output.tar.gz")
    assert unpacked(data) == {"plot.txt": b"plot"}
    assert [entry["Status"] for entry in job["SecondaryStatusTransitions"]] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert all(entry["StatusMessage"] for entry in job["SecondaryStatusTransitions"])


def test_the_same_model_files_make_the_same_archive(cloud: Cloud, jobs: Jobs) -> None:
    code = "(base / 'model/a').write_text('a')\n(base / 'model/b').write_text('b')"

    first, second = (jobs.train(code) for _ in range(2))

    assert cloud.get(first["ModelArtifacts"]["S3ModelArtifacts"]) == cloud.get(
        second["ModelArtifacts"]["S3ModelArtifacts"]
    )


def test_metrics_and_lines_of_output_arrive_in_cloudwatch(cloud: Cloud, jobs: Jobs) -> None:
    job = jobs.train(
        "print('train:loss=0.5')\nprint('train:loss=0.25 valid:auc=0.7', flush=True)\nprint('to "
        "stderr', file=sys.stderr)",
        AlgorithmSpecification={
            "MetricDefinitions": [
                {"Name": "train:loss", "Regex": "train:loss=([0-9.]+)"},
                {"Name": "valid:auc", "Regex": "valid:auc=([0-9.]+)"},
                {"Name": "never", "Regex": "never=(.*)"},
            ]
        },
    )

    name = job["TrainingJobName"]
    final = {item["MetricName"]: item["Value"] for item in job["FinalMetricDataList"]}
    assert final == {"train:loss": 0.25, "valid:auc": 0.7}
    assert cloud.log_lines("/aws/sagemaker/TrainingJobs", name) == [
        "train:loss=0.5",
        "train:loss=0.25 valid:auc=0.7",
        "to stderr",
    ]
    metrics = cloud.client("cloudwatch").list_metrics(
        Namespace="/aws/sagemaker/TrainingJobs", Dimensions=[{"Name": "TrainingJobName", "Value": name}]
    )["Metrics"]
    assert sorted(metric["MetricName"] for metric in metrics) == ["train:loss", "valid:auc"]


def test_a_failing_job_says_why(cloud: Cloud, jobs: Jobs) -> None:
    written = jobs.train("(base / 'output/failure').write_text('no rows left')\nsys.exit(3)")
    printed = jobs.train("raise ValueError('broken pipe of data')")
    missing = jobs.train("", InputDataConfig=[channel("train", f"s3://{BUCKET}/nothing/here")])
    unknown = jobs.train(
        "", AlgorithmSpecification={"ContainerEntrypoint": None, "TrainingImage": "registry/team/unknown:1"}
    )
    absent = jobs.train("", AlgorithmSpecification={"ContainerEntrypoint": ["/no/such/program"]})

    assert written["TrainingJobStatus"] == written["SecondaryStatus"] == "Failed"
    assert written["FailureReason"] == "AlgorithmError: no rows left, exit code: 3"
    assert printed["FailureReason"] == "AlgorithmError: ValueError: broken pipe of data, exit code: 1"
    assert "No S3 objects found under S3 URL" in missing["FailureReason"]
    assert f"s3://{BUCKET}/nothing/here" in missing["FailureReason"]
    assert "registry/team/unknown:1 is not known" in unknown["FailureReason"]
    assert "images.toml" in unknown["FailureReason"]
    assert "/no/such/program" in absent["FailureReason"]
    assert cloud.keys(f"models/{written['TrainingJobName']}") == []


def test_stopping_keeps_what_the_job_has_written(cloud: Cloud, jobs: Jobs) -> None:
    request = jobs.training_request(f"(base / 'model/partial').write_text('p')\n{SLEEP}")
    name = request["TrainingJobName"]
    cloud.sagemaker.create_training_job(**request)
    until(lambda: "running" in lines_of(cloud, name), "the job's first line")

    cloud.sagemaker.stop_training_job(TrainingJobName=name)

    job = jobs.trained(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert unpacked(cloud.get(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"partial": b"p"}
    code, message = refused(cloud.sagemaker.stop_training_job, TrainingJobName=name)
    assert code == "ValidationException"
    assert "Stopped" in message


def test_a_job_that_takes_too_long_is_stopped(jobs: Jobs) -> None:
    job = jobs.train(SLEEP, StoppingCondition={"MaxRuntimeInSeconds": 1})

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_two_jobs_run_at_once_and_a_third_waits_but_can_be_stopped(cloud: Cloud, jobs: Jobs) -> None:
    requests = [jobs.training_request(SLEEP) for _ in range(3)]
    names = [request["TrainingJobName"] for request in requests]
    for request in requests:
        cloud.sagemaker.create_training_job(**request)

    def statuses() -> list[str]:
        return [
            cloud.sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] for name in names
        ]

    until(lambda: statuses() == ["Training", "Training", "Starting"], "two running jobs")
    cloud.sagemaker.stop_training_job(TrainingJobName=names[2])
    assert jobs.trained(names[2])["TrainingJobStatus"] == "Stopped"
    for name in names[:2]:
        cloud.sagemaker.stop_training_job(TrainingJobName=name)
    assert [jobs.trained(name)["TrainingJobStatus"] for name in names] == ["Stopped"] * 3


def test_checkpoints_survive_from_job_to_job(jobs: Jobs) -> None:
    code = """
path = base / "checkpoints/count"
count = int(path.read_text()) if path.exists() else 0
path.write_text(str(count + 1))
print(f"count={count}")
"""
    members = {
        "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/{unique('checkpoints')}"},
        "AlgorithmSpecification": {"MetricDefinitions": [{"Name": "count", "Regex": "count=([0-9]+)"}]},
    }

    counts = [jobs.train(code, **members)["FinalMetricDataList"][0]["Value"] for _ in range(2)]

    assert counts == [0.0, 1.0]


def test_what_cannot_be_emulated_is_refused_with_every_reason(cloud: Cloud, jobs: Jobs) -> None:
    request = jobs.training_request(
        "",
        InputDataConfig=[
            channel("train", "s3://bucket/a", CompressionType="Gzip"),
            channel("train", "https://bucket/b"),
        ],
        ResourceConfig={"InstanceCount": 21, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        AlgorithmSpecification={"MetricDefinitions": [{"Name": "m", "Regex": "("}]},
    )

    code, message = refused(cloud.sagemaker.create_training_job, **request)

    assert code == "ValidationException"
    for part in (
        "CompressionType Gzip is for InputMode Pipe",
        "more than once",
        "InstanceCount is 21",
        "'('",
        "https://bucket/b",
    ):
        assert part in message


def test_names_are_unique_and_missing_jobs_are_said_to_be(cloud: Cloud, jobs: Jobs) -> None:
    job = jobs.train("")

    again = jobs.training_request("", TrainingJobName=job["TrainingJobName"])
    assert refused(cloud.sagemaker.create_training_job, **again)[0] == "ResourceInUse"
    missing = refused(cloud.sagemaker.describe_training_job, TrainingJobName="no-such-job")
    assert missing == ("ValidationException", "Requested resource not found.")
    cloud.sagemaker.delete_training_job(TrainingJobName=job["TrainingJobName"])
    assert refused(cloud.sagemaker.describe_training_job, TrainingJobName=job["TrainingJobName"]) == missing


def test_jobs_are_listed_by_name_status_and_time(cloud: Cloud, jobs: Jobs) -> None:
    prefix = unique("listed")
    done = jobs.train("", TrainingJobName=f"{prefix}-a")
    jobs.train("sys.exit(1)", TrainingJobName=f"{prefix}-b")

    def listed(**arguments: Any) -> list[str]:
        found = cloud.sagemaker.list_training_jobs(NameContains=prefix, **arguments)["TrainingJobSummaries"]
        return [job["TrainingJobName"].removeprefix(f"{prefix}-") for job in found]

    assert listed() == ["b", "a"]
    assert listed(SortBy="Name", SortOrder="Ascending") == ["a", "b"]
    assert listed(StatusEquals="Failed") == ["b"]
    assert listed(CreationTimeAfter=done["TrainingEndTime"]) == ["b"]
    first = cloud.sagemaker.list_training_jobs(NameContains=prefix, MaxResults=1)
    second = cloud.sagemaker.list_training_jobs(
        NameContains=prefix, MaxResults=1, NextToken=first["NextToken"]
    )
    assert "NextToken" not in second
    assert second["TrainingJobSummaries"][0]["TrainingJobName"] == f"{prefix}-a"


def test_every_change_of_state_is_an_event(cloud: Cloud, jobs: Jobs) -> None:
    name = unique("eventful")
    events = cloud.events(
        {"detail-type": ["SageMaker Training Job State Change"], "detail": {"TrainingJobName": [name]}}
    )

    job = jobs.train("", TrainingJobName=name, Tags=[{"Key": "team", "Value": "flights"}])

    seen = events.wait_for(5)
    assert [event["detail"]["SecondaryStatus"] for event in seen] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    last = seen[-1]
    assert last["source"] == "aws.sagemaker"
    assert last["resources"] == [job["TrainingJobArn"]]
    assert last["detail"]["TrainingJobStatus"] == "Completed"
    assert last["detail"]["CreationTime"] == round(job["CreationTime"].timestamp() * 1000)
    assert last["detail"]["Tags"] == {"team": "flights"}
    assert last["detail"]["SecondaryStatusTransitions"][0]["StartTime"] > 1_000_000_000_000


def lines_of(cloud: Cloud, job: str) -> list[str]:
    logs = cloud.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/TrainingJobs")["logGroups"]
    return cloud.log_lines("/aws/sagemaker/TrainingJobs", job) if groups else []


def unpacked(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}
