"""Endpoint volumes are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.endpoints import CONFIGURATION, VARIANTS
from headway_policies.subjects.examples import KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.jobs import volume_key

_case = Examples(CONFIGURATION, {"kmsKeyArn": KEY_ARN})
_NONE = {"kmsKeyArn": None}

RULE = Rule(
    id="HEADWAY-ENC-001",
    slug="endpoint-volume-key",
    title="Endpoint volumes are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.HIGH,
    resources=(CONFIGURATION,),
    why=(
        "Model weights and what an endpoint captures are written to its volumes. Without a key of your own "
        "nobody can see who decrypts them, take the permission away, or make them unreadable at once."
    ),
    fix="Set `kms_key_arn`, or declare the endpoint with `headway_components.Endpoint`, which sets it.",
    passes=(
        _case("a key's ARN"),
        _case("an alias of your own", {"kmsKeyArn": "alias/flight-delay"}),
        _case("an alias that only looks like one of AWS's", {"kmsKeyArn": "alias/my/alias/aws/sagemaker"}),
        _case("a key that the same stack creates", {"kmsKeyArn": UNKNOWN}, made_of={"kmsKeyArn": OWN_KEY}),
        _case(
            "machines with disks of their own, for which AWS takes no key",
            {**_NONE, "productionVariants": [{"instanceType": "ml.g5.xlarge"}]},
        ),
    ),
    fails=(
        _case("no key", _NONE, says="kmsKeyArn is nothing"),
        _case("an empty key", {"kmsKeyArn": ""}, says="kmsKeyArn is ''"),
        _case("the key that AWS manages", {"kmsKeyArn": "alias/aws/sagemaker"}, says="alias/aws/sagemaker"),
        _case(
            "the ARN of an alias that AWS manages",
            {"kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:alias/aws/sagemaker"},
            says="alias/aws/sagemaker",
        ),
        _case(
            "one variant of two with disks of its own",
            {
                **_NONE,
                "productionVariants": [{"instanceType": "ml.m5d.large"}, {"instanceType": "ml.m5.large"}],
            },
            says="kmsKeyArn is nothing",
        ),
    ),
    exempts=(
        _case(
            "a serverless endpoint, which has no volumes",
            {**_NONE, "productionVariants": [{"serverlessConfig": {"memorySizeInMb": 2048}}]},
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("a key that is made of nothing in the stack", {"kmsKeyArn": UNKNOWN}, says="kmsKeyArn"),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/key-management.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    if UNKNOWN in (resource.value(each) for each in VARIANTS):
        variants: tuple[str, ...] = ()
    else:
        variants = tuple(path for each in VARIANTS for path in resource.items(each))
    machines = [path for path in variants if not resource.has(f"{path}.serverlessConfig")]
    if variants and not machines:
        yield NotApplicable(reason="the endpoint is serverless")
        return
    yield from volume_key(resource, "kmsKeyArn", *(f"{path}.instanceType" for path in machines))
