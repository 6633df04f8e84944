"""EventBridge Scheduler: schedules."""

from __future__ import annotations

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step
from headway_sandbox.provider.values import Properties

_DEFAULT_GROUP = "default"
_PARAMETERS = "target.sagemakerPipelineParameters"


def _schedule_id(properties: Properties) -> str:
    return f"{properties.get('groupName') or _DEFAULT_GROUP}/{properties['name']}"


def _schedule_of(resource_id: str) -> Properties:
    group, _, name = resource_id.rpartition("/")
    return {"groupName": group or _DEFAULT_GROUP, "name": name}


SCHEDULE = ResourceType(
    pulumi_type="aws:scheduler/schedule:Schedule",
    service="scheduler",
    id=("groupName", "name"),
    identity={"Name": "name", "GroupName": "groupName"},
    create=Call("CreateSchedule"),
    reads=(Read("GetSchedule", absent=frozenset({"ResourceNotFoundException"})),),
    listing=Read("ListSchedules", at="Schedules", where={"GroupName": "groupName", "Name": "name"}),
    steps=(Step((), Call("UpdateSchedule"), on_create=False),),
    delete=(Call("DeleteSchedule"),),
    renames={"arn": "ScheduleArn", f"{_PARAMETERS}.pipelineParameters": "PipelineParameterList"},
    force_new=frozenset({"groupName", "name", "namePrefix"}),
    defaults={
        "scheduleExpressionTimezone": "UTC",
        "state": "ENABLED",
        "target.retryPolicy.maximumEventAgeInSeconds": 86400,
        "target.retryPolicy.maximumRetryAttempts": 185,
    },
    computed=frozenset({"groupName", "target.retryPolicy", "actionAfterCompletion"}),
    local=frozenset({"namePrefix"}),
    autoname=Autoname(max_length=64),
    exclusive=(("name", "namePrefix"),),
    unsupported=frozenset({"target.ecsParameters"}),
    make_id=_schedule_id,
    parse_id=_schedule_of,
)

TYPES = (SCHEDULE,)
