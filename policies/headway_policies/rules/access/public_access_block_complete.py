"""A bucket's public access block blocks all four ways to the public."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule

_TYPE = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_FLAGS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _case(title: str, says: str = "", **changes: object) -> Case:
    properties = {"bucket": "data", **dict.fromkeys(_FLAGS, True), **changes}
    return Case(title=title, resources=(Resource(type=_TYPE, properties=properties),), says=says)


RULE = Rule(
    id="HEADWAY-PUB-001",
    slug="public-access-block-complete",
    title="A bucket's public access block blocks all four ways to the public",
    since="0.1",
    severity=Severity.CRITICAL,
    resources=(_TYPE,),
    why=(
        "Each of the four flags closes another way: new access lists, old access lists, new bucket policies, "
        "old bucket policies. One that is left open is enough to publish training data."
    ),
    fix="Set block_public_acls, block_public_policy, ignore_public_acls and restrict_public_buckets to True.",
    passes=(
        _case("all four flags"),
        _case("all four flags, for a bucket that is not known yet", bucket=UNKNOWN),
    ),
    fails=(
        _case("one flag is off", blockPublicPolicy=False, says="blockPublicPolicy is False"),
        _case(
            "one flag is left out: AWS then takes False",
            restrictPublicBuckets=None,
            says="restrictPublicBuckets is nothing",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a flag that comes from another resource", ignorePublicAcls=UNKNOWN, says="ignorePublicAcls"),
    ),
    references=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    ),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:  # noqa: ARG001 - a rule's signature
    for flag in _FLAGS:
        value = resource.value(flag)
        if value is UNKNOWN:
            yield Undecided(path=flag)
        elif value is not True:
            yield Finding(path=flag, got=value, want="True")
