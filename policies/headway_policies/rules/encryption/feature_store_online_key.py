"""The online store of a feature group is encrypted with a KMS key."""

from headway_policies.intent import Intent
from headway_policies.outcome import NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, Examples
from headway_policies.subjects.values import is_set, truth

_TYPE = "aws:sagemaker/featureGroup:FeatureGroup"
_KEY = "onlineStoreConfig.securityConfig.kmsKeyId"
_case = Examples(
    _TYPE, {"onlineStoreConfig": {"enableOnlineStore": True, "securityConfig": {"kmsKeyId": KEY_ARN}}}
)

RULE = Rule(
    id="HEADWAY-ENC-007",
    slug="feature-store-online-key",
    title="The online store of a feature group is encrypted with a KMS key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="The online store answers with the features of one person or thing at a time, for whoever may ask.",
    fix="Set `kms_key_id` in `security_config` of the online store.",
    passes=(
        _case("a key's ARN"),
        _case("any KMS key: the control does not ask for one of your own", {_KEY: AWS_KEY}),
        _case("the standard store by name", {"onlineStoreConfig.storageType": "Standard"}),
    ),
    fails=(
        _case("no key", {"onlineStoreConfig.securityConfig": None}, says="kmsKeyId is nothing"),
        _case("an empty key", {_KEY: ""}, says="kmsKeyId is ''"),
    ),
    exempts=(
        _case("no online store", {"onlineStoreConfig": None}),
        _case("an online store that is switched off", {"onlineStoreConfig": {"enableOnlineStore": False}}),
        _case(
            "a store in memory, which the control leaves out",
            {"onlineStoreConfig": {"enableOnlineStore": True, "storageType": "InMemory"}},
        ),
    ),
    when_unknown=Outcome.PASS,
    unknowns=(_case("a key that is not known yet is one", {_KEY: UNKNOWN}),),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-18",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    store = resource.value("onlineStoreConfig")
    if not store or truth(resource.value("onlineStoreConfig.enableOnlineStore")) is False:
        yield NotApplicable(reason="the feature group has no online store")
    elif resource.value("onlineStoreConfig.storageType") == "InMemory":
        yield NotApplicable(reason="the store is in memory")
    else:
        yield from is_set(resource, _KEY, "a KMS key")
