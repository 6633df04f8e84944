"""What agents remember is encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.values import own_key

_TYPE = "aws:bedrock/agentcoreMemory:AgentcoreMemory"
_case = Examples(_TYPE, {"encryptionKeyArn": KEY_ARN})

RULE = Rule(
    id="HEADWAY-GEN-002",
    slug="agent-memory-key",
    title="What agents remember is encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="The memory of an agent holds what people told it.",
    fix="Set `encryption_key_arn` of the memory.",
    passes=(
        _case("a key's ARN"),
        _case(
            "a key of the same stack, not known yet",
            {"encryptionKeyArn": UNKNOWN},
            made_of={"encryptionKeyArn": OWN_KEY},
        ),
    ),
    fails=(
        _case("no key", {"encryptionKeyArn": None}, says="encryptionKeyArn is nothing"),
        _case("an empty key", {"encryptionKeyArn": ""}, says="encryptionKeyArn is ''"),
        _case("the key that AWS manages", {"encryptionKeyArn": AWS_KEY}, says="alias/aws/"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("made of nothing in the stack", {"encryptionKeyArn": UNKNOWN}, says="encryptionKeyArn"),),
    references=("https://docs.aws.amazon.com/securityhub/latest/userguide/bedrockagentcore-controls.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from own_key(resource, "encryptionKeyArn")
