"""SageMaker's training jobs: a resource whose creation is a run."""

from __future__ import annotations

from headway_sandbox.provider.aws import AwsError
from headway_sandbox.provider.table import Call, ResourceType, Session, Step, Wait
from headway_sandbox.provider.types._sagemaker_common import TAGS, described
from headway_sandbox.provider.values import Properties

_TRAINING_FIXED = frozenset(
    {
        "algorithmSpecification",
        "checkpointConfig",
        "debugHookConfig",
        "debugRuleConfigurations",
        "enableInterContainerTrafficEncryption",
        "enableManagedSpotTraining",
        "enableNetworkIsolation",
        "environment",
        "experimentConfig",
        "hyperParameters",
        "infraCheckConfig",
        "inputDataConfigs",
        "mlflowConfig",
        "modelPackageConfig",
        "outputDataConfig",
        "resourceConfig.instanceCount",
        "resourceConfig.instanceGroups",
        "resourceConfig.instancePlacementConfig",
        "resourceConfig.instanceType",
        "resourceConfig.trainingPlanArn",
        "resourceConfig.volumeKmsKeyId",
        "resourceConfig.volumeSizeInGb",
        "retryStrategy",
        "roleArn",
        "serverlessJobConfig",
        "sessionChainingConfig",
        "stoppingCondition",
        "tensorBoardOutputConfig",
        "trainingJobName",
        "vpcConfig",
    }
)

_REFUSED = "ValidationException"
_LACKS = {
    "algorithmSpecification.algorithmName": "algorithms by name",
    "debugRuleConfigurations": "rules of SageMaker's debugger",
    "inputDataConfigs[].dataSource.fileSystemDataSource": "file systems for training data",
    "mlflowConfig": "MLflow",
    "modelPackageConfig": "serverless training",
    "profilerRuleConfigurations": "rules of SageMaker's profiler",
    "resourceConfig.instanceGroups": "groups of instances",
    "serverlessJobConfig": "serverless training",
    "sessionChainingConfig": "session tags in chained roles",
}
_NOT_SERVERLESS = (
    "algorithmSpecification",
    "checkpointConfig",
    "debugHookConfig",
    "enableManagedSpotTraining",
    "environment",
    "experimentConfig",
    "profilerConfig",
    "profilerRuleConfigurations",
    "retryStrategy",
    "tensorBoardOutputConfig",
)


def _keep_alive(inputs: Properties) -> Properties:
    """Of the resources of a running job, only the time that they are kept warm can change."""
    block = inputs.get("resourceConfig") or {}
    kept = {name: value for name, value in block.items() if name == "keepAlivePeriodInSeconds"}
    return {**inputs, "resourceConfig": kept or None}


def _stop(session: Session, state: Properties) -> None:
    """Stops a job that still runs, as one whose creation was given up; only an ended job can be deleted.

    What it has left in S3 stays there.
    """
    named = {"TrainingJobName": state["trainingJobName"]}
    if session.call("sagemaker", "DescribeTrainingJob", named)["TrainingJobStatus"] != "InProgress":
        return
    try:
        session.call("sagemaker", "StopTrainingJob", named)
    except AwsError as error:
        # It has ended by itself in the meantime.
        if error.code != _REFUSED:
            raise


TRAINING_JOB = ResourceType(
    pulumi_type="aws:sagemaker/trainingJob:TrainingJob",
    service="sagemaker",
    id=("trainingJobName",),
    identity={"TrainingJobName": "trainingJobName"},
    create=Call("CreateTrainingJob"),
    reads=described("DescribeTrainingJob"),
    steps=(
        Step(
            ("profilerConfig", "profilerRuleConfigurations", "remoteDebugConfig", "resourceConfig"),
            Call("UpdateTrainingJob", fold=_keep_alive),
            on_create=False,
        ),
    ),
    before_delete=_stop,
    # A job that was stopped a moment ago is refused until it has ended.
    delete=(Call("DeleteTrainingJob", retry=frozenset({_REFUSED})),),
    renames={"arn": "TrainingJobArn"},
    tagging=TAGS,
    force_new=_TRAINING_FIXED,
    computed=frozenset(
        {
            "algorithmSpecification.metricDefinitions",
            "outputDataConfig.compressionType",
            "outputDataConfig.kmsKeyId",
            "profilerConfig",
            "resourceConfig.keepAlivePeriodInSeconds",
            "resourceConfig.volumeSizeInGb",
            "stoppingCondition",
        }
    ),
    waits=(
        Wait(
            "TrainingJobStatus",
            pending=frozenset({"InProgress", "Stopping"}),
            target=frozenset({"Completed", "Stopped"}),
            dead=frozenset({"Failed"}),
            reason="FailureReason",
            timeout_s=1500.0,
        ),
    ),
    wait_deleted=True,
    defaults={"deleteModelPackagesOnDestroy": False, "deleteVpcEnisOnDestroy": False},
    local=frozenset({"deleteModelPackagesOnDestroy", "deleteVpcEnisOnDestroy", "timeouts"}),
    exclusive=tuple(("serverlessJobConfig", name) for name in _NOT_SERVERLESS),
    lacks=_LACKS,
)
