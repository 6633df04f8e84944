"""Errors and latency of each production variant raise an alarm."""

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.alarms import ALARM, ERRORS, LATENCY, SAGEMAKER, on_endpoints
from headway_policies.subjects.endpoints import CONFIGURATION, ENDPOINT, configurations, variants
from headway_policies.subjects.examples import example
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_ENDPOINT = example(ENDPOINT, {"name": "flights", "endpointConfigName": "flights-1"}, "endpoint")
_CONFIG = example(
    CONFIGURATION, {"name": "flights-1", "productionVariants": [{"variantName": "champion"}]}, "config"
)


def _alarm(metric: str, variant: object = "champion", endpoint: object = "flights") -> Resource:
    dimensions = {"EndpointName": endpoint, "VariantName": variant}
    properties = {"namespace": SAGEMAKER, "metricName": metric, "dimensions": dimensions}
    return example(ALARM, properties, f"{metric}-{variant}")


def _case(title: str, *alarms: Resource, says: str = "", intent: Intent = PRODUCTION) -> Case:
    return Case(title=title, resources=(_ENDPOINT, _CONFIG, *alarms), says=says, intent=intent)


_ERRORS = _alarm("Invocation5XXErrors")
_LATENCY = _alarm("ModelLatency")
_QUERY = {
    "metric": {
        "namespace": SAGEMAKER,
        "metricName": "ModelLatency",
        "dimensions": {"EndpointName": "flights", "VariantName": "champion"},
    }
}

RULE = Rule(
    id="HEADWAY-MON-001",
    slug="endpoint-alarms",
    title="Errors and latency of each production variant raise an alarm",
    since="0.1",
    severity=Severity.HIGH,
    resources=(ENDPOINT,),
    reads=(ALARM, CONFIGURATION),
    why="Without an alarm on this very variant the first to notice a broken model are the people who use it.",
    fix=(
        "Declare alarms on Invocation5XXErrors and ModelLatency with EndpointName and VariantName of the "
        "endpoint."
    ),
    passes=(
        _case("one for errors, one for latency", _ERRORS, _LATENCY),
        _case("latency by a query", _ERRORS, example(ALARM, {"metricQueries": [_QUERY]}, "query")),
    ),
    fails=(
        _case("no alarms", says="alarm on errors of champion is nothing"),
        _case("no alarm on latency", _ERRORS, says="alarm on latency of champion is nothing"),
        _case(
            "an alarm on another variant",
            _ERRORS,
            _alarm("ModelLatency", "other"),
            says="latency of champion",
        ),
        _case(
            "an alarm on another endpoint",
            _LATENCY,
            _alarm("Invocation5XXErrors", endpoint="fraud"),
            says="errors",
        ),
        _case(
            "an alarm on a metric of the whole account",
            _LATENCY,
            example(ALARM, {"namespace": SAGEMAKER, "metricName": "Invocation5XXErrors"}),
            says="errors of champion",
        ),
    ),
    exempts=(
        _case("outside production", intent=DEVELOPMENT),
        Case(title="a configuration of another stack", resources=(_ENDPOINT,)),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a variant that is not known yet", _ERRORS, _alarm("ModelLatency", UNKNOWN), says="dimensions"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    found = [each for config in configurations(stack, resource) for each in variants(config)]
    if not found:
        yield NotApplicable(reason="the stack declares no variant of it")
    for variant in found:
        for word, metrics in (("errors", ERRORS), ("latency", LATENCY)):
            yield from _watched(resource, stack, variant.name, word, metrics)


def _watched(
    endpoint: Resource, stack: Stack, variant: object, word: str, metrics: frozenset[str]
) -> Answers:
    unknown: Resource | None = None
    alarms = on_endpoints(stack)
    for alarm, item in (*alarms.of(endpoint), *alarms.loose):
        if item.namespace != SAGEMAKER or item.metric not in metrics:
            continue
        name = item.dimension("VariantName")
        if name is UNKNOWN or variant is UNKNOWN or item.dimension("EndpointName") is UNKNOWN:
            unknown = alarm
        elif name == variant:
            return
    if unknown is not None:
        yield Undecided(path="dimensions", urn=unknown.urn)
    else:
        yield Finding(
            path=f"alarm on {word} of {variant}", got=None, want=f"one of {', '.join(sorted(metrics))}"
        )
