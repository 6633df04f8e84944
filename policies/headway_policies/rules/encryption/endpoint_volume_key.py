"""Endpoint volumes are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule

_TYPE = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
_KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def _case(title: str, says: str = "", **properties: object) -> Case:
    return Case(title=title, resources=(Resource(type=_TYPE, properties=properties),), says=says)


RULE = Rule(
    id="HEADWAY-ENC-001",
    slug="endpoint-volume-key",
    title="Endpoint volumes are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why=(
        "Model weights and what an endpoint captures are written to its volumes. Without a key of your own "
        "nobody can see who decrypts them, take the permission away, or make them unreadable at once."
    ),
    fix="Set `kms_key_arn`, or declare the endpoint with `headway_components.Endpoint`, which sets it.",
    passes=(
        _case("a key's ARN", kmsKeyArn=_KEY),
        _case("an alias of your own", kmsKeyArn="alias/flight-delay"),
        _case("an alias that only looks like one of AWS's", kmsKeyArn="alias/my/alias/aws/sagemaker"),
    ),
    fails=(
        _case("no key", says="kmsKeyArn is nothing"),
        _case("an empty key", kmsKeyArn="", says="kmsKeyArn is ''"),
        _case("the key that AWS manages", kmsKeyArn="alias/aws/sagemaker", says="alias/aws/sagemaker"),
        _case(
            "the ARN of an alias that AWS manages",
            kmsKeyArn="arn:aws:kms:us-east-1:111122223333:alias/aws/sagemaker",
            says="alias/aws/sagemaker",
        ),
    ),
    when_unknown=Outcome.PASS,
    unknowns=(_case("a key that the same stack creates", kmsKeyArn=UNKNOWN),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/key-management.html",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:  # noqa: ARG001 - a rule's signature
    key = resource.text("kmsKeyArn")
    if not key or key.rsplit(":", 1)[-1].startswith("alias/aws/"):
        yield Finding(path="kmsKeyArn", got=key, want="a customer-managed KMS key")
