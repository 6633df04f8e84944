"""A job's stored document, its changes and the events they cause."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway_sandbox.sagemaker.events import event_detail
from headway_sandbox.sagemaker.images import ImageError
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, validation_error
from headway_sandbox.sagemaker.s3_files import S3FileError
from headway_sandbox.sagemaker.tags import tags_of

_log = logging.getLogger(__name__)

ACTIVE = frozenset({"InProgress", "Stopping"})
REASON_LIMIT = 1024
"""Longest FailureReason that SageMaker gives."""
INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."


class JobFailure(Exception):  # noqa: N818 - it is how a job ends, not an error of this program
    """Ends a job as failed, with this reason."""


@dataclass(frozen=True)
class JobKind:
    """What the kinds of jobs differ in.

    Attributes:
        kind: Kind in the store and in ARNs.
        prefix: What the names of members start with, for example ``TrainingJob``.
        detail_type: Type of the events.
        log_group: Log group of the containers' output.
    """

    kind: str
    prefix: str
    detail_type: str
    log_group: str

    @property
    def noun(self) -> str:
        """For people: ``training job``."""
        return self.kind.replace("-", " ")

    @property
    def name_member(self) -> str:
        """For example ``TrainingJobName``."""
        return f"{self.prefix}Name"

    @property
    def status_member(self) -> str:
        """For example ``TrainingJobStatus``."""
        return f"{self.prefix}Status"


TRAINING = JobKind(
    "training-job", "TrainingJob", "SageMaker Training Job State Change", "/aws/sagemaker/TrainingJobs"
)
PROCESSING = JobKind(
    "processing-job",
    "ProcessingJob",
    "SageMaker Processing Job State Change",
    "/aws/sagemaker/ProcessingJobs",
)
TRANSFORM = JobKind(
    "transform-job", "TransformJob", "SageMaker Transform Job State Change", "/aws/sagemaker/TransformJobs"
)


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        service: The running SageMaker.
        kind: Training, processing or transform.
        name: Its name.
    """

    service: SageMaker
    kind: JobKind
    name: str

    @property
    def key(self) -> str:
        """Its name in the store; like ARNs, the names of jobs that differ only in case are the same."""
        return self.name.lower()

    @property
    def exists(self) -> bool:
        """Whether there is such a job."""
        return self.service.store.get(self.kind.kind, self.key) is not None

    @property
    def document(self) -> Document:
        """The job as Describe answers it.

        Raises:
            ServiceError: If there is no such job.
        """
        document = self.service.store.get(self.kind.kind, self.key)
        if document is None:
            raise NOT_FOUND[self.kind](self.name)
        return document

    @property
    def arn(self) -> str:
        """The job's ARN."""
        return self.service.arn(self.kind.kind, self.name)

    @property
    def directory(self) -> Path:
        """Where everything that it needs while it runs is on this machine."""
        return self.service.work_dir / self.kind.kind / self.key

    def save(self, document: Document) -> None:
        """Stores the document; says nothing to anybody."""
        self.service.store.put(self.kind.kind, self.key, document)

    def update(self, **members: Any) -> None:  # noqa: ANN401 - members of the service model
        """Changes the document and says so on EventBridge."""
        document = {**self.document, **members, "LastModifiedTime": self.service.clock()}
        self.save(document)
        detail = event_detail(document, tags_of(self.service, self.arn))
        self.service.events.put(self.kind.detail_type, detail, [self.arn])


def _not_found(name: str) -> ServiceError:
    return ServiceError("ResourceNotFound", f"Could not find requested job with name: {name}")


NOT_FOUND: dict[JobKind, Callable[[str], ServiceError]] = {
    TRAINING: lambda _name: validation_error("Requested resource not found."),
    PROCESSING: _not_found,
    TRANSFORM: _not_found,
}


@contextlib.asynccontextmanager
async def job_slot(service: SageMaker, stop: asyncio.Event) -> AsyncIterator[bool]:
    """Waits for its turn to run, and keeps it while the body runs.

    Args:
        service: The running SageMaker.
        stop: Ends the wait.

    Returns:
        False if it was asked to stop before its turn came.
    """
    turn = asyncio.ensure_future(service.job_slots.acquire())
    asked = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({turn, asked}, return_when=asyncio.FIRST_COMPLETED)
        yield turn.done() and not stop.is_set()
    finally:
        turn.cancel()
        asked.cancel()
        await asyncio.gather(turn, asked, return_exceptions=True)
        if not turn.cancelled():
            service.job_slots.release()


def start(job: Job, work: Callable[[asyncio.Event], Awaitable[None]], fail: Callable[[str], None]) -> None:
    """Runs a job in the background.

    Args:
        job: The job; its document is stored.
        work: Does all of it; gets the event that asks it to stop.
        fail: Marks the job as failed for a reason.
    """
    stop = job.service.stop_requests[job.arn] = asyncio.Event()

    def fail_shortened(reason: str) -> None:
        fail(reason[:REASON_LIMIT])

    async def supervise() -> None:
        try:
            await work(stop)
        except (JobFailure, S3FileError) as error:
            fail_shortened(str(error))
        except ImageError as error:
            fail_shortened(f"ClientError: {error}")
        except ServiceError as error:
            fail_shortened(f"ClientError: {error.message}")
        except Exception as error:  # noqa: BLE001 - a job must end in a state, whatever happens
            _log.exception("the job %s failed inside the sandbox", job.arn)
            fail_shortened(f"{INTERNAL_ERROR} ({type(error).__name__}: {error})")
        finally:
            job.service.stop_requests.pop(job.arn, None)
            shutil.rmtree(job.directory, ignore_errors=True)

    job.service.tasks.start(job.arn, supervise())
