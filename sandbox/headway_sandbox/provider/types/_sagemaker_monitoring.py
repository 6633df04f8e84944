"""SageMaker's monitoring: schedules and what a data quality job looks at."""

from __future__ import annotations

from headway_sandbox.provider.table import Autoname, Call, ResourceType, Step, Wait
from headway_sandbox.provider.types._sagemaker_common import TAGS, described

_JOB = "monitoringScheduleConfig.monitoringJobDefinition"
_INPUTS = ("batchTransformInput", "endpointInput")

MONITORING_SCHEDULE = ResourceType(
    pulumi_type="aws:sagemaker/monitoringSchedule:MonitoringSchedule",
    service="sagemaker",
    id=("name",),
    identity={"MonitoringScheduleName": "name"},
    create=Call("CreateMonitoringSchedule"),
    reads=described("DescribeMonitoringSchedule"),
    steps=(Step(("monitoringScheduleConfig",), Call("UpdateMonitoringSchedule"), on_create=False),),
    delete=(Call("DeleteMonitoringSchedule"),),
    renames={
        "name": "MonitoringScheduleName",
        "arn": "MonitoringScheduleArn",
        f"{_JOB}.baseline": "BaselineConfig",
    },
    tagging=TAGS,
    force_new=frozenset({"name"}),
    computed=frozenset(
        {
            "monitoringScheduleConfig.scheduleConfig",
            *(f"{_JOB}.monitoringInputs.{name}.s3DataDistributionType" for name in _INPUTS),
            *(f"{_JOB}.monitoringInputs.{name}.s3InputMode" for name in _INPUTS),
            f"{_JOB}.monitoringOutputConfig.monitoringOutputs.s3Output.s3UploadMode",
            f"{_JOB}.stoppingConditions",
        }
    ),
    waits=(
        Wait(
            "MonitoringScheduleStatus",
            pending=frozenset({"Pending"}),
            target=frozenset({"Scheduled"}),
            reason="FailureReason",
            timeout_s=120.0,
        ),
    ),
    wait_deleted=True,
    autoname=Autoname(max_length=63),
)

_LOCAL_INPUT = "/opt/ml/processing/input"
_LOCAL_OUTPUT = "/opt/ml/processing/output"
_OUTPUT = "dataQualityJobOutputConfig.monitoringOutputs.s3Output"

DATA_QUALITY_JOB_DEFINITION = ResourceType(
    pulumi_type="aws:sagemaker/dataQualityJobDefinition:DataQualityJobDefinition",
    service="sagemaker",
    id=("name",),
    identity={"JobDefinitionName": "name"},
    create=Call("CreateDataQualityJobDefinition"),
    reads=described("DescribeDataQualityJobDefinition"),
    delete=(Call("DeleteDataQualityJobDefinition"),),
    renames={"name": "JobDefinitionName", "arn": "JobDefinitionArn"},
    tagging=TAGS,
    immutable=True,
    defaults={
        **{f"dataQualityJobInput.{name}.localPath": _LOCAL_INPUT for name in _INPUTS},
        f"{_OUTPUT}.localPath": _LOCAL_OUTPUT,
    },
    computed=frozenset(
        {
            *(f"dataQualityJobInput.{name}.s3DataDistributionType" for name in _INPUTS),
            *(f"dataQualityJobInput.{name}.s3InputMode" for name in _INPUTS),
            f"{_OUTPUT}.s3UploadMode",
            "stoppingCondition",
        }
    ),
    autoname=Autoname(max_length=63),
)
