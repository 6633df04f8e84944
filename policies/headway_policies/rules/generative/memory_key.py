"""What agents remember is encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import key_examples
from headway_policies.subjects.values import own_key

_TYPE = "aws:bedrock/agentcoreMemory:AgentcoreMemory"
_PATH = "encryptionKeyArn"
_examples = key_examples(_TYPE, _PATH)

RULE = Rule(
    id="HEADWAY-GEN-002",
    slug="agent-memory-key",
    title="What agents remember is encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="The memory of an agent holds what people told it.",
    fix="Set `encryption_key_arn` of the memory.",
    passes=_examples.passes,
    fails=_examples.fails,
    when_unknown=Outcome.UNDECIDED,
    unknowns=_examples.unknowns,
    references=("https://docs.aws.amazon.com/securityhub/latest/userguide/bedrockagentcore-controls.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from own_key(resource, _PATH)
