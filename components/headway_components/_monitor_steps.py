"""The steps from captured traffic to a report and a decision, as one pure function of plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headway_components._job_channels import job_input, job_output
from headway_components._pipeline_functions import FunctionStep, WhenStep
from headway_components.drift_plan import DriftPlan
from headway_components.pipeline_definition import (
    EXECUTION_ID,
    Machine,
    Parameter,
    ProcessingStep,
    parameter,
    pipeline,
)
from headway_runtime import contract as runtime

ENDPOINT_PARAMETER = "Endpoint"
_ENTRYPOINT = ("python", "-m", "headway_runtime")
_PLANNED = ("ready", "why", "manifest_uri", "request_uri", "baseline_uri", "report_uri")


@dataclass(frozen=True, kw_only=True)
class MonitorPlan:
    """Everything that the steps need to know, with every reference resolved."""

    endpoint: str
    """Name of the endpoint."""
    drift: DriftPlan
    """From when on traffic drifts."""
    image: str
    """Image of the job."""
    role_arn: str
    """Role of the job."""
    key_arn: str
    """Key of the system."""
    function_arn: str
    """Function that plans a window and records what was found."""
    subnets: Sequence[str]
    """Subnets of the job; none where it runs in SageMaker's own network."""
    security_groups: Sequence[str]
    """Security groups of the job; none where it runs in SageMaker's own network."""
    slices: Sequence[str] = ()
    """Inputs by whose values quality is measured; none when left out."""


def monitor_pipeline(plan: MonitorPlan) -> dict[str, Any]:
    """The definition: plan a window; if there is one, look at it and record what was found."""
    planned = FunctionStep(
        name="Plan",
        function_arn=plan.function_arn,
        call={"action": "plan", "run": EXECUTION_ID, "endpoint": parameter(ENDPOINT_PARAMETER)},
        outputs=_PLANNED,
    )
    look = ProcessingStep(
        name="Monitor",
        machine=Machine(
            image=plan.image,
            role_arn=plan.role_arn,
            instance_type=plan.drift.instance_type,
            volume_size_gib=plan.drift.volume_size_gib,
            max_runtime_s=plan.drift.max_runtime_s,
            key_arn=plan.key_arn,
            subnets=plan.subnets,
            security_groups=plan.security_groups,
            environment={runtime.IMAGE_VARIABLE: plan.image},
        ),
        entrypoint=_ENTRYPOINT,
        flags=["monitor", *plan.drift.flags(), *_slice_flags(plan.slices)],
        inputs=[
            job_input("capture", planned.output("manifest_uri"), "ManifestFile"),
            job_input("baseline", planned.output("baseline_uri")),
            job_input("request", planned.output("request_uri"), "ManifestFile"),
        ],
        outputs=[job_output("report", planned.output("report_uri"))],
    )
    record = FunctionStep(
        name="Record",
        after=[look.name],
        function_arn=plan.function_arn,
        call={"action": "record", "run": EXECUTION_ID},
        outputs=("sentence", "retraining"),
    )
    traffic = WhenStep(
        name="Traffic",
        after=[planned.name],
        value=planned.output("ready"),
        equals="yes",
        steps=[look, record],
    )
    endpoint = Parameter(name=ENDPOINT_PARAMETER, default=plan.endpoint, allowed=(plan.endpoint,))
    return pipeline([endpoint], [planned, traffic])


def _slice_flags(slices: Sequence[str]) -> list[str]:
    return [flag for column in slices for flag in ("--slice", column)]
