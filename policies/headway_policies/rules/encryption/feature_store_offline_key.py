"""The offline store of a feature group is encrypted with a KMS key."""

from headway_policies.intent import Intent
from headway_policies.outcome import NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, Examples
from headway_policies.subjects.values import is_set

_TYPE = "aws:sagemaker/featureGroup:FeatureGroup"
_KEY = "offlineStoreConfig.s3StorageConfig.kmsKeyId"
_case = Examples(
    _TYPE, {"offlineStoreConfig": {"s3StorageConfig": {"s3Uri": "s3://features", "kmsKeyId": KEY_ARN}}}
)

RULE = Rule(
    id="HEADWAY-ENC-006",
    slug="feature-store-offline-key",
    title="The offline store of a feature group is encrypted with a KMS key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why=(
        "The offline store is the whole history of the features, the most complete copy of the data there is."
    ),
    fix="Set `kms_key_id` in `s3_storage_config` of the offline store.",
    passes=(
        _case("a key's ARN"),
        _case("any KMS key: the control does not ask for one of your own", {_KEY: AWS_KEY}),
    ),
    fails=(
        _case("no key", {_KEY: None}, says="kmsKeyId is nothing"),
        _case("an empty key", {_KEY: ""}, says="kmsKeyId is ''"),
    ),
    exempts=(_case("no offline store", {"offlineStoreConfig": None}),),
    when_unknown=Outcome.PASS,
    unknowns=(_case("a key that is not known yet is one", {_KEY: UNKNOWN}),),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-17",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    if not resource.has("offlineStoreConfig"):
        yield NotApplicable(reason="the feature group has no offline store")
        return
    yield from is_set(resource, _KEY, "a KMS key")
