"""Rules of EventBridge: what they listen to and what they start."""

from collections import defaultdict
from collections.abc import Mapping

from headway_policies.resource import UNKNOWN, NotJsonError, NotKnownError, Resource
from headway_policies.stack_graph import Stack
from headway_policies.subjects.alarms import ALARM
from headway_policies.subjects.edges import naming
from headway_policies.subjects.once import once

EVENT_RULE = "aws:cloudwatch/eventRule:EventRule"
EVENT_TARGET = "aws:cloudwatch/eventTarget:EventTarget"
_CLOUDWATCH = "aws.cloudwatch"


def pattern(rule: Resource) -> Mapping[str, object] | None:
    """The pattern of a rule; None where it has none, or where it is not known yet or is no JSON."""
    try:
        document = rule.json("eventPattern")
    except (NotJsonError, NotKnownError):
        return None
    return document if isinstance(document, Mapping) else None


def listed(held: object, *names: str) -> list[object]:
    """The values that a pattern takes at a place, such as `detail`, `alarmName`."""
    for name in names:
        held = held.get(name) if isinstance(held, Mapping) else None
    return held if isinstance(held, list) else []


def rules_on_alarm(stack: Stack, alarm: Resource) -> tuple[Resource, ...]:
    """The rules that listen to the state of an alarm: by its name or ARN, or by what they are made of."""
    known, loose = once(stack, "rules on alarms", lambda: _on_alarms(stack))
    named = (rule for name in _names(alarm) for rule in known.get(name, ()))
    found = {rule.urn: rule for rule in (*named, *loose)}
    return tuple(rule for rule in found.values() if _listens(stack, rule, alarm))


def targets_of(stack: Stack, rule: Resource) -> tuple[Resource, ...]:
    """The targets of a rule."""
    return naming(stack, rule, EVENT_TARGET, "rule")


def _on_alarms(stack: Stack) -> tuple[Mapping[str, list[Resource]], tuple[Resource, ...]]:
    """The rules by each text that may name an alarm, and those of which that is not known yet."""
    known: dict[str, list[Resource]] = defaultdict(list)
    loose = []
    for rule in stack.of_type(EVENT_RULE):
        named = _alarms_named(pattern(rule))
        for name in named:
            if isinstance(name, str):
                known[name].append(rule)
        if UNKNOWN in named or rule.value("eventPattern") is UNKNOWN:
            loose.append(rule)
    return known, tuple(loose)


def _alarms_named(found: Mapping[str, object] | None) -> list[object]:
    return [*listed(found, "detail", "alarmName"), *listed(found, "resources")]


def _names(alarm: Resource) -> tuple[str, ...]:
    values = (alarm.value("name"), alarm.value("id"), alarm.value("arn"))
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str)))


def _listens(stack: Stack, rule: Resource, alarm: Resource) -> bool:
    if rule.value("state") == "DISABLED" or rule.value("isEnabled") is False:
        return False
    found = pattern(rule)
    if found is None:
        unknown = rule.value("eventPattern") is UNKNOWN
        return unknown and alarm in [
            item for item in stack.made_of(rule, "eventPattern") if item.type == ALARM
        ]
    if _CLOUDWATCH not in listed(found, "source"):
        return False
    named = _alarms_named(found)
    if any(isinstance(name, str) and name in _names(alarm) for name in named):
        return True
    return UNKNOWN in named and alarm in stack.made_of(rule, "eventPattern")
