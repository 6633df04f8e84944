"""Monitoring schedules: create, update, describe, list, start, stop, delete, and firing at their time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

from headway_sandbox.sagemaker.credentials import check_role
from headway_sandbox.sagemaker.monitoring.definitions import (
    BY_TYPE,
    Definition,
    find_definition,
    source_problems,
)
from headway_sandbox.sagemaker.monitoring.executions import begin, last_execution
from headway_sandbox.sagemaker.monitoring.times import (
    LONGEST_WINDOW_S,
    NOW,
    hours_of,
    next_fire,
    seconds_of,
)
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, operation, validation_error
from headway_sandbox.sagemaker.tags import delete_tags, save_tags

KIND = "monitoring-schedule"
SCHEDULED = "Scheduled"
STOPPED = "Stopped"
CHECK_S = 0.5
"""Longest time between looks at the clock, which may be faster than the real one."""

_DEFAULT_TYPE = "DataQuality"
_TASK = "monitoring-schedules"
_SUMMARY = (
    "MonitoringScheduleName",
    "MonitoringScheduleArn",
    "CreationTime",
    "LastModifiedTime",
    "MonitoringScheduleStatus",
    "EndpointName",
    "MonitoringJobDefinitionName",
    "MonitoringType",
)
_JOB_NAME = "MonitoringJobDefinitionName"

_log = logging.getLogger(__name__)


@operation("CreateMonitoringSchedule")
async def create_monitoring_schedule(service: SageMaker, request: Document) -> Document:
    """Creates a schedule; it is in force at once."""
    name = request["MonitoringScheduleName"]
    arn = service.arn(KIND, name)
    if service.store.get(KIND, name.lower()) is not None:
        raise ServiceError("ResourceInUse", f"Monitoring Schedule {arn} already exists.")
    now = service.clock()
    document = {
        "MonitoringScheduleName": name,
        "MonitoringScheduleArn": arn,
        "CreationTime": now,
        **_configured(service, request["MonitoringScheduleConfig"], now),
    }
    save_tags(service, arn, request.get("Tags"))
    _save(service, document)
    _in_force(service, document)
    return {"MonitoringScheduleArn": arn}


@operation("UpdateMonitoringSchedule")
async def update_monitoring_schedule(service: SageMaker, request: Document) -> Document:
    """Replaces the configuration of a schedule."""
    document = _find(service, request["MonitoringScheduleName"])
    updated = {
        **{name: document[name] for name in _SUMMARY[:3]},
        **_configured(service, request["MonitoringScheduleConfig"], service.clock()),
    }
    _save(service, updated)
    _in_force(service, updated)
    return {"MonitoringScheduleArn": document["MonitoringScheduleArn"]}


@operation("DescribeMonitoringSchedule")
async def describe_monitoring_schedule(service: SageMaker, request: Document) -> Document:
    """Describes a schedule and its newest execution."""
    document = _find(service, request["MonitoringScheduleName"])
    shown = {name: value for name, value in document.items() if name != _JOB_NAME}
    last = last_execution(service, document["MonitoringScheduleName"])
    return {**shown, **({} if last is None else {"LastMonitoringExecutionSummary": last})}


@operation("ListMonitoringSchedules")
async def list_monitoring_schedules(service: SageMaker, request: Document) -> Document:
    """Lists schedules, the newest first unless asked otherwise."""
    chosen = select(
        service.store.list(KIND),
        request,
        name="MonitoringScheduleName",
        equal={
            "EndpointName": "EndpointName",
            "StatusEquals": "MonitoringScheduleStatus",
            _JOB_NAME: _JOB_NAME,
            "MonitoringTypeEquals": "MonitoringType",
        },
        sort_keys={"Name": "MonitoringScheduleName", "Status": "MonitoringScheduleStatus"},
    )
    found, token = page(chosen, request)
    summaries = [{member: item[member] for member in _SUMMARY if member in item} for item in found]
    return {"MonitoringScheduleSummaries": summaries, **token}


@operation("StartMonitoringSchedule")
async def start_monitoring_schedule(service: SageMaker, request: Document) -> Document:
    """Starts a schedule that was stopped."""
    document = _find(service, request["MonitoringScheduleName"])
    if document["MonitoringScheduleStatus"] != STOPPED:
        raise validation_error(
            f"The monitoring schedule {document['MonitoringScheduleName']} is "
            f"{document['MonitoringScheduleStatus']}; only one that is {STOPPED} can be started."
        )
    started = {
        **document,
        "MonitoringScheduleStatus": SCHEDULED,
        "LastModifiedTime": service.clock(),
    }
    _save(service, started)
    _in_force(service, started)
    return {}


@operation("StopMonitoringSchedule")
async def stop_monitoring_schedule(service: SageMaker, request: Document) -> Document:
    """Stops a schedule; an execution under way goes on."""
    document = _find(service, request["MonitoringScheduleName"])
    stopped = {"MonitoringScheduleStatus": STOPPED, "LastModifiedTime": service.clock()}
    _save(service, {**document, **stopped})
    return {}


@operation("DeleteMonitoringSchedule")
async def delete_monitoring_schedule(service: SageMaker, request: Document) -> Document:
    """Deletes a schedule; its executions stay listed."""
    document = _find(service, request["MonitoringScheduleName"])
    service.store.delete(KIND, document["MonitoringScheduleName"].lower())
    delete_tags(service, document["MonitoringScheduleArn"])
    return {}


def run_now(service: SageMaker, name: str) -> str:
    """Starts an execution of a schedule now, whatever its expression says, and returns its id.

    Raises:
        ServiceError: If there is no such schedule, or no such job definition any more.
    """
    document = _find(service, name)
    return begin(service, document, _definition(service, document), service.clock())


def next_run(document: Document, after: float) -> float | None:
    """When a schedule fires next after a time; None if it does not.

    Args:
        document: The schedule.
        after: Seconds since the epoch.
    """
    expression = document["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"]
    if document["MonitoringScheduleStatus"] != SCHEDULED or expression == NOW:
        return None
    return next_fire(expression, after)


def watch(service: SageMaker) -> None:
    """Starts looking at the clock if there is a schedule that fires."""
    if not service.tasks.running(_TASK) and _firing(service, service.schedule_time()):
        service.tasks.start(_TASK, _fire(service))


def _configured(service: SageMaker, config: Document, now: float) -> Document:
    """What a configuration makes of a schedule.

    Raises:
        ServiceError: If it cannot be carried out.
    """
    problems = list(_problems(config))
    if problems:
        raise validation_error("; ".join(problems))
    # Without a time SageMaker picks one of the day.
    timing = config.get("ScheduleConfig", {"ScheduleExpression": f"cron(0 {int(now // 3600) % 24} ? * * *)"})
    document = {
        "MonitoringScheduleStatus": SCHEDULED,
        "LastModifiedTime": now,
        "MonitoringType": config.get("MonitoringType", _DEFAULT_TYPE),
        "MonitoringScheduleConfig": {**config, "ScheduleConfig": timing},
    }
    definition = _definition(service, document)
    problems = list(source_problems(service, definition))
    if problems:
        raise validation_error("; ".join(problems))
    check_role(service, definition.role)
    if definition.endpoint is not None:
        document["EndpointName"] = definition.endpoint
    if _JOB_NAME in config:
        document[_JOB_NAME] = config[_JOB_NAME]
    return document


def _problems(config: Document) -> Iterator[str]:
    given = [name for name in ("MonitoringJobDefinition", _JOB_NAME) if name in config]
    if len(given) != 1:
        yield f"Exactly one of MonitoringJobDefinition and {_JOB_NAME} must be given, found {len(given)}"
    if _JOB_NAME in config and "MonitoringType" not in config:
        yield f"MonitoringType must be given with {_JOB_NAME}"
    if "MonitoringJobDefinition" in config and config.get("MonitoringType", _DEFAULT_TYPE) != _DEFAULT_TYPE:
        yield (
            f"A schedule of MonitoringType {config['MonitoringType']} needs a {_JOB_NAME}; only "
            f"{_DEFAULT_TYPE} can be defined inline"
        )
    timing = config.get("ScheduleConfig")
    if timing is None:
        return
    expression = timing["ScheduleExpression"]
    offsets = {
        name: timing[name] for name in ("DataAnalysisStartTime", "DataAnalysisEndTime") if name in timing
    }
    if expression == NOW:
        missing = [name for name in ("DataAnalysisStartTime", "DataAnalysisEndTime") if name not in offsets]
        if missing:
            yield f"{' and '.join(missing)} must be given with the ScheduleExpression {NOW}"
    else:
        try:
            hours_of(expression)
        except ValueError as error:
            yield str(error)
    yield from _offset_problems(offsets)


def _offset_problems(offsets: Document) -> Iterator[str]:
    seconds = {}
    for name, text in offsets.items():
        try:
            seconds[name] = seconds_of(text)
        except ValueError as error:
            yield f"{name}: {error}"
    if len(seconds) == 2:
        length = seconds["DataAnalysisEndTime"] - seconds["DataAnalysisStartTime"]
        if not 0 < length <= LONGEST_WINDOW_S:
            yield (
                "DataAnalysisStartTime must precede DataAnalysisEndTime, by 24 hours at most; it does by "
                f"{length / 3600:g} hours"
            )


def _definition(service: SageMaker, document: Document) -> Definition:
    config = document["MonitoringScheduleConfig"]
    kind = BY_TYPE[document["MonitoringType"]]
    if _JOB_NAME in config:
        return Definition.from_named(kind, find_definition(service, kind, config[_JOB_NAME]))
    return Definition.from_inline(kind, config["MonitoringJobDefinition"])


def _find(service: SageMaker, name: str) -> Document:
    document = service.store.get(KIND, name.lower())
    if document is None:
        raise ServiceError("ResourceNotFound", f"Monitoring Schedule {service.arn(KIND, name)} not found.")
    return document


def _save(service: SageMaker, document: Document) -> None:
    service.store.put(KIND, document["MonitoringScheduleName"].lower(), document)


def _in_force(service: SageMaker, document: Document) -> None:
    """Runs a schedule for ``NOW`` at once, and has the clock watched for the others."""
    expression = document["MonitoringScheduleConfig"]["ScheduleConfig"]["ScheduleExpression"]
    if expression == NOW:
        run_now(service, document["MonitoringScheduleName"])
    watch(service)


def _firing(service: SageMaker, after: float) -> list[tuple[float, str]]:
    """When each schedule fires next, and its name."""
    found = [
        (next_run(document, after), document["MonitoringScheduleName"])
        for document in service.store.list(KIND)
    ]
    return [(time, name) for time, name in found if time is not None]


async def _fire(service: SageMaker) -> None:
    """Fires schedules at their times; what was due while the sandbox was down does not come."""
    looked = service.schedule_time()
    while firing := _firing(service, looked):
        now = service.schedule_time()
        for due, name in sorted(firing):
            if due <= now:
                try:
                    document = _find(service, name)
                    # Data is captured in real time, also where schedules go by a faster clock.
                    begin(service, document, _definition(service, document), min(due, service.clock()))
                except ServiceError as error:
                    _log.warning("the monitoring schedule %s cannot run: %s", name, error)
        looked = now
        await asyncio.sleep(min([CHECK_S, *(time - now for time, _ in _firing(service, looked))]))
