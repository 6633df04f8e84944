"""One system on a sandbox and a release machine beside it, in a test's words."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from headway_components import Answer, InferenceContract
from headway_runtime import contract as runtime
from headway_runtime.release.catalogue import Catalogue
from headway_runtime.release.collector import Collector
from headway_runtime.release.machine import DONE, Progress, ReleaseMachine
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Base, Records, Release
from headway_runtime.release.settings import Settings
from headway_runtime.release.shapes import named
from support.example_system import CONTRACT, LOCAL_IMAGE, PAYMENTS

ANSWERING = InferenceContract.over(PAYMENTS, name="fraud", output=Answer(prior=0.2))
"""What the models answer; the opposite of it differs."""
ROW = "12.5,CH,3,true"
"""A row that honours the example's contract."""
CALLERS = 2
ROLE = "arn:aws:iam::000000000000:role/serving"
BUCKET = "artifacts"
TIMEOUT_S = 120.0
POLL_S = 0.05


def _now() -> str:
    return datetime.now(UTC).isoformat()


def until(holds: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(POLL_S)


@dataclass
class World:
    """One system in the sandbox."""

    clients: Callable[[str], Any]
    settings: Settings
    catalogue: Catalogue
    records: Records
    machine: ReleaseMachine
    collector: Collector
    base: Base
    plan: Plan
    ended: set[str] = field(default_factory=set)
    """Executions that have ended."""
    asked: list[str] = field(default_factory=list)
    """Inference ids of what users have asked."""

    def config(self, noun: str, instance_type: str = "ml.m5.large", *, artifact: bytes | None = None) -> str:
        """Makes a base configuration with its own placeholder model, as the stack does."""
        sagemaker = self.clients("sagemaker")
        model = named(self.settings.prefix, "model", {"noun": noun})
        sagemaker.create_model(
            ModelName=model,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": LOCAL_IMAGE, "ModelDataUrl": self.upload(noun, artifact)},
        )
        name = named(self.settings.prefix, "base", {"noun": noun})
        sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": "champion",
                    "ModelName": model,
                    "InstanceType": instance_type,
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": 1.0,
                }
            ],
            DataCaptureConfig={
                "EnableCapture": True,
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": f"s3://{BUCKET}/captured",
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
            },
        )
        return name

    def upload(self, noun: str, artifact: bytes | None = None) -> str:
        """Puts a model artifact into S3; the placeholder when none is given."""
        body = runtime.placeholder_artifact(ANSWERING.contract()) if artifact is None else artifact
        key = f"models/{self.settings.prefix}/{noun}/model.tar.gz"
        self.clients("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def package(
        self,
        noun: str,
        *,
        artifact: bytes | None = None,
        status: str = "Approved",
        contract: str | None = None,
    ) -> str:
        """Registers a model package, as the pipeline does."""
        carried = CONTRACT.digest() if contract is None else contract
        answer = self.clients("sagemaker").create_model_package(
            ModelPackageGroupName=self.settings.group,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [{"Image": LOCAL_IMAGE, "ModelDataUrl": self.upload(noun, artifact)}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            CustomerMetadataProperties={"contract_digest": carried},
        )
        return str(answer["ModelPackageArn"])

    def begin(self, package: str) -> str:
        """Begins a release; answers its time of start."""
        started_at = _now()
        self.machine.advance(package, started_at, started_at)
        return started_at

    def step(self, package: str, started_at: str) -> Release:
        """Takes one step of a release."""
        return self.machine.advance(package, started_at, _now()).release

    def release(self, package: str, *, traffic: bool = True, override: str = "") -> Progress:
        """Takes step after step, as the state machine does, until the release is over.

        Args:
            package: The model package; empty for the declared base.
            traffic: Whether users ask meanwhile.
            override: Who releases a rejected model again, and why.
        """
        started_at = _now()
        with self.callers() if traffic else nullcontext():
            progress = self.machine.advance(package, started_at, _now(), override)
            deadline = time.monotonic() + TIMEOUT_S
            while progress.next != DONE:
                assert time.monotonic() < deadline, progress
                time.sleep(POLL_S)
                progress = self.machine.advance(package, started_at, _now(), override)
        return progress

    @contextmanager
    def callers(self) -> Iterator[list[str]]:
        """Users that ask about a row again and again, without a pause; answers what failed."""
        stop, failed = threading.Event(), list[str]()

        def ask() -> None:
            client = self.clients("sagemaker-runtime")
            while not stop.is_set():
                inference_id = str(uuid.uuid4())
                try:
                    client.invoke_endpoint(
                        EndpointName=self.settings.endpoint,
                        ContentType="text/csv",
                        Accept="text/csv",
                        InferenceId=inference_id,
                        Body=ROW,
                    )
                    self.asked.append(inference_id)
                except ClientError as error:
                    failed.append(str(error))

        threads = [threading.Thread(target=ask) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield failed
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def serving(self) -> str:
        """The configuration that the endpoint really has."""
        endpoint = self.catalogue.endpoint(self.settings.endpoint)
        assert endpoint is not None
        return str(endpoint["EndpointConfigName"])

    def wait_in_service(self) -> None:
        """Waits until the endpoint is in service."""
        until(lambda: self._state() == "InService")

    def wait_gone(self) -> None:
        """Waits until the endpoint is gone."""
        until(lambda: self._state() is None)

    def _state(self) -> str | None:
        endpoint = self.catalogue.endpoint(self.settings.endpoint)
        return None if endpoint is None else str(endpoint["EndpointStatus"])
