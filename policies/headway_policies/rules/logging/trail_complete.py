"""A trail records every region and proves that nobody changed it."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, Examples
from headway_policies.subjects.trails import TRAIL
from headway_policies.subjects.values import is_on, own_key

_case = Examples(TRAIL, {"isMultiRegionTrail": True, "enableLogFileValidation": True, "kmsKeyId": KEY_ARN})

RULE = Rule(
    id="HEADWAY-LOG-002",
    slug="trail-complete",
    title="A trail records every region and proves that nobody changed it",
    since="0.1",
    severity=Severity.HIGH,
    resources=(TRAIL,),
    why=(
        "Whoever breaks in works in a region that nobody watches and rewrites the record. Digests show that "
        "a file was changed or is missing."
    ),
    fix="Set `is_multi_region_trail`, `enable_log_file_validation` and `kms_key_id`, and leave logging on.",
    passes=(
        _case("all of it"),
        _case(
            "with everything said that AWS takes anyway",
            {"enableLogging": True, "includeGlobalServiceEvents": True},
        ),
    ),
    fails=(
        _case("one region", {"isMultiRegionTrail": False}, says="isMultiRegionTrail is False"),
        _case("no digests", {"enableLogFileValidation": None}, says="enableLogFileValidation is nothing"),
        _case("switched off", {"enableLogging": False}, says="enableLogging is False"),
        _case(
            "without IAM and the other global services",
            {"includeGlobalServiceEvents": False},
            says="includeGlobal",
        ),
        _case("AWS's key", {"kmsKeyId": AWS_KEY}, says="kmsKeyId is 'alias/aws/sagemaker'"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"isMultiRegionTrail": UNKNOWN}, says="isMultiRegionTrail"),),
    references=("https://docs.aws.amazon.com/awscloudtrail/latest/userguide/best-practices-security.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from is_on(resource, "isMultiRegionTrail")
    yield from is_on(resource, "enableLogFileValidation")
    yield from own_key(resource, "kmsKeyId")
    for path in ("enableLogging", "includeGlobalServiceEvents"):
        if resource.has(path):
            yield from is_on(resource, path)
