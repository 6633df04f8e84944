"""Gateways of agents are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.values import own_key

_TYPE = "aws:bedrock/agentcoreGateway:AgentcoreGateway"
_case = Examples(_TYPE, {"kmsKeyArn": KEY_ARN})

RULE = Rule(
    id="HEADWAY-GEN-003",
    slug="agent-gateway-key",
    title="Gateways of agents are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="A gateway keeps the descriptions of the tools that an agent may use, and how to reach them.",
    fix="Set `kms_key_arn` of the gateway.",
    passes=(
        _case("a key's ARN"),
        _case(
            "a key of the same stack, not known yet", {"kmsKeyArn": UNKNOWN}, made_of={"kmsKeyArn": OWN_KEY}
        ),
    ),
    fails=(
        _case("no key", {"kmsKeyArn": None}, says="kmsKeyArn is nothing"),
        _case("an empty key", {"kmsKeyArn": ""}, says="kmsKeyArn is ''"),
        _case("the key that AWS manages", {"kmsKeyArn": AWS_KEY}, says="alias/aws/"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("made of nothing in the stack", {"kmsKeyArn": UNKNOWN}, says="kmsKeyArn"),),
    references=("https://docs.aws.amazon.com/securityhub/latest/userguide/bedrockagentcore-controls.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from own_key(resource, "kmsKeyArn")
