"""The home directories of a Studio domain are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.values import own_key

_TYPE = "aws:sagemaker/domain:Domain"
_case = Examples(_TYPE, {"kmsKeyId": KEY_ARN})

RULE = Rule(
    id="HEADWAY-ENC-016",
    slug="studio-domain-key",
    title="The home directories of a Studio domain are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="The home directories of a domain hold notebooks with their results, which are parts of the data.",
    fix="Set `kms_key_id` of the domain.",
    passes=(
        _case("a key's ARN"),
        _case("a key of the same stack, not known yet", {"kmsKeyId": UNKNOWN}, made_of={"kmsKeyId": OWN_KEY}),
    ),
    fails=(
        _case("no key", {"kmsKeyId": None}, says="kmsKeyId is nothing"),
        _case("an empty key", {"kmsKeyId": ""}, says="kmsKeyId is ''"),
        _case("the key that AWS manages", {"kmsKeyId": AWS_KEY}, says="alias/aws/"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("made of nothing in the stack", {"kmsKeyId": UNKNOWN}, says="kmsKeyId"),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/encryption-at-rest-studio.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from own_key(resource, "kmsKeyId")
