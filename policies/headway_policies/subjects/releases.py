"""How a stack moves an endpoint to a new model: by a release plan, or by SageMaker's own deployment."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headway_policies.resource import UNKNOWN, NotJsonError, Resource
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import endpoint_names
from headway_policies.subjects.once import once
from headway_policies.subjects.values import plain

PARAMETER = "aws:ssm/parameter:Parameter"
FUNCTION = "aws:lambda/function:Function"
_VALUES = ("value", "insecureValue")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A release plan, kept as JSON in a parameter.

    Args:
        parameter: The parameter.
        path: The property that holds it.
        document: The plan; None where it is not known yet.
    """

    parameter: Resource
    path: str
    document: Mapping[str, object] | None

    def listed(self, name: str) -> list[Mapping[str, object]]:
        """The objects of a list of the plan; empty where it is no list."""
        value = None if self.document is None else self.document.get(name)
        return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def plan_of(parameter: Resource) -> Plan | None:
    """The release plan in a parameter; None where it holds something else."""
    for path in _VALUES:
        if parameter.value(path) is UNKNOWN:
            named = parameter.value("name")
            is_plan = isinstance(named, str) and named.endswith("/release-plan")
            return Plan(parameter=parameter, path=path, document=None) if is_plan else None
        try:
            document = parameter.json(path)
        except NotJsonError:
            continue
        if isinstance(document, Mapping) and "ladder" in document:
            return Plan(parameter=parameter, path=path, document=document)
    return None


def plans(stack: Stack, endpoint: Resource) -> Iterator[Plan]:
    """The release plans of an endpoint: those that a function reads which names the endpoint too."""
    readers = once(stack, "functions by what they are given", lambda: _given(stack))
    kept = once(stack, "release plans", lambda: tuple(filter(None, map(plan_of, stack.of_type(PARAMETER)))))
    functions = [each for name in (*endpoint_names(endpoint), endpoint.urn) for each in readers.get(name, ())]
    for function in {each.urn: each for each in functions}.values():
        given = _told(function)
        for plan in kept:
            if plain(plan.parameter.value("name")) in given or plan.parameter.urn in given:
                yield plan


def _given(stack: Stack) -> Mapping[object, list[Resource]]:
    found: dict[object, list[Resource]] = defaultdict(list)
    for function in stack.of_type(FUNCTION):
        for value in _told(function):
            found[value].append(function)
    return found


def _told(function: Resource) -> frozenset[object]:
    """The values of a function's environment, and the URNs of what it is made of."""
    held = function.value("environment.variables")
    values = held.values() if isinstance(held, Mapping) else ()
    known = {value for value in map(plain, values) if isinstance(value, str)}
    return frozenset(known | function.references.get("environment", frozenset()))


def moves_in_steps(endpoint: Resource) -> bool | None:
    """Whether SageMaker itself moves the traffic in steps; None where that is not known yet."""
    routing = "deploymentConfig.blueGreenUpdatePolicy.trafficRoutingConfiguration.type"
    if UNKNOWN in (endpoint.value("deploymentConfig"), endpoint.value(routing)):
        return None
    if endpoint.has("deploymentConfig.rollingUpdatePolicy.maximumBatchSize"):
        return True
    return endpoint.value(routing) in ("CANARY", "LINEAR")
