"""Buckets encrypt with a customer-managed key by default."""

from collections.abc import Mapping

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import BUCKET, BUCKETS, ENCRYPTION, inline, settings
from headway_policies.subjects.examples import KEY_ARN, OWN_KEY, Examples, example
from headway_policies.subjects.values import about, own_key

_case = Examples(BUCKET, {"bucket": "data-1"})
_OLD = Examples(BUCKETS[1], {"bucket": "data-1"})
_DEFAULT = "applyServerSideEncryptionByDefault"
_GOOD = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY_ARN}
_INLINE = "serverSideEncryptionConfiguration.rule"
_INLINE_OLD = "serverSideEncryptionConfigurations[0].rules[0]"


def _beside(
    default: object, bucket: object = "data-1", made_of: Mapping[str, Resource] | None = None
) -> tuple[Resource, ...]:
    properties = {"bucket": bucket, "rules": [{_DEFAULT: default}]}
    return (example(ENCRYPTION[0], properties, made_of=made_of),)


RULE = Rule(
    id="HEADWAY-ENC-004",
    slug="bucket-encryption",
    title="Buckets encrypt with a customer-managed key by default",
    since="0.1",
    severity=Severity.HIGH,
    resources=BUCKETS,
    reads=ENCRYPTION,
    why=(
        "S3 encrypts with a key of its own where nothing else is said. Then whoever may read the bucket "
        "reads the data; with your key the reader needs the key too, each use is recorded, and taking the "
        "key away makes everything unreadable at once."
    ),
    fix=(
        "Declare an aws.s3.BucketServerSideEncryptionConfiguration with `aws:kms` and your key's ARN, or "
        "take the bucket from `headway_components.Foundation`."
    ),
    passes=(
        _case("a configuration of its own", beside=_beside(_GOOD)),
        _case(
            "a key and a bucket of the same stack, not known yet",
            beside=(
                OWN_KEY,
                *_beside(
                    {**_GOOD, "kmsMasterKeyId": UNKNOWN},
                    UNKNOWN,
                    {"rules": OWN_KEY, "bucket": example(BUCKET)},
                ),
            ),
        ),
        _case("two layers of encryption", beside=_beside({**_GOOD, "sseAlgorithm": "aws:kms:dsse"})),
        _case("inline", {_INLINE: {_DEFAULT: _GOOD}}),
        _OLD(
            "inline, in the older type",
            {"serverSideEncryptionConfigurations": [{"rules": [{f"{_DEFAULT}s": [_GOOD]}]}]},
        ),
    ),
    fails=(
        _case("nothing", says="default encryption is nothing"),
        _case(
            "S3's own key",
            beside=_beside({"sseAlgorithm": "AES256"}),
            says="sseAlgorithm is 'AES256'",
        ),
        _case(
            "KMS, but AWS's key",
            beside=_beside({**_GOOD, "kmsMasterKeyId": "alias/aws/s3"}),
            says="kmsMasterKeyId is 'alias/aws/s3'",
        ),
        _case("KMS without a key", {_INLINE: {_DEFAULT: {"sseAlgorithm": "aws:kms"}}}, says="kmsMasterKeyId"),
        _case(
            "a configuration without rules",
            beside=(example(ENCRYPTION[0], {"bucket": "data-1"}),),
            says="sse",
        ),
        _case("a configuration of another bucket", beside=_beside(_GOOD, "other"), says="nothing"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "a configuration for a bucket that is not known yet",
            beside=_beside(_GOOD, UNKNOWN),
            says="bucket",
        ),
        _case("an algorithm that is not known yet", beside=_beside(UNKNOWN), says="sseAlgorithm"),
    ),
    references=("https://docs.aws.amazon.com/config/latest/developerguide/s3-default-encryption-kms.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    own = inline(
        resource, f"{_INLINE}.{_DEFAULT}", f"{_INLINE_OLD}.{_DEFAULT}s[0]", f"{_INLINE_OLD}.{_DEFAULT}"
    )
    found = settings(stack, ENCRYPTION)
    beside = found.of(resource)
    if not own and not beside:
        yield from found.missing(resource, "default encryption", "aws:kms with your key")
    for path in own:
        yield from _default(resource, path, None)
    for setting in beside:
        for path in setting.items("rules") or ("rule",):
            yield from _default(setting, f"{path}.{_DEFAULT}", setting.urn)


def _default(resource: Resource, path: str, urn: str | None) -> Answers:
    algorithm = resource.value(f"{path}.sseAlgorithm")
    if algorithm is UNKNOWN:
        yield Undecided(path=f"{path}.sseAlgorithm", urn=urn)
    elif not isinstance(algorithm, str) or not algorithm.lower().startswith("aws:kms"):
        yield Finding(path=f"{path}.sseAlgorithm", got=algorithm, want="aws:kms", urn=urn)
    else:
        yield from about(urn, own_key(resource, f"{path}.kmsMasterKeyId"))
