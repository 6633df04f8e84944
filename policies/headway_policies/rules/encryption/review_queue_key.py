"""What people review is encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.values import own_key

_TYPE = "aws:sagemaker/flowDefinition:FlowDefinition"
_case = Examples(_TYPE, {"outputConfig": {"s3OutputPath": "s3://reviews", "kmsKeyId": KEY_ARN}})

RULE = Rule(
    id="HEADWAY-ENC-012",
    slug="review-queue-key",
    title="What people review is encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="A review holds the request that the model was unsure of and what a person said about it.",
    fix="Set `kms_key_id` in the `output_config` of the flow definition.",
    passes=(
        _case("a key's ARN"),
        _case(
            "a key of the same stack, not known yet",
            {"outputConfig.kmsKeyId": UNKNOWN},
            made_of={"outputConfig": OWN_KEY},
        ),
    ),
    fails=(
        _case("no key", {"outputConfig.kmsKeyId": None}, says="outputConfig.kmsKeyId is nothing"),
        _case("an empty key", {"outputConfig.kmsKeyId": ""}, says="outputConfig.kmsKeyId is ''"),
        _case("the key that AWS manages", {"outputConfig.kmsKeyId": AWS_KEY}, says="alias/aws/"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "made of nothing in the stack", {"outputConfig.kmsKeyId": UNKNOWN}, says="outputConfig.kmsKeyId"
        ),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/a2i-permissions-security.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from own_key(resource, "outputConfig.kmsKeyId")
