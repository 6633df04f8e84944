"""Prompts are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.values import own_key

_TYPE = "aws:bedrock/agentPrompt:AgentPrompt"
_case = Examples(_TYPE, {"customerEncryptionKeyArn": KEY_ARN})

RULE = Rule(
    id="HEADWAY-GEN-005",
    slug="prompt-key",
    title="Prompts are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.LOW,
    resources=(_TYPE,),
    why="A prompt holds what a company knows about its work, and examples that are taken from it.",
    fix="Set `customer_encryption_key_arn` of the prompt.",
    passes=(
        _case("a key's ARN"),
        _case(
            "a key of the same stack, not known yet",
            {"customerEncryptionKeyArn": UNKNOWN},
            made_of={"customerEncryptionKeyArn": OWN_KEY},
        ),
    ),
    fails=(
        _case("no key", {"customerEncryptionKeyArn": None}, says="customerEncryptionKeyArn is nothing"),
        _case("an empty key", {"customerEncryptionKeyArn": ""}, says="customerEncryptionKeyArn is ''"),
        _case("the key that AWS manages", {"customerEncryptionKeyArn": AWS_KEY}, says="alias/aws/"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "made of nothing in the stack",
            {"customerEncryptionKeyArn": UNKNOWN},
            says="customerEncryptionKeyArn",
        ),
    ),
    references=("https://docs.aws.amazon.com/bedrock/latest/userguide/encryption-prompt-management.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from own_key(resource, "customerEncryptionKeyArn")
