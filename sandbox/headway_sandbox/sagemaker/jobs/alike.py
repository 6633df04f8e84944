"""What List, Stop and Delete do for every kind of job."""

from __future__ import annotations

from collections.abc import Sequence

from headway_sandbox.sagemaker.jobs.record import ACTIVE, Job, JobKind
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import Document, SageMaker, validation_error
from headway_sandbox.sagemaker.tags import delete_tags


def list_jobs(service: SageMaker, kind: JobKind, request: Document, summary: Sequence[str]) -> Document:
    """The answer to a List call, newest first unless asked otherwise.

    Args:
        service: The running SageMaker.
        kind: Training or processing.
        request: The call's request.
        summary: Members of a job that its summary shows.
    """
    chosen = select(
        service.store.list(kind.kind),
        request,
        name=kind.name_member,
        equal={"StatusEquals": kind.status_member},
        sort_keys={"Name": kind.name_member, "Status": kind.status_member},
    )
    jobs, token = page(chosen, request)
    summaries = [{member: job[member] for member in summary if member in job} for job in jobs]
    return {f"{kind.prefix}Summaries": summaries, **token}


def require_active(job: Job) -> None:
    """Refuses to stop a job that has ended.

    Raises:
        ServiceError: It has ended, or there is none.
    """
    status = job.document[job.kind.status_member]
    if status not in ACTIVE:
        raise validation_error(f"The request was rejected because the {job.kind.noun} is in status {status}.")


def delete_ended(job: Job) -> None:
    """Deletes a job that has ended, with its tags.

    Raises:
        ServiceError: It has not ended, or there is none.
    """
    status = job.document[job.kind.status_member]
    if status in ACTIVE:
        raise validation_error(
            f"The request was rejected because the {job.kind.noun} is in status {status}; only a job that "
            "has ended can be deleted."
        )
    job.service.store.delete(job.kind.kind, job.key)
    delete_tags(job.service, job.arn)
