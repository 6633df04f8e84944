"""Image repositories are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.values import own_key

_TYPE = "aws:ecr/repository:Repository"
_case = Examples(_TYPE, {"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": KEY_ARN}]})

RULE = Rule(
    id="HEADWAY-ENC-014",
    slug="repository-key",
    title="Image repositories are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.LOW,
    resources=(_TYPE,),
    why="Images hold your code. Under your key a pull needs the key too, and each one is recorded.",
    fix='Set `encryption_configurations` with `encryption_type="KMS"` and your key.',
    passes=(
        _case("KMS with a key's ARN"),
        _case(
            "a key of the same stack, not known yet",
            {"encryptionConfigurations[0].kmsKey": UNKNOWN},
            made_of={"encryptionConfigurations": OWN_KEY},
        ),
    ),
    fails=(
        _case("left out", {"encryptionConfigurations": None}, says="encryptionConfigurations is nothing"),
        _case("an empty list", {"encryptionConfigurations": []}, says="encryptionConfigurations is nothing"),
        _case(
            "the registry's own key",
            {"encryptionConfigurations": [{"encryptionType": "AES256"}]},
            says="encryptionType is 'AES256'",
        ),
        _case("KMS without a key", {"encryptionConfigurations[0].kmsKey": None}, says="kmsKey is nothing"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"encryptionConfigurations": UNKNOWN}, says="encryptionConf"),),
    references=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    paths = resource.items("encryptionConfigurations")
    if not paths:
        yield Finding(path="encryptionConfigurations", got=None, want="KMS with your key")
    for path in paths:
        kind = resource.value(f"{path}.encryptionType")
        if kind is UNKNOWN:
            yield Undecided(path=f"{path}.encryptionType")
        elif not isinstance(kind, str) or not kind.upper().startswith("KMS"):
            yield Finding(path=f"{path}.encryptionType", got=kind, want="KMS")
        else:
            yield from own_key(resource, f"{path}.kmsKey")
