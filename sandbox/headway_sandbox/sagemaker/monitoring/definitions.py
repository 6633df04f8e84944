"""Monitoring job definitions of the four kinds: create, describe, list, delete; and what they say alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headway_sandbox.sagemaker.credentials import check_role
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, operation, validation_error
from headway_sandbox.sagemaker.tags import delete_tags, save_tags


@dataclass(frozen=True)
class MonitoringKind:
    """What the kinds of monitoring differ in.

    Attributes:
        type: ``MonitoringType`` of schedules.
        noun: Kind in the store, in ARNs and in the names of jobs.
        namespace: Namespace of the metrics that its jobs leave.
        analysis: ``analysis_type`` that its jobs are told; None if they are told none.
        labelled: Whether captured data is merged with ground truth first.
    """

    type: str
    noun: str
    namespace: str
    analysis: str | None = None
    labelled: bool = False

    @property
    def store_kind(self) -> str:
        """For example ``data-quality-job-definition``."""
        return f"{self.noun}-job-definition"


KINDS = (
    MonitoringKind("DataQuality", "data-quality", "/aws/sagemaker/Endpoint/data-metrics"),
    MonitoringKind(
        "ModelQuality",
        "model-quality",
        "aws/sagemaker/Endpoints/model-metrics",
        "MODEL_QUALITY",
        labelled=True,
    ),
    MonitoringKind(
        "ModelBias", "model-bias", "aws/sagemaker/Endpoints/bias-metrics", "MODEL_BIAS", labelled=True
    ),
    MonitoringKind(
        "ModelExplainability",
        "model-explainability",
        "aws/sagemaker/Endpoints/explainability-metrics",
        "MODEL_EXPLAINABILITY",
    ),
)
BY_TYPE = {kind.type: kind for kind in KINDS}
DEFAULT_MAX_RUNTIME_S = 3_600


@dataclass(frozen=True)
class Definition:
    """A monitoring job, whether it was defined by name or inline in a schedule.

    Attributes:
        kind: Its kind.
        application: Image and what it is given.
        environment: Further environment variables.
        inputs: ``EndpointInput`` or ``BatchTransformInput``, and ``GroundTruthS3Input``.
        outputs: ``MonitoringOutputConfig``.
        baseline: ``BaselineConfig``.
        resources: ``MonitoringResources``.
        network: ``NetworkConfig``; None without one.
        role: Role of the job.
        max_runtime_s: Longest run.
    """

    kind: MonitoringKind
    application: Document
    environment: dict[str, str]
    inputs: Document
    outputs: Document
    baseline: Document
    resources: Document
    network: Document | None
    role: str
    max_runtime_s: int

    @property
    def endpoint(self) -> str | None:
        """The endpoint that is monitored; None for batch transform."""
        found = self.inputs.get("EndpointInput")
        return None if found is None else str(found["EndpointName"])

    @property
    def source(self) -> Document:
        """``EndpointInput`` or ``BatchTransformInput``."""
        name = "EndpointInput" if "EndpointInput" in self.inputs else "BatchTransformInput"
        source: Document = self.inputs[name]
        return source

    @classmethod
    def from_named(cls, kind: MonitoringKind, document: Document) -> Definition:
        """Reads a job definition."""
        application = document[f"{kind.type}AppSpecification"]
        return cls(
            kind=kind,
            application=application,
            environment=application.get("Environment", {}),
            inputs=document[f"{kind.type}JobInput"],
            outputs=document[f"{kind.type}JobOutputConfig"],
            baseline=document.get(f"{kind.type}BaselineConfig", {}),
            resources=document["JobResources"],
            network=document.get("NetworkConfig"),
            role=document["RoleArn"],
            max_runtime_s=document.get("StoppingCondition", {}).get(
                "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S
            ),
        )

    @classmethod
    def from_inline(cls, kind: MonitoringKind, document: Document) -> Definition:
        """Reads the ``MonitoringJobDefinition`` of a schedule."""
        return cls(
            kind=kind,
            application=document["MonitoringAppSpecification"],
            environment=document.get("Environment", {}),
            inputs=document["MonitoringInputs"][0],
            outputs=document["MonitoringOutputConfig"],
            baseline=document.get("BaselineConfig", {}),
            resources=document["MonitoringResources"],
            network=document.get("NetworkConfig"),
            role=document["RoleArn"],
            max_runtime_s=document.get("StoppingCondition", {}).get(
                "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S
            ),
        )


def find_definition(service: SageMaker, kind: MonitoringKind, name: str) -> Document:
    """A job definition's document.

    Raises:
        ServiceError: If there is none of that name.
    """
    document = service.store.get(kind.store_kind, name.lower())
    if document is None:
        raise ServiceError(
            "ResourceNotFound", f"Job Definition {service.arn(kind.store_kind, name)} does not exist."
        )
    return document


def source_problems(service: SageMaker, definition: Definition) -> Iterator[str]:
    """Why there would be no data to monitor."""
    given = [name for name in ("EndpointInput", "BatchTransformInput") if name in definition.inputs]
    if len(given) != 1:
        yield f"Exactly one of EndpointInput and BatchTransformInput must be given, found {len(given)}"
    if definition.kind.labelled and "S3Uri" not in definition.inputs.get("GroundTruthS3Input", {}):
        yield f"GroundTruthS3Input.S3Uri must be given to monitor {definition.kind.type}"
    name = definition.endpoint
    if name is None:
        return
    endpoint = service.store.get("endpoint", name)
    if endpoint is None:
        yield f"Could not find endpoint {service.arn('endpoint', name)}"
        return
    capture = capture_config(service, name)
    if capture is None or not capture.get("EnableCapture", False):
        yield f"Data capture must be enabled for the endpoint {name}"


def capture_config(service: SageMaker, endpoint_name: str) -> Document | None:
    """The ``DataCaptureConfig`` of what an endpoint serves or is to serve; None without one."""
    endpoint = service.store.get("endpoint", endpoint_name)
    if endpoint is None:
        return None
    plan = endpoint["Serving"] if endpoint["Serving"] is not None else endpoint["Pending"]["Plan"]
    capture: Document | None = plan["data_capture"]
    return capture


def _register(kind: MonitoringKind) -> None:
    """Registers the four operations of a kind."""

    async def create(service: SageMaker, request: Document) -> Document:
        name = request["JobDefinitionName"]
        arn = service.arn(kind.store_kind, name)
        if service.store.get(kind.store_kind, name.lower()) is not None:
            raise ServiceError("ResourceInUse", f"Job Definition {arn} already exists.")
        problems = list(source_problems(service, Definition.from_named(kind, request)))
        if problems:
            raise validation_error("; ".join(problems))
        check_role(service, request["RoleArn"])
        save_tags(service, arn, request.get("Tags"))
        document = {
            **{member: value for member, value in request.items() if member != "Tags"},
            "JobDefinitionArn": arn,
            "CreationTime": service.clock(),
        }
        service.store.put(kind.store_kind, name.lower(), document)
        return {"JobDefinitionArn": arn}

    async def describe(service: SageMaker, request: Document) -> Document:
        return find_definition(service, kind, request["JobDefinitionName"])

    async def list_all(service: SageMaker, request: Document) -> Document:
        summaries = [
            {
                "MonitoringJobDefinitionName": document["JobDefinitionName"],
                "MonitoringJobDefinitionArn": document["JobDefinitionArn"],
                "CreationTime": document["CreationTime"],
                "EndpointName": Definition.from_named(kind, document).endpoint or "",
            }
            for document in service.store.list(kind.store_kind)
        ]
        chosen = select(
            summaries,
            request,
            name="MonitoringJobDefinitionName",
            equal={"EndpointName": "EndpointName"},
            sort_keys={"Name": "MonitoringJobDefinitionName"},
        )
        found, token = page(chosen, request)
        return {"JobDefinitionSummaries": found, **token}

    async def delete(service: SageMaker, request: Document) -> Document:
        document = find_definition(service, kind, request["JobDefinitionName"])
        service.store.delete(kind.store_kind, document["JobDefinitionName"].lower())
        delete_tags(service, document["JobDefinitionArn"])
        return {}

    for name, function in (
        (f"Create{kind.type}JobDefinition", create),
        (f"Describe{kind.type}JobDefinition", describe),
        (f"List{kind.type}JobDefinitions", list_all),
        (f"Delete{kind.type}JobDefinition", delete),
    ):
        operation(name)(function)


for _kind in KINDS:
    _register(_kind)
