"""Requests from outside are logged."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import NOT_PRODUCTION, is_on, is_set, is_strict

_STAGE = "aws:apigateway/stage:Stage"
_STAGE_V2 = "aws:apigatewayv2/stage:Stage"
_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
_LOGS = "accessLogSettings.destinationArn"
_case = Examples(_STAGE, {"accessLogSettings": {"destinationArn": "arn:aws:logs:x"}})
_newer = Examples(_STAGE_V2, {"accessLogSettings": {"destinationArn": "arn:aws:logs:x"}})
_balancer = Examples(_BALANCER, {"accessLogs": {"bucket": "logs", "enabled": True}})

RULE = Rule(
    id="HEADWAY-LOG-003",
    slug="front-access-logs",
    title="Requests from outside are logged",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_STAGE, _STAGE_V2, _BALANCER),
    why="Whoever copies a model by asking it shows in the access log, and nowhere else.",
    fix="Set `access_log_settings` of the stage, or `access_logs` of the load balancer.",
    passes=(_case("a stage"), _newer("a stage of the newer kind"), _balancer("a load balancer")),
    fails=(
        _case("none", {"accessLogSettings": None}, says=f"{_LOGS} is nothing"),
        _newer("an empty destination", {_LOGS: ""}, says=f"{_LOGS} is ''"),
        _balancer("switched off", {"accessLogs.enabled": False}, says="accessLogs.enabled is False"),
    ),
    exempts=(_case("outside production", {"accessLogSettings": None}, intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_balancer("not known yet", {"accessLogs.enabled": UNKNOWN}, says="accessLogs.enabled"),),
    references=("https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
    elif resource.type == _BALANCER:
        yield from is_on(resource, "accessLogs.enabled")
    else:
        yield from is_set(resource, _LOGS, "where the log goes")
