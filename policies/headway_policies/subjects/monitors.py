"""What looks at an endpoint again and again, and what follows when it finds something."""

import re
from collections.abc import Iterator, Mapping
from functools import partial

from headway_policies.resource import UNKNOWN, Resource
from headway_policies.stack_graph import Stack
from headway_policies.subjects.alarms import DRIFT, on_endpoints
from headway_policies.subjects.endpoints import endpoint_names
from headway_policies.subjects.event_rules import rules_on_alarm, targets_of
from headway_policies.subjects.jobs import DATA_QUALITY, SCHEDULE
from headway_policies.subjects.native import CLOUD_CONTROL, seen
from headway_policies.subjects.once import once
from headway_policies.subjects.values import plain

SCHEDULER = "aws:scheduler/schedule:Schedule"
_PARAMETERS = "target.sagemakerPipelineParameters.pipelineParameters"
_INLINE = "monitoringScheduleConfig.monitoringJobDefinition.monitoringInputs"
_NAMED = "monitoringScheduleConfig.monitoringJobDefinitionName"
_ENDPOINTS = ("endpointInput.endpointName", "[0].endpointInput.endpointName")
_DEFINITIONS = ("dataQuality", "modelQuality", "modelBias", "modelExplainability")
_NATIVE = {word: f"aws-native:sagemaker:{word[:1].upper()}{word[1:]}JobDefinition" for word in _DEFINITIONS}
_QUOTED = re.compile(r'"([^"]*)"')
MONITORING = (SCHEDULE, SCHEDULER, DATA_QUALITY, CLOUD_CONTROL, *_NATIVE.values())
"""What tells which endpoint is looked at: schedules, and the job definitions that they name."""


def monitors(stack: Stack, endpoint: Resource) -> tuple[tuple[Resource, ...], tuple[Resource, ...]]:
    """The schedules that look at an endpoint, and those of which that is not known yet."""
    names = endpoint_names(endpoint)
    found, loose = [], []
    for schedule in (*stack.of_type(SCHEDULE), *stack.of_type(SCHEDULER)):
        told = once(schedule, "names", partial(_told, schedule))
        if told is not None and names.isdisjoint(told):
            continue
        looks = _looks_at(stack, schedule, endpoint)
        if looks:
            found.append(schedule)
        elif looks is None:
            loose.append(schedule)
    return tuple(found), tuple(loose)


def drift_alarms(stack: Stack, endpoint: Resource) -> tuple[Resource, ...]:
    """The alarms on what the monitors of an endpoint publish."""
    found = {alarm.urn: alarm for alarm, item in on_endpoints(stack).of(endpoint) if item.namespace in DRIFT}
    return tuple(found.values())


def started_by(stack: Stack, alarm: Resource) -> tuple[tuple[Resource, Resource], ...]:
    """The targets of the rules that listen to an alarm, each with its rule."""
    return tuple(
        (rule, target) for rule in rules_on_alarm(stack, alarm) for target in targets_of(stack, rule)
    )


def _told(schedule: Resource) -> frozenset[str] | None:
    """The texts that may name what a schedule looks at; None where it is not told by the schedule alone."""
    if schedule.type == SCHEDULER:
        held = schedule.value("target")
    elif schedule.has(_INLINE):
        held = schedule.value(_INLINE)
    else:
        return None
    texts: set[str] = set()
    pending = [held]
    while pending:
        item = pending.pop()
        if item is UNKNOWN:
            return None
        if isinstance(item, str):
            texts |= {item, *_QUOTED.findall(item)}
        elif isinstance(item, Mapping):
            pending += item.values()
        elif isinstance(item, list | tuple):
            pending += item
    return frozenset(texts)


def _looks_at(stack: Stack, schedule: Resource, endpoint: Resource) -> bool | None:
    """Whether a schedule looks at an endpoint; None where that is not known yet."""
    if schedule.type == SCHEDULER:
        return _starts_for(stack, schedule, endpoint)
    if schedule.has(_INLINE):
        return _reads(stack, schedule, endpoint, tuple(_paths(_INLINE)))
    name = schedule.value(_NAMED)
    if name is UNKNOWN and not schedule.references:
        return None
    definitions = [each for each in _job_definitions(stack) if _is_named(stack, schedule, each, name)]
    return any(
        _reads(stack, each, endpoint, tuple(_paths(f"{word}JobInput")))
        for each in definitions
        for word in _DEFINITIONS
        if each.has(f"{word}JobInput")
    )


def _starts_for(stack: Stack, schedule: Resource, endpoint: Resource) -> bool | None:
    """Whether what a schedule starts is given an endpoint's name; None where that is not known yet."""
    if schedule.value("state") == "DISABLED":
        return False
    names = endpoint_names(endpoint)
    given = [schedule.value(f"{path}.value") for path in schedule.items(_PARAMETERS)]
    if any(value in names for value in given):
        return True
    asked = UNKNOWN if UNKNOWN in given else schedule.value("target.input")
    if asked is UNKNOWN:
        return True if endpoint in stack.made_of(schedule, "target") else None
    return isinstance(asked, str) and any(f'"{name}"' in asked for name in names)


def _job_definitions(stack: Stack) -> Iterator[Resource]:
    yield from stack.of_type(DATA_QUALITY)
    for resource in stack.of_type(CLOUD_CONTROL):
        if resource.value("desiredState") is not UNKNOWN and resource.value("typeName") is not UNKNOWN:
            yield seen(resource)
    yield from stack.of_type(*_NATIVE.values())


def _is_named(stack: Stack, schedule: Resource, definition: Resource, name: object) -> bool:
    if name is UNKNOWN:
        return definition.urn in {each.urn for each in stack.made_of(schedule, "monitoringScheduleConfig")}
    return name in (definition.value("name"), definition.value("jobDefinitionName"))


def _paths(inputs: str) -> Iterator[str]:
    yield f"{inputs}.{_ENDPOINTS[0]}"
    yield f"{inputs}{_ENDPOINTS[1]}"


def _reads(stack: Stack, resource: Resource, endpoint: Resource, paths: tuple[str, ...]) -> bool | None:
    for path in paths:
        name = resource.value(path)
        if name is UNKNOWN:
            return True if endpoint in stack.made_of(resource, path.partition(".")[0]) else None
        if name is not None:
            return plain(name) in endpoint_names(endpoint)
    return False
