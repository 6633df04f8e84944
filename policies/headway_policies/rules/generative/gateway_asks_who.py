"""A gateway of agents asks who is there."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import is_set

_TYPE = "aws:bedrock/agentcoreGateway:AgentcoreGateway"
_JWT = "authorizerConfiguration.customJwtAuthorizer.discoveryUrl"
_case = Examples(_TYPE, {"authorizerType": "AWS_IAM"})

RULE = Rule(
    id="HEADWAY-GEN-006",
    slug="gateway-asks-who",
    title="A gateway of agents asks who is there",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why=(
        "Behind a gateway stand tools that act: they write, they pay, they send. Whoever reaches it open "
        "uses them."
    ),
    fix='Set `authorizer_type` to "AWS_IAM", or to "CUSTOM_JWT" with its configuration.',
    passes=(
        _case("signed requests"),
        _case(
            "tokens",
            {
                "authorizerType": "CUSTOM_JWT",
                "authorizerConfiguration": {"customJwtAuthorizer": {"discoveryUrl": "https://id"}},
            },
        ),
    ),
    fails=(
        _case("nobody is asked", {"authorizerType": "NONE"}, says="authorizerType is 'NONE'"),
        _case("left out", {"authorizerType": None}, says="authorizerType is nothing"),
        _case("tokens of nobody", {"authorizerType": "CUSTOM_JWT"}, says=f"{_JWT} is nothing"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"authorizerType": UNKNOWN}, says="authorizerType"),),
    references=("https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-inbound-auth.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    kind = resource.value("authorizerType")
    if kind is UNKNOWN:
        yield Undecided(path="authorizerType")
    elif str(kind).upper() == "CUSTOM_JWT":
        yield from is_set(resource, _JWT, "where the tokens of the callers are proven")
    elif kind is None or str(kind).upper() in {"", "NONE"}:
        yield Finding(path="authorizerType", got=kind, want="AWS_IAM or CUSTOM_JWT")
