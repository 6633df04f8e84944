"""The jobs that a resource declares: itself, those of a tuning job, or the steps of a pipeline.

One vocabulary for all of them: `ISOLATION` of a training job, of a processing step and of a monitoring
schedule are three paths and one meaning.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from headway_policies.outcome import Finding, NotApplicable, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers
from headway_policies.subjects.instances import has_own_disks
from headway_policies.subjects.native import CLOUD_CONTROL, seen
from headway_policies.subjects.pipelines import PIPELINE, steps
from headway_policies.subjects.values import own_key

TRAINING_JOB = "aws:sagemaker/trainingJob:TrainingJob"
TUNING_JOB = "aws:sagemaker/hyperParameterTuningJob:HyperParameterTuningJob"
PROCESSING_JOB = "aws-native:sagemaker:ProcessingJob"
SCHEDULE = "aws:sagemaker/monitoringSchedule:MonitoringSchedule"
DATA_QUALITY = "aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition"
MODEL_QUALITY = "aws-native:sagemaker:ModelQualityJobDefinition"
MODEL_BIAS = "aws-native:sagemaker:ModelBiasJobDefinition"
EXPLAINABILITY = "aws-native:sagemaker:ModelExplainabilityJobDefinition"

TRAINING = (TRAINING_JOB, TUNING_JOB)
MONITORS = (
    SCHEDULE,
    "aws-native:sagemaker:MonitoringSchedule",
    DATA_QUALITY,
    "aws-native:sagemaker:DataQualityJobDefinition",
    MODEL_QUALITY,
    MODEL_BIAS,
    EXPLAINABILITY,
    CLOUD_CONTROL,
)
STEPS = (PIPELINE, PROCESSING_JOB, CLOUD_CONTROL)


class Part(Enum):
    """What a job declares about itself."""

    ISOLATION = "network isolation"
    SUBNETS = "subnets"
    TRAFFIC = "encryption between containers"
    OUTPUT_KEY = "key of the results"
    VOLUME_KEY = "key of the volumes"
    INSTANCE_TYPE = "instance type"
    INSTANCE_COUNT = "number of instances"
    LIMIT = "time limit"
    IMAGE = "image"
    ROLE = "role"


_NETWORK = {
    Part.ISOLATION: "networkConfig.enableNetworkIsolation",
    Part.SUBNETS: "networkConfig.vpcConfig.subnets",
    Part.TRAFFIC: "networkConfig.enableInterContainerTrafficEncryption",
    Part.ROLE: "roleArn",
}


def _cluster(prefix: str) -> dict[Part, str]:
    return {
        Part.VOLUME_KEY: f"{prefix}.volumeKmsKeyId",
        Part.INSTANCE_TYPE: f"{prefix}.instanceType",
        Part.INSTANCE_COUNT: f"{prefix}.instanceCount",
    }


def _definition(word: str) -> dict[Part, str]:
    return {
        **_NETWORK,
        **_cluster("jobResources.clusterConfig"),
        Part.OUTPUT_KEY: f"{word}JobOutputConfig.kmsKeyId",
        Part.LIMIT: "stoppingCondition.maxRuntimeInSeconds",
        Part.IMAGE: f"{word}AppSpecification.imageUri",
    }


_TRAINING_PATHS = {
    Part.ISOLATION: "enableNetworkIsolation",
    Part.SUBNETS: "vpcConfig.subnets",
    Part.TRAFFIC: "enableInterContainerTrafficEncryption",
    Part.OUTPUT_KEY: "outputDataConfig.kmsKeyId",
    **_cluster("resourceConfig"),
    Part.LIMIT: "stoppingCondition.maxRuntimeInSeconds",
    Part.IMAGE: "algorithmSpecification.trainingImage",
    Part.ROLE: "roleArn",
}
_PROCESSING_PATHS = {
    **_NETWORK,
    **_cluster("processingResources.clusterConfig"),
    Part.OUTPUT_KEY: "processingOutputConfig.kmsKeyId",
    Part.LIMIT: "stoppingCondition.maxRuntimeInSeconds",
    Part.IMAGE: "appSpecification.imageUri",
}
_TRANSFORM_PATHS = {
    **_cluster("transformResources"),
    Part.OUTPUT_KEY: "transformOutput.kmsKeyId",
}
_SCHEDULE_PATHS = {
    **_NETWORK,
    **_cluster("monitoringResources.clusterConfig"),
    Part.OUTPUT_KEY: "monitoringOutputConfig.kmsKeyId",
    Part.LIMIT: "stoppingCondition.maxRuntimeInSeconds",
    Part.IMAGE: "monitoringAppSpecification.imageUri",
}
_INLINE = "monitoringScheduleConfig.monitoringJobDefinition"
_MONITOR_PATHS: Mapping[str, Mapping[Part, str]] = {
    "MonitoringSchedule": _SCHEDULE_PATHS,
    "DataQualityJobDefinition": _definition("dataQuality"),
    "ModelQualityJobDefinition": _definition("modelQuality"),
    "ModelBiasJobDefinition": _definition("modelBias"),
    "ModelExplainabilityJobDefinition": _definition("modelExplainability"),
}
_STEP_PATHS: Mapping[str, Mapping[Part, str]] = {
    "Training": _TRAINING_PATHS,
    "Tuning": _TRAINING_PATHS,
    "Processing": _PROCESSING_PATHS,
    "ClarifyCheck": _PROCESSING_PATHS,
    "QualityCheck": _PROCESSING_PATHS,
    "Transform": _TRANSFORM_PATHS,
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job.

    Args:
        resource: What declares it, in the spelling of pulumi-aws.
        paths: Where it declares what, without `before`.
        before: What stands before a path in `resource`.
        place: What to say before a path.
        kind: `Training`, `Processing`, `MonitoringSchedule`, ...
    """

    resource: Resource
    paths: Mapping[Part, str]
    before: str = ""
    place: str = ""
    kind: str = ""

    def has(self, part: Part) -> bool:
        """Whether jobs of this kind declare such a thing."""
        return part in self.paths

    def path(self, part: Part) -> str:
        """The path in `resource`."""
        return self.before + self.paths[part]

    def value(self, part: Part) -> object:
        """The value; None where nothing is set, `UNKNOWN` where it is not known yet."""
        return self.resource.value(self.path(part))

    def placed(self, answers: Answers) -> Answers:
        """Answers about `resource` as answers about what declares the job."""
        for answer in answers:
            if isinstance(answer, Finding | Undecided):
                yield replace(answer, path=self.place + answer.path)
            else:
                yield answer


def jobs(resource: Resource) -> Iterator[Job]:
    """The jobs that a resource declares; none for a resource of the Cloud Control API that is no job.

    Raises:
        NotKnownError: The definition of a pipeline, or a resource of the Cloud Control API, is not known yet.
    """
    if resource.type == PIPELINE:
        for step in steps(resource):
            if step.type in _STEP_PATHS:
                yield _step_job(step.type, step.arguments, step.place)
        return
    native = seen(resource)
    kind = native.type.rpartition(":")[2]
    if kind == "TrainingJob":
        yield Job(resource=native, paths=_TRAINING_PATHS, kind="Training")
    elif kind == "HyperParameterTuningJob":
        one = ("trainingJobDefinition",) if native.has("trainingJobDefinition") else ()
        for before in (*one, *native.items("trainingJobDefinitions")):
            yield Job(resource=native, paths=_tuned(native, before), before=f"{before}.", kind="Training")
    elif kind == "ProcessingJob":
        yield Job(resource=native, paths=_PROCESSING_PATHS, kind="Processing")
    elif kind == "MonitoringSchedule":
        if native.has(_INLINE):
            yield Job(resource=native, paths=_SCHEDULE_PATHS, before=f"{_INLINE}.", kind=kind)
    elif kind in _MONITOR_PATHS:
        yield Job(resource=native, paths=_MONITOR_PATHS[kind], kind=kind)


def _step_job(kind: str, arguments: Resource, place: str) -> Job:
    if kind == "Tuning":
        return Job(
            resource=arguments,
            paths=_TRAINING_PATHS,
            before="trainingJobDefinition.",
            place=place,
            kind="Training",
        )
    return Job(resource=arguments, paths=_STEP_PATHS[kind], place=place, kind=kind)


def _tuned(resource: Resource, before: str) -> Mapping[Part, str]:
    """A tuning job names its machines in one of two places."""
    if resource.has(f"{before}.hyperParameterTuningResourceConfig"):
        return {**_TRAINING_PATHS, **_cluster("hyperParameterTuningResourceConfig")}
    return _TRAINING_PATHS


NO_JOB = NotApplicable(reason="it declares no such job")


def judged(resource: Resource, part: Part, check: Callable[[Resource, str], Answers]) -> Answers:
    """What a check of one value says about a part of each job; not applicable where there is no such job.

    Args:
        resource: What may declare jobs.
        part: The part of a job that is checked.
        check: The check of the value at a path of a resource.
    """
    found = [job for job in jobs(resource) if job.has(part)]
    if not found:
        yield NO_JOB
    for job in found:
        yield from job.placed(check(job.resource, job.path(part)))


def job_keys(job: Job) -> Answers:
    """Whether the volumes and the results of a job are encrypted with a key of their owner's."""
    yield from job.placed(own_key(job.resource, job.path(Part.OUTPUT_KEY)))
    yield from job.placed(volume_key(job.resource, job.path(Part.VOLUME_KEY), job.path(Part.INSTANCE_TYPE)))


def volume_key(resource: Resource, path: str, *instance_types: str) -> Answers:
    """Whether volumes are encrypted with a key of their owner's, where their machines take one at all.

    Args:
        resource: What declares the machines.
        path: The key.
        instance_types: The paths of the instance types of all machines that the key is for.
    """
    types = [resource.value(each) for each in instance_types]
    if types and all(isinstance(each, str) and has_own_disks(each) for each in types):
        return
    answers = tuple(own_key(resource, path))
    if answers and UNKNOWN in types and not resource.has(path):
        yield Undecided(path=instance_types[types.index(UNKNOWN)])
    else:
        yield from answers
