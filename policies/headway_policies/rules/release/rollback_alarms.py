"""The alarms that send a deployment back are there, and are its own."""

from headway_policies.intent import PRODUCTION, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.alarms import ALARM, ERRORS, LATENCY, SAGEMAKER, of_endpoint, watched
from headway_policies.subjects.endpoints import ENDPOINT
from headway_policies.subjects.examples import example

_ALARMS = "deploymentConfig.autoRollbackConfiguration.alarms"
_COMPOSITE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"


def _alarm(name: object, metric: str, endpoint: str = "flights", **more: object) -> Resource:
    properties = {
        "name": name,
        "namespace": SAGEMAKER,
        "metricName": metric,
        "dimensions": {"EndpointName": endpoint, "VariantName": "champion"},
        **more,
    }
    return example(ALARM, properties, metric)


_ERRORS = _alarm("errors", "Invocation5XXErrors")
_LATENCY = _alarm("latency", "ModelLatency")


def _case(title: str, names: object, *others: Resource, says: str = "") -> Case:
    listed = [{"alarmName": name} for name in names] if isinstance(names, tuple) else names
    config = {"blueGreenUpdatePolicy": {}, "autoRollbackConfiguration": {"alarms": listed}}
    endpoint = example(ENDPOINT, {"name": "flights", "deploymentConfig": config}, "endpoint")
    return Case(title=title, resources=(endpoint, *others), says=says, intent=PRODUCTION)


RULE = Rule(
    id="HEADWAY-REL-004",
    slug="rollback-alarms",
    title="The alarms that send a deployment back are there, and are its own",
    since="0.1",
    severity=Severity.HIGH,
    resources=(ENDPOINT,),
    reads=(ALARM, _COMPOSITE),
    why=(
        "SageMaker rolls back on the alarms that it is told, and on nothing else. One on another endpoint, "
        "or none on latency, and the deployment always succeeds."
    ),
    fix="Name alarms of this endpoint, one on errors and one on latency, in `auto_rollback_configuration`.",
    passes=(
        _case("both", ("errors", "latency"), _ERRORS, _LATENCY),
        _case(
            "a composite of both",
            ("all",),
            example(_COMPOSITE, {"alarmName": "all", "alarmRule": 'ALARM("errors") OR ALARM("latency")'}),
            _ERRORS,
            _LATENCY,
        ),
    ),
    fails=(
        _case("no alarms", (), says=f"{_ALARMS} is nothing"),
        _case("an alarm that is not in the stack", ("errors", "latency"), _ERRORS, says="'latency'"),
        _case("only errors", ("errors",), _ERRORS, _LATENCY, says="alarm on latency is nothing"),
        _case(
            "of another endpoint",
            ("errors", "latency"),
            _ERRORS,
            _alarm("latency", "ModelLatency", "fraud"),
            says="alarm on latency",
        ),
    ),
    exempts=(
        Case(title="no deployment of SageMaker's", resources=(example(ENDPOINT, {"name": "flights"}),)),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a name that is not known yet", (UNKNOWN,), _ERRORS, says="alarmName"),
        _case("a list that is not known yet", UNKNOWN, _ERRORS, says="alarms"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    if not resource.has("deploymentConfig"):
        yield NotApplicable(reason="SageMaker deploys nothing by itself here")
        return
    paths = resource.items(_ALARMS)
    if not paths:
        yield Finding(path=_ALARMS, got=None, want="an alarm on errors and one on latency")
        return
    named: list[Resource] = []
    for path in paths:
        found = _named(stack, resource, f"{path}.alarmName")
        named += found
        name = resource.value(f"{path}.alarmName")
        if not found and name is UNKNOWN:
            yield Undecided(path=f"{path}.alarmName")
            return
        if not found:
            yield Finding(path=f"{path}.alarmName", got=name, want="the name of an alarm of the stack")
    for word, metrics in (("errors", ERRORS), ("latency", LATENCY)):
        if not any(_watches(stack, alarm, resource, metrics) for alarm in named):
            yield Finding(path=f"alarm on {word}", got=None, want=f"one of {', '.join(sorted(metrics))}")


def _named(stack: Stack, endpoint: Resource, path: str) -> list[Resource]:
    """The alarms that a name stands for; those of a composite one, by their names in its rule."""
    found = list(stack.referenced(endpoint, path, ALARM))
    for composite in stack.of_type(_COMPOSITE):
        rule = composite.value("alarmRule")
        if composite.value("alarmName") == endpoint.value(path) and isinstance(rule, str):
            found += [alarm for alarm in stack.of_type(ALARM) if _is_in(alarm, rule)]
    return found


def _is_in(alarm: Resource, rule: str) -> bool:
    names = (alarm.value("name"), alarm.value("arn"))
    return any(f"{left}{name}{right}" in rule for name in names for left, right in (('"', '"'), ("(", ")")))


def _watches(stack: Stack, alarm: Resource, endpoint: Resource, metrics: frozenset[str]) -> bool:
    return any(
        item.namespace == SAGEMAKER and item.metric in metrics and of_endpoint(item, stack, alarm, endpoint)
        for item in watched(alarm)
    )
