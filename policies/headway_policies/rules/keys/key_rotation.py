"""Keys are renewed by themselves."""

from headway_policies.intent import Intent
from headway_policies.outcome import NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import KEY, Examples
from headway_policies.subjects.values import is_on

_case = Examples(KEY, {"enableKeyRotation": True})

RULE = Rule(
    id="HEADWAY-KEY-001",
    slug="key-rotation",
    title="Keys are renewed by themselves",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(KEY,),
    why=(
        "The longer one key encrypts everything, the more is lost with it. AWS renews it without a word to "
        "anybody."
    ),
    fix="Set `enable_key_rotation=True`.",
    passes=(
        _case("renewed"),
        _case("renewed each half year", {"rotationPeriodInDays": 180}),
        _case("a symmetric key by name", {"customerMasterKeySpec": "SYMMETRIC_DEFAULT"}),
    ),
    fails=(
        _case("left out: AWS takes False", {"enableKeyRotation": None}, says="enableKeyRotation is nothing"),
        _case("switched off", {"enableKeyRotation": False}, says="enableKeyRotation is False"),
    ),
    exempts=(
        _case(
            "a pair of keys, which AWS cannot renew",
            {"customerMasterKeySpec": "RSA_4096", "enableKeyRotation": None},
        ),
        _case("a key in a store of one's own", {"customKeyStoreId": "cks-1", "enableKeyRotation": None}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"enableKeyRotation": UNKNOWN}, says="enableKeyRotation"),),
    references=("https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    spec = resource.value("customerMasterKeySpec")
    if (isinstance(spec, str) and spec not in {"", "SYMMETRIC_DEFAULT"}) or resource.has("customKeyStoreId"):
        yield NotApplicable(reason="AWS does not renew keys of this kind")
        return
    yield from is_on(resource, "enableKeyRotation")
