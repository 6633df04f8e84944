"""Processing jobs through the API, with real processes and real objects."""

from __future__ import annotations

import json

from support.control import BUCKET, Cloud, Jobs, refused, unique, until


def test_a_job_finds_its_inputs_and_leaves_its_outputs(cloud: Cloud, jobs: Jobs) -> None:
    folder = unique("rows")
    cloud.put(f"{folder}/month=2013-01/part-0.csv", b"1")
    model = cloud.put(f"model-of-{folder}/model.tar.gz", b"2")
    request = jobs.processing_request(
        """
import json
inputs = base / "processing/input"
files = sorted(str(path.relative_to(inputs)) for path in inputs.rglob("*") if path.is_file())
report = {
    "files": files,
    "arguments": sys.argv[1:],
    "job": json.loads((base / "config/processingjobconfig.json").read_text())["ProcessingJobName"],
    "environment": dict(os.environ),
}
(base / "processing/output/report/nested").mkdir()
(base / "processing/output/report/nested/report.json").write_text(json.dumps(report))
(base / "output/message").write_text("12 rows, all good")
""",
        inputs={"data": f"s3://{BUCKET}/{folder}", "model": model},
        outputs=["report", "empty"],
        Environment={"MODE": "test"},
    )
    request["AppSpecification"]["ContainerArguments"] = ["evaluate", "--floor", "base-rate"]

    cloud.sagemaker.create_processing_job(**request)

    job = jobs.processed(request["ProcessingJobName"])
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ExitMessage"] == "12 rows, all good"
    assert job["ProcessingEndTime"] >= job["ProcessingStartTime"] >= job["CreationTime"]
    name = job["ProcessingJobName"]
    assert cloud.keys(f"processed/{name}/") == [f"processed/{name}/report/nested/report.json"]
    report = json.loads(cloud.get(f"s3://{BUCKET}/processed/{name}/report/nested/report.json"))
    assert report["files"] == [
        "data/month=2013-01/part-0.csv",
        "model/model.tar.gz",
    ]
    assert report["arguments"] == ["evaluate", "--floor", "base-rate"]
    assert report["job"] == name
    assert report["environment"]["PROCESSING_JOB_ARN"] == job["ProcessingJobArn"]
    assert report["environment"]["MODE"] == "test"


def test_a_failing_job_says_why_and_leaves_no_outputs(cloud: Cloud, jobs: Jobs) -> None:
    job = jobs.process(
        "(base / 'processing/output/report/half').write_text('x')\n(base / "
        "'output/message').write_text('stopped early')\n"
        "print('column month is missing')\nsys.exit(4)",
        outputs=["report"],
    )

    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: column month is missing, exit code: 4"
    assert job["ExitMessage"] == "stopped early"
    assert cloud.keys(f"processed/{job['ProcessingJobName']}/") == []
    assert cloud.log_lines("/aws/sagemaker/ProcessingJobs", job["ProcessingJobName"]) == [
        "column month is missing"
    ]


def test_a_job_can_be_stopped_and_deleted(cloud: Cloud, jobs: Jobs) -> None:
    request = jobs.processing_request("import time; time.sleep(600)")
    name = request["ProcessingJobName"]
    cloud.sagemaker.create_processing_job(**request)
    until(
        lambda: "ProcessingStartTime" in cloud.sagemaker.describe_processing_job(ProcessingJobName=name),
        "the job's start",
    )
    assert "InProgress" in refused(cloud.sagemaker.delete_processing_job, ProcessingJobName=name)[1]

    cloud.sagemaker.stop_processing_job(ProcessingJobName=name)

    assert jobs.processed(name)["ProcessingJobStatus"] == "Stopped"
    cloud.sagemaker.delete_processing_job(ProcessingJobName=name)
    code, message = refused(cloud.sagemaker.describe_processing_job, ProcessingJobName=name)
    assert (code, message) == ("ResourceNotFound", f"Could not find requested job with name: {name}")


def test_what_cannot_be_emulated_is_refused_with_every_reason(cloud: Cloud, jobs: Jobs) -> None:
    request = jobs.processing_request("", inputs={"data": "s3://bucket/a"}, outputs=["report"])
    request["ProcessingInputs"][0]["S3Input"].update(LocalPath="/tmp/data", S3InputMode="Pipe")
    request["ProcessingOutputConfig"]["Outputs"] *= 2
    request["ProcessingResources"] = {
        "ClusterConfig": {"InstanceCount": 30, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    }

    code, message = refused(cloud.sagemaker.create_processing_job, **request)

    assert code == "ValidationException"
    for part in ("'/tmp/data'", "S3InputMode Pipe", "report is used more than once", "InstanceCount is 30"):
        assert part in message


def test_every_change_of_state_is_an_event(cloud: Cloud, jobs: Jobs) -> None:
    name = unique("eventful")
    events = cloud.events(
        {"detail-type": ["SageMaker Processing Job State Change"], "detail": {"ProcessingJobName": [name]}}
    )

    job = jobs.process("", ProcessingJobName=name)

    seen = events.wait_for(3)
    assert [event["detail"]["ProcessingJobStatus"] for event in seen] == [
        "InProgress",
        "InProgress",
        "Completed",
    ]
    assert seen[-1]["resources"] == [job["ProcessingJobArn"]]
    listed = cloud.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"]
    assert [item["ProcessingJobStatus"] for item in listed] == ["Completed"]
