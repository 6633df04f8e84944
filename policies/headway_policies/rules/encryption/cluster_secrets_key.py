"""Secrets of a cluster are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.values import own_key

_TYPE = "aws:eks/cluster:Cluster"
_case = Examples(_TYPE, {"encryptionConfig": {"provider": {"keyArn": KEY_ARN}, "resources": ["secrets"]}})

RULE = Rule(
    id="HEADWAY-ENC-017",
    slug="cluster-secrets-key",
    title="Secrets of a cluster are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why=(
        "Whoever reads the disks of a control plane reads the tokens and passwords of everything that runs "
        "in it."
    ),
    fix="Set `encryption_config` with your key for `secrets`.",
    passes=(
        _case("a key's ARN"),
        _case(
            "a key of the same stack, not known yet",
            {"encryptionConfig.provider.keyArn": UNKNOWN},
            made_of={"encryptionConfig": OWN_KEY},
        ),
    ),
    fails=(
        _case(
            "no key",
            {"encryptionConfig.provider.keyArn": None},
            says="encryptionConfig.provider.keyArn is nothing",
        ),
        _case(
            "an empty key",
            {"encryptionConfig.provider.keyArn": ""},
            says="encryptionConfig.provider.keyArn is ''",
        ),
        _case("the key that AWS manages", {"encryptionConfig.provider.keyArn": AWS_KEY}, says="alias/aws/"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "made of nothing in the stack",
            {"encryptionConfig.provider.keyArn": UNKNOWN},
            says="encryptionConfig.provider.keyArn",
        ),
    ),
    references=("https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from own_key(resource, "encryptionConfig.provider.keyArn")
