"""Topics and queues are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.values import own_key

_TOPIC = "aws:sns/topic:Topic"
_QUEUE = "aws:sqs/queue:Queue"
_case = Examples(_TOPIC, {"kmsMasterKeyId": KEY_ARN})
_queue = Examples(_QUEUE, {"kmsMasterKeyId": KEY_ARN})

RULE = Rule(
    id="HEADWAY-ENC-015",
    slug="message-key",
    title="Topics and queues are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TOPIC, _QUEUE),
    why=(
        "A queue for review holds requests, a topic of alarms holds what went wrong. The key that AWS "
        "manages for topics cannot be used by CloudWatch: alarms that should arrive there are lost without "
        "a word."
    ),
    fix="Set `kms_master_key_id` to your key.",
    passes=(
        _case("a topic with a key's ARN"),
        _queue("a queue with a key's ARN"),
        _case(
            "a key of the same stack, not known yet",
            {"kmsMasterKeyId": UNKNOWN},
            made_of={"kmsMasterKeyId": OWN_KEY},
        ),
    ),
    fails=(
        _case("a topic without a key", {"kmsMasterKeyId": None}, says="kmsMasterKeyId is nothing"),
        _case("AWS's key", {"kmsMasterKeyId": "alias/aws/sns"}, says="alias/aws/sns"),
        _queue(
            "a queue with the key of SQS",
            {"kmsMasterKeyId": None, "sqsManagedSseEnabled": True},
            says="kmsMasterKeyId is nothing",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("made of nothing in the stack", {"kmsMasterKeyId": UNKNOWN}, says="kmsMasterKeyId"),),
    references=("https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from own_key(resource, "kmsMasterKeyId")
