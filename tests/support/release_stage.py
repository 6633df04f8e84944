"""One small system on a sandbox of its own, deployed by the real engine, whose releases a test watches.

Its models are processes that do what their artifacts say (see :mod:`support.rehearsed_model`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from headway_runtime.release.records import Records, Release
from support import rehearsed_model
from support.project import Project, succeeded

SYSTEM = "payments"
ENDPOINT = f"{SYSTEM}-local"
CARRIERS = ("UA", "DL", "AA")
_IMAGE = f"rehearsed-model@sha256:{'0' * 64}"
_PROGRAM = f'''"""One small system, and a plan that a release goes through in seconds."""

from headway_components import (
    Answer, ComplianceSpec, DataRetention, Feature, FeatureContract, FieldType, InferenceContract,
    LadderStage, ModelSpec, ReleaseMetric, ReleasePlan, ShadowStage, SystemSpec, deploy, user_errors,
)

with user_errors():
    carriers = Feature(name="carrier", type=FieldType.STRING, values={sorted(CARRIERS)}, closed=True)
    payments = FeatureContract(
        name="payments",
        entity=["payment"],
        features=[Feature(name="amount", type=FieldType.NUMBER, minimum=0), carriers],
    )
    deploy(
        SystemSpec(
            name="{SYSTEM}",
            contract=InferenceContract.over(payments, name="payments", output=Answer(prior=0.2)),
            model=ModelSpec.placeholder(),
            release=PLAN,
            compliance=ComplianceSpec(data_retention=DataRetention.REPRODUCIBLE),
        )
    )
'''


@dataclass
class ReleaseStage:
    """The deployed system.

    Attributes:
        project: The project that declares it.
        system: What the stack exports of it.
    """

    project: Project
    system: dict[str, Any]

    @cached_property
    def records(self) -> Records:
        """What is on record of its releases."""
        return Records(self.project.client("dynamodb"), self.system["release_table_name"], SYSTEM)

    def publish(self, name: str, artifact: bytes) -> str:
        """Registers an approved model, as a training does; its event starts the state machine."""
        bucket = self.system["buckets"]["artifacts"]
        key = f"models/{name}/model.tar.gz"
        self.project.client("s3").put_object(Bucket=bucket, Key=key, Body=artifact)
        package = self.project.client("sagemaker").create_model_package(
            ModelPackageGroupName=self.system["model_package_group_name"],
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [{"Image": _IMAGE, "ModelDataUrl": f"s3://{bucket}/{key}"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            CustomerMetadataProperties={"contract_digest": self.system["contract_digest"]},
        )
        return str(package["ModelPackageArn"])

    def release_of(self, package: str) -> Release | None:
        """How the release of a package stands."""
        return next((item for item in self.records.all() if item.model_package_arn == package), None)

    def live(self) -> tuple[str, dict[str, float]]:
        """The configuration that the endpoint has, and the share of the traffic of each variant."""
        endpoint = self.endpoint()
        weights = {item["VariantName"]: item["CurrentWeight"] for item in endpoint["ProductionVariants"]}
        return endpoint["EndpointConfigName"], weights

    def endpoint(self) -> dict[str, Any]:
        """What SageMaker says of the endpoint."""
        found: dict[str, Any] = self.project.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
        return found


def way(release: Release) -> list[str]:
    """The places that a release went to, in order."""
    return [item["what"].removeprefix("to ") for item in release.history if item["what"].startswith("to ")]


@contextmanager
def deployed(root: Path, plan: str) -> Iterator[ReleaseStage]:
    """Deploys the system with a placeholder, and stops its sandbox in the end.

    Args:
        root: A folder that is not there yet.
        plan: The release plan, as the program says it.
    """
    project = Project.copy_to(root)
    (project.root / "stacks/__main__.py").write_text(_PROGRAM.replace("PLAN", plan), "utf-8")
    project.edit("stacks/Pulumi.local.yaml", 'releaseSamplesPct: "5"', 'releaseSamplesPct: "100"')
    state_dir = project.root / ".headway/sandbox"
    state_dir.mkdir(parents=True)
    command = f'["{{python}}", "-I", "-S", "{rehearsed_model.__file__}"]'
    (state_dir / "images.toml").write_text(f"[images]\nrehearsed-model = {command}\n", "utf-8")
    try:
        succeeded(project.headway("sandbox", "start"))
        succeeded(project.shell("pulumi stack select --create local && pulumi up --yes --skip-preview"))
        yield ReleaseStage(project, project.outputs()["systems"][SYSTEM])
    finally:
        project.headway("sandbox", "stop")
