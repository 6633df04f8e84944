"""Agents are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import key_examples
from headway_policies.subjects.values import own_key

_TYPE = "aws:bedrock/agentAgent:AgentAgent"
_PATH = "customerEncryptionKeyArn"
_examples = key_examples(_TYPE, _PATH)

RULE = Rule(
    id="HEADWAY-GEN-004",
    slug="agent-key",
    title="Agents are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="The instructions and sessions of an agent hold what it knows and what people asked.",
    fix="Set `customer_encryption_key_arn` of the agent.",
    passes=_examples.passes,
    fails=_examples.fails,
    when_unknown=Outcome.UNDECIDED,
    unknowns=_examples.unknowns,
    references=("https://docs.aws.amazon.com/bedrock/latest/userguide/encryption-agents.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from own_key(resource, _PATH)
