"""Drift of a production endpoint raises an alarm."""

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.alarms import ALARM, DRIFT, on_endpoints
from headway_policies.subjects.endpoints import ENDPOINT
from headway_policies.subjects.examples import example
from headway_policies.subjects.monitors import drift_alarms
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_ENDPOINT = example(ENDPOINT, {"name": "flights"}, "endpoint")


def _alarm(namespace: str = DRIFT[0], dimensions: object = None, **more: object) -> Resource:
    held = {"Endpoint": "flights"} if dimensions is None else dimensions
    return example(ALARM, {"namespace": namespace, "metricName": "psi", "dimensions": held, **more}, "drift")


def _case(title: str, *others: Resource, says: str = "", intent: Intent = PRODUCTION) -> Case:
    return Case(title=title, resources=(_ENDPOINT, *others), says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-MON-006",
    slug="drift-alarm",
    title="Drift of a production endpoint raises an alarm",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(ENDPOINT,),
    reads=(ALARM,),
    why="A report that nobody reads finds nothing. A monitor is worth what happens when it finds something.",
    fix="Declare an alarm on what the monitor of this endpoint publishes.",
    passes=(
        _case("an alarm on Headway's monitor", _alarm()),
        _case(
            "an alarm on a monitor of SageMaker",
            _alarm(DRIFT[1], {"Endpoint": "flights", "MonitoringSchedule": "daily"}),
        ),
    ),
    fails=(
        _case("none", says="drift alarm is nothing"),
        _case("an alarm on another endpoint", _alarm(dimensions={"Endpoint": "fraud"}), says="nothing"),
        _case("an alarm on the latency", _alarm("AWS/SageMaker"), says="drift alarm is nothing"),
        _case("an alarm on all endpoints together", _alarm(dimensions={}), says="drift alarm is nothing"),
    ),
    exempts=(_case("outside production", intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "an endpoint that is not known yet", _alarm(dimensions={"Endpoint": UNKNOWN}), says="dimensions"
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-interpreting-cloudwatch.html",
    ),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    if drift_alarms(stack, resource):
        return
    for alarm, item in on_endpoints(stack).loose:
        if item.namespace in DRIFT:
            yield Undecided(path=item.path, urn=alarm.urn)
            return
    yield Finding(
        path="drift alarm", got=None, want="an alarm on what the monitor of this endpoint publishes"
    )
