"""What the roles of a monitor may do."""

from dataclasses import dataclass

import pulumi

from headway_components._arns import sagemaker_arn
from headway_components._grants import (
    ENCRYPT,
    LIST_BUCKET,
    READ_MODELS,
    WRITE_LOGS,
    Statement,
    attach_volumes,
    publish_metrics,
    read,
    run_jobs,
    see_serving,
    use_models,
    write,
)
from headway_components._refs import EndpointRef, FoundationRef, PipelineRef, RegistryRef
from headway_components._text import suffixed

NAMESPACE = "Headway/Drift"
_RUN_JOBS = tuple(f"sagemaker:{verb}ProcessingJob" for verb in ("Create", "Describe", "Stop"))


@dataclass(frozen=True, kw_only=True)
class MonitorThings:
    """What a monitor works with."""

    foundation: FoundationRef
    """What it builds on."""
    registry: RegistryRef
    """Where the baseline of the model that answers is found."""
    endpoint: EndpointRef
    """The endpoint that is watched."""
    training: PipelineRef
    """The pipeline that retrains."""
    image: str
    """URI of the image that looks at the traffic."""


def work_prefix(foundation: FoundationRef) -> str:
    """Beginning of the keys of everything that the monitor reads and writes."""
    return f"monitoring/{foundation.prefix}/"


def label_prefix(foundation: FoundationRef) -> str:
    """Beginning of the keys of labels that arrive after their predictions."""
    return f"{work_prefix(foundation)}labels/"


def job_statements(things: MonitorThings) -> list[Statement]:
    """The job: read traffic and baseline, write a report."""
    foundation = things.foundation
    return [
        *read(foundation.capture, f"{foundation.prefix}/", sid="Traffic"),
        *read(foundation.artifacts, "baselines/", "evaluations/", work_prefix(foundation), sid="Inputs"),
        *write(foundation.artifacts, work_prefix(foundation), sid="Report"),
        attach_volumes(foundation.key_arn),
        *run_jobs(foundation, things.image, "ProcessingJobs"),
    ]


def run_in_role(
    foundation: FoundationRef, job_role_arn: pulumi.Input[str], function_arn: pulumi.Input[str]
) -> list[Statement]:
    """A pipeline around one job: run the job in its role, call the function."""
    return [
        Statement(
            sid="RunJobs",
            actions=(*_RUN_JOBS, "sagemaker:AddTags"),
            resources=[sagemaker_arn(foundation, "processing-job", "*")],
        ),
        Statement(
            sid="RunAsJobRole",
            actions=("iam:PassRole",),
            resources=[job_role_arn],
            condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
        Statement(sid="PlanAndRecord", actions=("lambda:InvokeFunction",), resources=[function_arn]),
        Statement(sid="Encrypt", actions=ENCRYPT, resources=[foundation.key_arn]),
        attach_volumes(foundation.key_arn),
    ]


def function_statements(things: MonitorThings, logs_arn: pulumi.Input[str]) -> list[Statement]:
    """The function: see what serves and what was trained, list traffic, keep the state, publish."""
    foundation = things.foundation
    return [
        see_serving(foundation, things.endpoint.name),
        use_models(things.registry, *READ_MODELS, sid="Baseline"),
        Statement(
            sid="Trainings",
            actions=(
                *("sagemaker:ListPipelineExecutions", "sagemaker:ListPipelineExecutionSteps"),
                "sagemaker:ListPipelineParametersForExecution",
            ),
            resources=[things.training.arn, suffixed(things.training.arn, "/execution/*")],
        ),
        Statement(
            sid="Traffic",
            actions=LIST_BUCKET,
            resources=[foundation.capture.arn],
        ),
        *read(foundation.artifacts, work_prefix(foundation), sid="Work"),
        *write(foundation.artifacts, work_prefix(foundation), sid="Work"),
        publish_metrics(NAMESPACE),
        Statement(sid="Logs", actions=WRITE_LOGS, resources=[suffixed(logs_arn, ":*")]),
    ]
