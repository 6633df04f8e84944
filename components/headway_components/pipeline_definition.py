"""The JSON of a SageMaker pipeline, from typed steps. Nothing here knows Pulumi.

Source: SageMaker pipeline definition schema, version 2020-12-01; the `Arguments` of a step are the request of
the API operation that the step stands for.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headway_components._instances import has_local_storage

VERSION = "2020-12-01"
EXECUTION_ID: Mapping[str, str] = {"Get": "Execution.PipelineExecutionId"}
"""Known when an execution starts; keeps the outputs of one execution apart from the next."""

Value = str | Mapping[str, Any]
"""A text, or an expression that the pipeline resolves while it runs."""


def join(*parts: Value) -> dict[str, Any]:
    """The parts with slashes between them, put together when the pipeline runs."""
    return {"Std:Join": {"On": "/", "Values": list(parts)}}


def parameter(name: str) -> dict[str, str]:
    """The value of a pipeline's parameter."""
    return {"Get": f"Parameters.{name}"}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A text that whoever starts the pipeline may set."""

    name: str
    """Name of the parameter."""
    default: str
    """Value when nobody sets it."""
    allowed: Sequence[str] | None = None
    """Every value that may be set; any text when left out."""

    def document(self) -> dict[str, Any]:
        """The parameter as SageMaker reads it."""
        document: dict[str, Any] = {"Name": self.name, "Type": "String", "DefaultValue": self.default}
        return document if self.allowed is None else document | {"EnumValues": list(self.allowed)}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a job runs on, and as whom."""

    image: str
    """URI of the image, pinned by its digest."""
    role_arn: str
    """Role of the job."""
    instance_type: str
    """Machine of the job."""
    volume_size_gib: int
    """Disk of the job, in GiB."""
    max_runtime_s: int
    """Time after which the job is stopped, in seconds."""
    key_arn: str
    """Key that disk and outputs are encrypted with."""
    subnets: Sequence[str] = ()
    """Subnets of the job; SageMaker's own network when left out."""
    security_groups: Sequence[str] = ()
    """Security groups of the job; SageMaker's own network when left out."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment of the container."""

    def network(self) -> dict[str, Any]:
        """The network of the job, as both kinds of jobs describe it; empty for SageMaker's own."""
        if not self.subnets:
            return {}
        return {"VpcConfig": {"Subnets": list(self.subnets), "SecurityGroupIds": list(self.security_groups)}}

    def resources(self) -> dict[str, Any]:
        """One machine with its disk, as both kinds of jobs describe it."""
        resources = {
            "InstanceCount": 1,
            "InstanceType": self.instance_type,
            "VolumeSizeInGB": self.volume_size_gib,
        }
        return (
            resources
            if has_local_storage(self.instance_type)
            else {
                **resources,
                "VolumeKmsKeyId": self.key_arn,
            }
        )


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A directory of a job and the place in S3 that fills it or that it fills."""

    name: str
    """Name of the channel."""
    uri: Value
    """Place in S3."""
    path: str = ""
    """Directory in the container; SageMaker decides it for training jobs, so it stays empty there."""
    data_type: str = "S3Prefix"
    """`S3Prefix`, or `ManifestFile` for an input that lists its files; a prefix when left out."""


def _s3_source(uri: Value) -> dict[str, Any]:
    return {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}


@dataclass(frozen=True, kw_only=True)
class Step(ABC):
    """What every step has."""

    name: str
    """Name of the step."""
    after: Sequence[str] = ()
    """Steps that must have succeeded before."""

    type = "Step"

    @abstractmethod
    def arguments(self) -> dict[str, Any]:
        """The request that the step makes."""

    def document(self) -> dict[str, Any]:
        """The step as SageMaker reads it."""
        document: dict[str, Any] = {"Name": self.name, "Type": self.type, "Arguments": self.arguments()}
        return document | ({"DependsOn": list(self.after)} if self.after else {})


@dataclass(frozen=True, kw_only=True)
class ProcessingStep(Step):
    """A job that reads files and writes files."""

    machine: Machine
    """What the job runs on."""
    entrypoint: Sequence[str]
    """Command of the container."""
    flags: Sequence[Value]
    """Arguments of the command."""
    inputs: Sequence[Channel]
    """What the job reads."""
    outputs: Sequence[Channel]
    """What the job writes."""
    property_files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """JSON files that later steps decide on: name to output and file."""

    type = "Processing"

    def arguments(self) -> dict[str, Any]:
        """The request of CreateProcessingJob."""
        machine = self.machine
        return {
            "RoleArn": machine.role_arn,
            "AppSpecification": {
                "ImageUri": machine.image,
                "ContainerEntrypoint": list(self.entrypoint),
                "ContainerArguments": list(self.flags),
            },
            "Environment": dict(machine.environment),
            "ProcessingInputs": [
                {
                    "InputName": channel.name,
                    "AppManaged": False,
                    "S3Input": {
                        "S3Uri": channel.uri,
                        "LocalPath": channel.path,
                        "S3DataType": channel.data_type,
                        "S3InputMode": "File",
                        "S3DataDistributionType": "FullyReplicated",
                    },
                }
                for channel in self.inputs
            ],
            "ProcessingOutputConfig": {
                "KmsKeyId": machine.key_arn,
                "Outputs": [
                    {
                        "OutputName": channel.name,
                        "AppManaged": False,
                        "S3Output": {
                            "S3Uri": channel.uri,
                            "LocalPath": channel.path,
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                    for channel in self.outputs
                ],
            },
            "ProcessingResources": {"ClusterConfig": machine.resources()},
            "NetworkConfig": {
                "EnableNetworkIsolation": True,
                "EnableInterContainerTrafficEncryption": True,
                **machine.network(),
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": machine.max_runtime_s},
        }

    def document(self) -> dict[str, Any]:
        """The step as SageMaker reads it."""
        files = [
            {"PropertyFileName": name, "OutputName": output, "FilePath": path}
            for name, (output, path) in self.property_files.items()
        ]
        return super().document() | ({"PropertyFiles": files} if files else {})


@dataclass(frozen=True, kw_only=True)
class TrainingStep(Step):
    """A job that writes a model."""

    machine: Machine
    """What the job runs on."""
    hyperparameters: Mapping[str, str]
    """Parameters of the algorithm."""
    channels: Sequence[Channel]
    """What the job reads."""
    output_uri: Value
    """Place in S3 below which the model goes."""
    metrics: Mapping[str, str]
    """Metrics that are read from the log: name to regular expression."""

    type = "Training"

    def arguments(self) -> dict[str, Any]:
        """The request of CreateTrainingJob."""
        machine = self.machine
        return {
            "RoleArn": machine.role_arn,
            "AlgorithmSpecification": {
                "TrainingImage": machine.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": name, "Regex": regex} for name, regex in self.metrics.items()],
            },
            "HyperParameters": dict(self.hyperparameters),
            "Environment": dict(machine.environment),
            "InputDataConfig": [
                {
                    "ChannelName": channel.name,
                    "InputMode": "File",
                    "DataSource": {"S3DataSource": _s3_source(channel.uri)},
                }
                for channel in self.channels
            ],
            "OutputDataConfig": {"S3OutputPath": self.output_uri, "KmsKeyId": machine.key_arn},
            "ResourceConfig": machine.resources(),
            "EnableNetworkIsolation": True,
            "EnableInterContainerTrafficEncryption": True,
            **machine.network(),
            "StoppingCondition": {"MaxRuntimeInSeconds": machine.max_runtime_s},
        }

    @property
    def model_uri(self) -> dict[str, str]:
        """Where the model is, once the job has run."""
        return {"Get": f"Steps.{self.name}.ModelArtifacts.S3ModelArtifacts"}


@dataclass(frozen=True, kw_only=True)
class RegisterStep(Step):
    """Registers a model with its evidence."""

    group: str
    """Model package group."""
    image: str
    """Image that serves the model."""
    model_uri: Value
    """Where the model is."""
    statistics_uri: Value
    """Where the model's quality is written, in SageMaker's model-quality JSON."""
    data_statistics_uri: Value
    """Where the training rows are described, in SageMaker's statistics JSON."""
    data_constraints_uri: Value
    """Where it is written what they hold to, in SageMaker's constraints JSON."""
    approval: Value
    """Approval status of the new version."""
    metadata: Mapping[str, Value]
    """What else is known about the version."""
    content_types: Sequence[str]
    """Types of the requests and answers that the model knows."""
    description: str
    """What the version is, for people."""

    type = "RegisterModel"

    def arguments(self) -> dict[str, Any]:
        """The request of CreateModelPackage."""
        return {
            "ModelPackageGroupName": self.group,
            "ModelPackageDescription": self.description,
            "ModelApprovalStatus": self.approval,
            "InferenceSpecification": {
                "Containers": [{"Image": self.image, "ModelDataUrl": self.model_uri}],
                "SupportedContentTypes": list(self.content_types),
                "SupportedResponseMIMETypes": list(self.content_types),
            },
            "ModelMetrics": {
                "ModelQuality": {"Statistics": _metrics(self.statistics_uri)},
                "ModelDataQuality": {
                    "Statistics": _metrics(self.data_statistics_uri),
                    "Constraints": _metrics(self.data_constraints_uri),
                },
            },
            "CustomerMetadataProperties": dict(self.metadata),
        }


def _metrics(uri: Value) -> dict[str, Any]:
    return {"ContentType": "application/json", "S3Uri": uri}


@dataclass(frozen=True, kw_only=True)
class FailStep(Step):
    """Ends the pipeline as failed, with a message."""

    message: Value
    """Why."""

    type = "Fail"

    def arguments(self) -> dict[str, Any]:
        """The message."""
        return {"ErrorMessage": self.message}


@dataclass(frozen=True, kw_only=True)
class GateStep(Step):
    """Goes on with some steps when a value in a property file is true, else with others."""

    judge: str
    """Step whose property file decides."""
    property_file: str
    """Name of the property file."""
    path: str
    """Place of the value in the file."""
    if_true: Sequence[Step]
    """Steps when it is true."""
    if_false: Sequence[Step]
    """Steps when it is not."""

    type = "Condition"

    def arguments(self) -> dict[str, Any]:
        """The condition and the two branches."""
        file = {"Get": f"Steps.{self.judge}.PropertyFiles.{self.property_file}"}
        return {
            "Conditions": [
                {
                    "Type": "Equals",
                    "LeftValue": {"Std:JsonGet": {"PropertyFile": file, "Path": self.path}},
                    "RightValue": True,
                }
            ],
            "IfSteps": [step.document() for step in self.if_true],
            "ElseSteps": [step.document() for step in self.if_false],
        }


def pipeline(parameters: Sequence[Parameter], steps: Sequence[Step]) -> dict[str, Any]:
    """The definition of a pipeline."""
    return {
        "Version": VERSION,
        "Metadata": {},
        "Parameters": [item.document() for item in parameters],
        "Steps": [step.document() for step in steps],
    }
