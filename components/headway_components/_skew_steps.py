"""The steps from captured traffic to a report on skew, as one pure function of plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headway_components._job_channels import job_input, job_output
from headway_components._monitor_steps import ENDPOINT_PARAMETER
from headway_components._pipeline_functions import FunctionStep, WhenStep
from headway_components.pipeline_definition import (
    EXECUTION_ID,
    Machine,
    Parameter,
    ProcessingStep,
    parameter,
    pipeline,
)
from headway_components.skew_plan import SkewPlan
from headway_runtime import contract as runtime


@dataclass(frozen=True, kw_only=True)
class SkewSteps:
    """Everything that the steps need to know, with every reference resolved."""

    endpoint: str
    """Name of the endpoint."""
    plan: SkewPlan
    """How large the job is."""
    features: str
    """`module:function` that says what computes the inputs."""
    personal: bool
    """Whether rows speak of people, so that none is shown."""
    image: str
    """Image of the job."""
    role_arn: str
    """Role of the job."""
    key_arn: str
    """Key of the system."""
    function_arn: str
    """Function that plans a comparison and publishes what was found."""
    code_uri: str
    """Where the system's own code is."""
    contract_uri: str
    """Where the contract is."""
    subnets: Sequence[str]
    """Subnets of the job; none where it runs in SageMaker's own network."""
    security_groups: Sequence[str]
    """Security groups of the job; none where it runs in SageMaker's own network."""


def skew_pipeline(steps: SkewSteps) -> dict[str, Any]:
    """The definition: plan a comparison; if there is something to compare, compare it and publish."""
    planned = FunctionStep(
        name="Plan",
        function_arn=steps.function_arn,
        call={"action": "plan", "run": EXECUTION_ID, "endpoint": parameter(ENDPOINT_PARAMETER)},
        outputs=("ready", "why", "manifest_uri", "data_uri", "report_uri"),
    )
    compare = ProcessingStep(
        name="Compare",
        machine=Machine(
            image=steps.image,
            role_arn=steps.role_arn,
            instance_type=steps.plan.instance_type,
            volume_size_gib=steps.plan.volume_size_gib,
            max_runtime_s=steps.plan.max_runtime_s,
            key_arn=steps.key_arn,
            subnets=steps.subnets,
            security_groups=steps.security_groups,
            environment={runtime.IMAGE_VARIABLE: steps.image},
        ),
        entrypoint=("python", "-m", "headway_runtime"),
        flags=[
            *("skew", "--features", steps.features, "--endpoint", steps.endpoint),
            *(["--no-examples"] if steps.personal else []),
        ],
        inputs=[
            job_input("capture", planned.output("manifest_uri"), "ManifestFile"),
            job_input("data", planned.output("data_uri")),
            job_input(runtime.CHANNEL_CODE, steps.code_uri),
            job_input(runtime.CHANNEL_CONTRACT, steps.contract_uri),
        ],
        outputs=[job_output("report", planned.output("report_uri"))],
    )
    publish = FunctionStep(
        name="Publish",
        after=[compare.name],
        function_arn=steps.function_arn,
        call={"action": "record", "run": EXECUTION_ID},
        outputs=("sentence",),
    )
    traffic = WhenStep(
        name="Traffic",
        after=[planned.name],
        value=planned.output("ready"),
        equals="yes",
        steps=[compare, publish],
    )
    endpoint = Parameter(name=ENDPOINT_PARAMETER, default=steps.endpoint, allowed=(steps.endpoint,))
    return pipeline([endpoint], [planned, traffic])
