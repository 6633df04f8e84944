"""A monitor looks at each production endpoint."""

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import ENDPOINT
from headway_policies.subjects.examples import example, nested
from headway_policies.subjects.jobs import DATA_QUALITY, SCHEDULE
from headway_policies.subjects.monitors import MONITORING, SCHEDULER, monitors
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_ENDPOINT = example(ENDPOINT, {"name": "flights"}, "endpoint")
_INPUT = "monitoringScheduleConfig.monitoringJobDefinition.monitoringInputs.endpointInput.endpointName"


def _case(title: str, *others: Resource, says: str = "", intent: Intent = PRODUCTION) -> Case:
    return Case(title=title, resources=(_ENDPOINT, *others), says=says, intent=intent)


def _inline(name: object) -> Resource:
    return example(SCHEDULE, nested(_INPUT, name), "schedule")


def _started(name: object) -> Resource:
    parameters = {"pipelineParameters": [{"name": "Days", "value": "1"}, {"name": "Endpoint", "value": name}]}
    return example(SCHEDULER, {"target": {"sagemakerPipelineParameters": parameters}})


_NAMED = example(SCHEDULE, {"monitoringScheduleConfig": {"monitoringJobDefinitionName": "quality"}})
_QUALITY = example(
    DATA_QUALITY, {"name": "quality", "dataQualityJobInput": {"endpointInput": {"endpointName": "flights"}}}
)

RULE = Rule(
    id="HEADWAY-MON-005",
    slug="endpoint-monitored",
    title="A monitor looks at each production endpoint",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(ENDPOINT,),
    reads=MONITORING,
    why="The world changes and the model does not. A drifting model answers fast, without errors, and wrong.",
    fix="Declare a monitoring schedule whose input is this endpoint.",
    passes=(
        _case("a schedule with its own job", _inline("flights")),
        _case("a schedule that names a job definition", _NAMED, _QUALITY),
        _case(
            "a schedule that passes the endpoint's name on",
            example(SCHEDULER, {"target": {"input": '{"endpoint": "flights"}'}}),
        ),
        _case("a schedule that starts a pipeline for the endpoint", _started("flights")),
    ),
    fails=(
        _case("none", says="monitor is nothing"),
        _case(
            "one of another endpoint: that some monitor exists says nothing", _inline("fraud"), says="nothing"
        ),
        _case(
            "a pipeline that is started for another endpoint", _started("fraud"), says="monitor is nothing"
        ),
        _case("a job definition that nothing runs", _QUALITY, says="monitor is nothing"),
        _case(
            "one that is switched off",
            example(SCHEDULER, {"state": "DISABLED", "target": {"input": '{"endpoint": "flights"}'}}),
            says="monitor is nothing",
        ),
    ),
    exempts=(_case("outside production", intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("an endpoint that is not known yet", _inline(UNKNOWN), says="monitoringSchedule"),
        _case("a parameter that is not known yet", _started(UNKNOWN), says="monitoringSchedule"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    found, loose = monitors(stack, resource)
    if not found and loose:
        yield Undecided(path="monitoringScheduleConfig", urn=loose[0].urn)
    elif not found:
        yield Finding(path="monitor", got=None, want="a schedule that looks at this endpoint")
