"""Prompts are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import key_examples
from headway_policies.subjects.values import own_key

_TYPE = "aws:bedrock/agentPrompt:AgentPrompt"
_PATH = "customerEncryptionKeyArn"
_examples = key_examples(_TYPE, _PATH)

RULE = Rule(
    id="HEADWAY-GEN-005",
    slug="prompt-key",
    title="Prompts are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.LOW,
    resources=(_TYPE,),
    why="A prompt holds what a company knows about its work, and examples that are taken from it.",
    fix="Set `customer_encryption_key_arn` of the prompt.",
    passes=_examples.passes,
    fails=_examples.fails,
    when_unknown=Outcome.UNDECIDED,
    unknowns=_examples.unknowns,
    references=("https://docs.aws.amazon.com/bedrock/latest/userguide/encryption-prompt-management.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from own_key(resource, _PATH)
