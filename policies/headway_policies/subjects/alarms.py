"""Alarms and what they watch."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from headway_policies.resource import UNKNOWN, Resource
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import ENDPOINT, endpoint_names
from headway_policies.subjects.once import once
from headway_policies.subjects.values import plain

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
SAGEMAKER = "AWS/SageMaker"
ERRORS = frozenset({"Invocation5XXErrors", "InvocationModelErrors"})
LATENCY = frozenset({"ModelLatency", "OverheadLatency"})
DRIFT = ("Headway/Drift", "aws/sagemaker/Endpoints/data-metrics")
"""Where the monitors of an endpoint publish what they find: Headway's own and those of SageMaker."""
_ENDPOINT_DIMENSIONS = ("EndpointName", "Endpoint")


@dataclass(frozen=True, kw_only=True)
class Watched:
    """One metric that an alarm watches.

    Args:
        path: Where the alarm says so.
        namespace: The namespace.
        metric: The name.
        dimensions: The dimensions; `UNKNOWN` where none is known yet.
    """

    path: str
    namespace: object
    metric: object
    dimensions: object

    def dimension(self, *names: str) -> object:
        """The value of the first of these dimensions; None where it has none, `UNKNOWN` if not known yet."""
        if self.dimensions is UNKNOWN:
            return UNKNOWN
        held = self.dimensions if isinstance(self.dimensions, Mapping) else {}
        return plain(next((held[name] for name in names if name in held), None))


def watched(alarm: Resource) -> Iterator[Watched]:
    """What an alarm watches: its own metric, or those of its queries.

    Raises:
        NotKnownError: The list of queries is not known yet.
    """
    paths = ["", *(f"{path}.metric." for path in alarm.items("metricQueries"))]
    for path in paths:
        metric = alarm.value(f"{path}metricName")
        if metric is not None:
            yield Watched(
                path=f"{path}dimensions",
                namespace=plain(alarm.value(f"{path}namespace")),
                metric=plain(metric),
                dimensions=alarm.value(f"{path}dimensions"),
            )


def of_endpoint(item: Watched, stack: Stack, alarm: Resource, endpoint: Resource) -> bool:
    """Whether a metric is that of an endpoint: by its name, or by what the dimension is made of."""
    name = item.dimension(*_ENDPOINT_DIMENSIONS)
    if name is UNKNOWN or (item.dimensions is not UNKNOWN and name is None):
        return name is UNKNOWN and endpoint in stack.made_of(
            alarm, item.path.partition("[")[0].partition(".")[0]
        )
    return name in endpoint_names(endpoint)


def watches_endpoint(alarm: Resource) -> bool:
    """Whether an alarm watches a metric of some endpoint of SageMaker."""
    return any(item.namespace in {SAGEMAKER, *DRIFT} for item in watched(alarm))


def endpoints_of(item: Watched, stack: Stack, alarm: Resource) -> tuple[Resource, ...]:
    """The endpoints of the stack whose metric it is."""
    name = item.dimension(*_ENDPOINT_DIMENSIONS)
    if isinstance(name, str):
        return once(stack, "endpoints by name", lambda: _by_name(stack)).get(name, ())
    return tuple(each for each in stack.of_type(ENDPOINT) if of_endpoint(item, stack, alarm, each))


@dataclass(frozen=True)
class OnEndpoints:
    """What the alarms of a stack watch of its endpoints.

    Args:
        by_endpoint: Alarms with what they watch, by the URN of the endpoint.
        loose: Those whose endpoint is not known yet.
    """

    by_endpoint: Mapping[str, tuple[tuple[Resource, Watched], ...]]
    loose: tuple[tuple[Resource, Watched], ...]

    def of(self, endpoint: Resource) -> tuple[tuple[Resource, Watched], ...]:
        """Those of an endpoint."""
        return self.by_endpoint.get(endpoint.urn, ())


def on_endpoints(stack: Stack) -> OnEndpoints:
    """What the alarms of a stack watch of its endpoints.

    Raises:
        NotKnownError: The list of an alarm's queries is not known yet.
    """
    return once(stack, "alarms on endpoints", lambda: _on_endpoints(stack))


def _on_endpoints(stack: Stack) -> OnEndpoints:
    found: dict[str, list[tuple[Resource, Watched]]] = defaultdict(list)
    loose = []
    for alarm in stack.of_type(ALARM):
        for item in watched(alarm):
            for endpoint in endpoints_of(item, stack, alarm):
                found[endpoint.urn].append((alarm, item))
            if item.dimension(*_ENDPOINT_DIMENSIONS) is UNKNOWN:
                loose.append((alarm, item))
    return OnEndpoints({urn: tuple(items) for urn, items in found.items()}, tuple(loose))


def _by_name(stack: Stack) -> Mapping[str, tuple[Resource, ...]]:
    found: dict[str, tuple[Resource, ...]] = {}
    for endpoint in stack.of_type(ENDPOINT):
        for name in endpoint_names(endpoint):
            found[name] = (*found.get(name, ()), endpoint)
    return found
