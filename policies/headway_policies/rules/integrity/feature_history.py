"""What is served of a feature is also what is trained on."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.erasure import FEATURE_GROUP
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_ONLINE, _OFFLINE = "onlineStoreConfig", "offlineStoreConfig.s3StorageConfig.s3Uri"
_case = Examples(
    FEATURE_GROUP,
    {
        _ONLINE: {"enableOnlineStore": True},
        "offlineStoreConfig": {"s3StorageConfig": {"s3Uri": "s3://features-1/offline"}},
    },
)

RULE = Rule(
    id="HEADWAY-INT-012",
    slug="feature-history",
    title="What is served of a feature is kept for training, too",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(FEATURE_GROUP,),
    why=(
        "Features that are served from one store and trained on from another drift apart: the model meets in "
        "production what it never saw."
    ),
    fix="Give the group an `offline_store_config` beside its online store.",
    passes=(
        _case("both"),
        _case("the history alone", {_ONLINE: None}),
        _case("a bucket that is not known yet", {_OFFLINE: UNKNOWN}),
    ),
    fails=(
        _case("served alone", {"offlineStoreConfig": None}, says=f"{_OFFLINE} is nothing"),
        _case("an empty address", {_OFFLINE: ""}, says=f"{_OFFLINE} is ''"),
        _case(
            "neither",
            {_ONLINE: {"enableOnlineStore": False}, "offlineStoreConfig": None},
            says=f"{_OFFLINE} is nothing",
        ),
    ),
    exempts=(_case("outside production", {"offlineStoreConfig": None}, intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"offlineStoreConfig": UNKNOWN}, says="offlineStoreConfig"),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-storage-configurations.html",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    value = resource.value(_OFFLINE)
    if not is_strict(intent):
        yield NOT_PRODUCTION
    elif resource.value("offlineStoreConfig") is UNKNOWN:
        yield Undecided(path="offlineStoreConfig")
    elif not value:
        yield Finding(path=_OFFLINE, got=value, want="a place for its history")
