"""An alarm on an endpoint tells somebody."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.alarms import ALARM, SAGEMAKER, watches_endpoint
from headway_policies.subjects.event_rules import EVENT_RULE, rules_on_alarm
from headway_policies.subjects.examples import Examples, example
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_case = Examples(
    ALARM,
    {
        "name": "errors",
        "namespace": SAGEMAKER,
        "metricName": "Invocation5XXErrors",
        "alarmActions": ["arn:aws:sns:eu-central-1:111122223333:alarms"],
    },
)
_PATTERN = '{"source": ["aws.cloudwatch"], "detail": {"alarmName": ["errors"]}}'

RULE = Rule(
    id="HEADWAY-MON-002",
    slug="alarm-acts",
    title="An alarm on an endpoint tells somebody",
    since="0.1",
    severity=Severity.HIGH,
    resources=(ALARM,),
    reads=(EVENT_RULE,),
    why="An alarm that rings where nobody is looks like a watched endpoint in every report, and is none.",
    fix="Set `alarm_actions`, and leave `actions_enabled` on.",
    passes=(
        _case("a topic"),
        _case(
            "a rule that listens to it",
            {"alarmActions": None},
            beside=(example("aws:cloudwatch/eventRule:EventRule", {"eventPattern": _PATTERN}),),
        ),
        _case("a topic of the same stack, not known yet", {"alarmActions": [UNKNOWN]}),
    ),
    fails=(
        _case("no actions", {"alarmActions": None}, says="alarmActions is nothing"),
        _case("an empty list", {"alarmActions": []}, says="alarmActions is nothing"),
        _case("actions switched off", {"actionsEnabled": False}, says="actionsEnabled is False"),
    ),
    exempts=(
        _case("outside production", {"alarmActions": None}, intent=DEVELOPMENT),
        _case("an alarm on something else", {"namespace": "AWS/SQS", "alarmActions": None}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("switched on or off is not known yet", {"actionsEnabled": UNKNOWN}, says="actionsEnabled"),
    ),
    references=(
        "https://docs.aws.amazon.com/config/latest/developerguide/cloudwatch-alarm-action-check.html",
    ),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    if not watches_endpoint(resource):
        yield NotApplicable(reason="the alarm watches no endpoint")
        return
    enabled = resource.value("actionsEnabled")
    if enabled is UNKNOWN:
        yield Undecided(path="actionsEnabled")
    elif enabled is False:
        yield Finding(path="actionsEnabled", got=False, want="True")
    if not resource.value("alarmActions") and not rules_on_alarm(stack, resource):
        yield Finding(path="alarmActions", got=None, want="a topic, or a rule that listens to the alarm")
