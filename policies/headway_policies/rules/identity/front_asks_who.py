"""What answers from outside asks who is there."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples

_METHOD = "aws:apigateway/method:Method"
_ROUTE = "aws:apigatewayv2/route:Route"
_URL = "aws:lambda/functionUrl:FunctionUrl"
_PATHS = {_METHOD: "authorization", _ROUTE: "authorizationType", _URL: "authorizationType"}
_method = Examples(_METHOD, {"httpMethod": "POST", "authorization": "AWS_IAM"})
_route = Examples(_ROUTE, {"routeKey": "POST /score", "authorizationType": "JWT"})
_url = Examples(_URL, {"authorizationType": "AWS_IAM"})

RULE = Rule(
    id="HEADWAY-IAM-011",
    slug="front-asks-who",
    title="What answers from outside asks who is there",
    since="0.1",
    severity=Severity.HIGH,
    resources=tuple(_PATHS),
    why=(
        "A model that answers anybody is copied by asking it often enough, tells what it learned from, and "
        "runs up the bill of its owner."
    ),
    fix="Set the authorization of the method, route or function URL.",
    passes=(
        _method("signed requests"),
        _route("a token"),
        _url("signed requests to a function"),
    ),
    fails=(
        _method("nobody is asked", {"authorization": "NONE"}, says="authorization is 'NONE'"),
        _route(
            "left out: AWS then asks nobody", {"authorizationType": None}, says="authorizationType is nothing"
        ),
        _url("an open function", {"authorizationType": "none"}, says="authorizationType is 'none'"),
    ),
    exempts=(_method("the preflight of a browser", {"httpMethod": "OPTIONS", "authorization": "NONE"}),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_method("not known yet", {"authorization": UNKNOWN}, says="authorization"),),
    references=(
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-control-access-to-api.html",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    asked = f"{resource.value('httpMethod')} {resource.value('routeKey')}".upper()
    path = _PATHS[resource.type]
    value = resource.value(path)
    if asked.startswith(("OPTIONS ", "NONE OPTIONS ")):
        yield NotApplicable(reason="a browser's preflight carries no identity")
    elif value is UNKNOWN:
        yield Undecided(path=path)
    elif not isinstance(value, str) or value.upper() in {"", "NONE"}:
        yield Finding(path=path, got=value, want="a way to know who asks")
