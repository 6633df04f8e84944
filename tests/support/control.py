"""What the tests of the sandbox's control plane share: clients, waiting, and tiny jobs."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from headway_sandbox import lifecycle
from support.sandboxes import client

ROLE = "arn:aws:iam::000000000000:role/jobs"
BUCKET = "control-tests"
RESOURCES = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
TIMEOUT_S = 60.0


def until(condition: Callable[[], Any], what: str, timeout_s: float = TIMEOUT_S) -> Any:
    """Waits for a condition and returns what it gave; fails the test if it does not come true."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout_s} s: {what}")
        time.sleep(0.02)
    return value


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[str, str]:
    """The code and message with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def unique(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


@dataclass
class Cloud:
    """A sandbox and clients for it."""

    state_dir: Path
    clients: dict[str, Any] = field(default_factory=dict)
    record: lifecycle.SandboxRecord = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Starts it; clients of an earlier start are forgotten."""
        self.record = lifecycle.start(self.state_dir, 0)
        self.clients.clear()

    def client(self, service: str) -> Any:
        """A boto3 client; no retries, so that an error is seen as it is."""
        if service not in self.clients:
            self.clients[service] = client(
                self.record.endpoint_url, service, Config(retries={"max_attempts": 0}, read_timeout=30)
            )
        return self.clients[service]

    @property
    def sagemaker(self) -> Any:
        """The client of SageMaker."""
        return self.client("sagemaker")

    def put(self, key: str, body: bytes = b"x") -> str:
        """Puts an object and returns its URI."""
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def get(self, uri: str) -> bytes:
        """The content of an object."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        body: bytes = self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def keys(self, prefix: str) -> list[str]:
        """The keys under a prefix."""
        found = self.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in found]

    def events(self, pattern: dict[str, Any]) -> Events:
        """A queue that gets the events of a pattern from now on."""
        return Events(self, pattern)

    def log_lines(self, group: str, job: str) -> list[str]:
        """What a job printed."""
        logs = self.client("logs")
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/algo-1-")[
            "logStreams"
        ]
        lines: list[str] = []
        for stream in streams:
            found = logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )
            lines += [event["message"] for event in found["events"]]
        return lines


class Events:
    """Events of EventBridge, collected in a queue."""

    def __init__(self, cloud: Cloud, pattern: dict[str, Any]) -> None:
        self.name = name = unique("events")
        self._sqs = cloud.client("sqs")
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        cloud.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
        arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        cloud.client("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
        self.seen: list[dict[str, Any]] = []

    def fetch(self) -> list[dict[str, Any]]:
        """All events so far."""
        while messages := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
                self.seen.append(json.loads(message["Body"]))
        return self.seen

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """Waits for at least so many events."""
        until(lambda: len(self.fetch()) >= count, f"{count} events; there are {self.seen}")
        return self.seen


@dataclass
class Jobs:
    """Makes tiny training and processing jobs whose program is a Python script."""

    cloud: Cloud
    directory: Path

    def script(self, code: str) -> list[str]:
        """An entry point that runs this code; ``base`` is the directory that stands for /opt/ml."""
        path = self.directory / f"{unique('script')}.py"
        path.write_text(
            f"import os, pathlib, sys\nbase = pathlib.Path(os.environ['SAGEMAKER_BASE_DIR'])\n{code}\n"
        )
        return ["python", str(path)]

    def training_request(self, code: str, **members: Any) -> dict[str, Any]:
        """A request for CreateTrainingJob."""
        name = members.pop("TrainingJobName", unique("train"))
        algorithm = {
            "TrainingImage": "any-image",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": self.script(code),
            **members.pop("AlgorithmSpecification", {}),
        }
        return {
            "TrainingJobName": name,
            "AlgorithmSpecification": {key: value for key, value in algorithm.items() if value is not None},
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "ResourceConfig": RESOURCES,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            **members,
        }

    def train(self, code: str, **members: Any) -> dict[str, Any]:
        """Runs a training job to its end and describes it."""
        request = self.training_request(code, **members)
        self.cloud.sagemaker.create_training_job(**request)
        return self.trained(request["TrainingJobName"])

    def trained(self, name: str) -> dict[str, Any]:
        """Waits for a training job's end and describes it."""
        return self._ended(
            lambda: self.cloud.sagemaker.describe_training_job(TrainingJobName=name), "TrainingJobStatus"
        )

    def processing_request(
        self,
        code: str,
        *,
        inputs: Mapping[str, str] | None = None,
        outputs: Sequence[str] = (),
        **members: Any,
    ) -> dict[str, Any]:
        """A request for CreateProcessingJob; inputs are S3 URIs, outputs go below ``processed/JOB/``."""
        name = members.pop("ProcessingJobName", unique("process"))
        return {
            "ProcessingJobName": name,
            "RoleArn": ROLE,
            "AppSpecification": {"ImageUri": "any-image", "ContainerEntrypoint": self.script(code)},
            "ProcessingResources": {"ClusterConfig": RESOURCES},
            "ProcessingInputs": [
                {
                    "InputName": label,
                    "S3Input": {
                        "S3Uri": uri,
                        "LocalPath": f"/opt/ml/processing/input/{label}",
                        "S3DataType": "S3Prefix",
                        "S3InputMode": "File",
                    },
                }
                for label, uri in (inputs or {}).items()
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": label,
                        "S3Output": {
                            "S3Uri": f"s3://{BUCKET}/processed/{name}/{label}",
                            "LocalPath": f"/opt/ml/processing/output/{label}",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                    for label in outputs
                ]
            },
            **members,
        }

    def process(self, code: str, **members: Any) -> dict[str, Any]:
        """Runs a processing job to its end and describes it."""
        request = self.processing_request(code, **members)
        self.cloud.sagemaker.create_processing_job(**request)
        return self.processed(request["ProcessingJobName"])

    def processed(self, name: str) -> dict[str, Any]:
        """Waits for a processing job's end and describes it."""
        return self._ended(
            lambda: self.cloud.sagemaker.describe_processing_job(ProcessingJobName=name),
            "ProcessingJobStatus",
        )

    def _ended(self, describe: Callable[[], dict[str, Any]], status: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            described = describe()
            return None if described[status] in ("InProgress", "Stopping") else described

        ended: dict[str, Any] = until(found, f"the end of the job; it is {describe()}")
        return ended
