"""Every bucket has a public access block."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack

_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")


def _bucket(urn: str, type_: str = _BUCKETS[0], **properties: object) -> Resource:
    return Resource(type=type_, name=urn, urn=urn, properties=properties)


def _block(bucket: object, *made_of: str) -> Resource:
    references = {"bucket": frozenset(made_of)}
    return Resource(type=_BLOCK, urn="block", properties={"bucket": bucket}, references=references)


RULE = Rule(
    id="HEADWAY-PUB-002",
    slug="bucket-has-public-access-block",
    title="Every bucket has a public access block",
    since="0.1",
    severity=Severity.CRITICAL,
    resources=_BUCKETS,
    reads=(_BLOCK,),
    why=(
        "Without one, a single access list or bucket policy, written by anyone at any later time, publishes "
        "the bucket. A block that is not there is not a block."
    ),
    fix=(
        "Declare an aws.s3.BucketPublicAccessBlock for it, or take the bucket from "
        "`headway_components.Foundation`, which does it for you."
    ),
    passes=(
        Case(
            title="a block that names the bucket",
            resources=(_bucket("data", bucket="data-1"), _block("data-1")),
        ),
        Case(
            title="a block made of the bucket's id, which is not known yet",
            resources=(_bucket("data", bucket="data-1"), _block(UNKNOWN, "data")),
        ),
        Case(
            title="the older bucket type",
            resources=(_bucket("data", _BUCKETS[1], bucket="data-1"), _block("data-1")),
        ),
    ),
    fails=(
        Case(
            title="no block",
            resources=(_bucket("data", bucket="data-1"),),
            says="public access block is nothing",
        ),
        Case(
            title="a block for another bucket",
            resources=(
                _bucket("data", bucket="data-1"),
                _bucket("audit", bucket="audit-1"),
                _block("audit-1"),
            ),
            says="nothing",
        ),
        Case(
            title="a block made of two buckets, once it is known that it names the other",
            resources=(
                _bucket("data", bucket="d-1"),
                _bucket("audit", bucket="a-1"),
                _block("a-1", "data", "audit"),
            ),
            says="nothing",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        Case(
            title="a block for a bucket that is named nowhere in the stack and not known yet",
            resources=(_bucket("data", bucket="data-1"), _block(UNKNOWN)),
            says="bucket",
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    ),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:  # noqa: ARG001 - a rule's signature
    if stack.referring(resource, _BLOCK, "bucket"):
        return
    anybody = [block for block in stack.of_type(_BLOCK) if _may_be_for_any_bucket(block)]
    if anybody:
        yield Undecided(path="bucket", urn=anybody[0].urn)
    else:
        yield Finding(path="public access block", got=None, want=f"one for {resource.name}")


def _may_be_for_any_bucket(block: Resource) -> bool:
    return block.value("bucket") is UNKNOWN and not block.references.get("bucket")
