"""What an endpoint captures goes after the declared time."""

from headway_policies.intent import PRODUCTION, DataClassification, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import (
    BUCKET,
    BUCKETS,
    LIFECYCLE,
    bucket_of,
    lifecycle_rules,
    settings,
)
from headway_policies.subjects.endpoints import CONFIGURATION
from headway_policies.subjects.examples import example
from headway_policies.subjects.values import number, truth

_MAXIMUM_DAYS = 365
_MAXIMUM_DAYS_OF_PERSONAL_DATA = 90
_PERSONAL = Intent(environment="prod", data_classification=DataClassification.RESTRICTED, personal_data=True)


def _case(
    title: str,
    days: object,
    *,
    says: str = "",
    prefix: object = "",
    capture: bool = True,
    bucket: object = "capture-1",
    intent: Intent = PRODUCTION,
) -> Case:
    captured = {"enableCapture": capture, "destinationS3Uri": f"s3://{bucket}/flights"}
    if bucket is UNKNOWN:
        captured["destinationS3Uri"] = UNKNOWN
    rule = {"status": "Enabled", "filter": {"prefix": prefix}, "expiration": {"days": days}}
    resources = (
        example(CONFIGURATION, {"dataCaptureConfig": captured}),
        example(BUCKET, {"bucket": "capture-1"}),
        example(LIFECYCLE[0], {"bucket": "capture-1", "rules": [rule]}),
    )
    return Case(title=title, resources=resources, says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-RET-003",
    slug="capture-expires",
    title="What an endpoint captures goes after the declared time",
    since="0.1",
    severity=Severity.HIGH,
    resources=(CONFIGURATION,),
    reads=(*BUCKETS, *LIFECYCLE),
    why=(
        "Captured requests are kept to compare models and to find drift, which needs months at most. Kept "
        "for ever they are a copy of what people sent, that nobody looks after."
    ),
    fix=(
        f"Give the bucket a lifecycle rule that expires the captures, after {_MAXIMUM_DAYS} days at the "
        f"latest, with personal data after {_MAXIMUM_DAYS_OF_PERSONAL_DATA}."
    ),
    passes=(
        _case("ninety days", 90),
        _case("ninety days of personal data", 90, intent=_PERSONAL),
        _case("a rule for the endpoint's own prefix", 30, prefix="flights/"),
    ),
    fails=(
        _case("no expiration", None, says="expiration is nothing"),
        _case("longer than a year", 400, says="expiration is 400"),
        _case("longer than ninety days with personal data", 180, intent=_PERSONAL, says="at most 90"),
        _case("zero days", 0, says="expiration is 0"),
        _case("a rule for another prefix", 30, prefix="other/", says="expiration is nothing"),
    ),
    exempts=(_case("no capture", None, capture=False),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("days that are not known yet", UNKNOWN, says="expiration"),
        _case("a bucket that is not known yet", 90, bucket=UNKNOWN, says="destinationS3Uri"),
        _case("a bucket outside of the stack", 90, bucket="elsewhere", says="destinationS3Uri"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    uri = "dataCaptureConfig.destinationS3Uri"
    if not resource.has(uri) or truth(resource.value("dataCaptureConfig.enableCapture")) is False:
        yield NotApplicable(reason="the endpoint captures nothing")
        return
    bucket = bucket_of(stack, resource, uri)
    if bucket is None:
        yield Undecided(path=uri)
        return
    destination = resource.value(uri)
    key = destination.removeprefix("s3://").partition("/")[2] if isinstance(destination, str) else ""
    maximum = _MAXIMUM_DAYS_OF_PERSONAL_DATA if intent.personal_data else _MAXIMUM_DAYS
    days = [
        rule.days
        for rule in lifecycle_rules(bucket, settings(stack, LIFECYCLE))
        if not rule.is_partial and isinstance(rule.prefix, str) and f"{key}/".startswith(rule.prefix)
    ]
    known = [found for found in map(number, days) if found is not None]
    if any(0 < found <= maximum for found in known):
        return
    if UNKNOWN in days:
        yield Undecided(path="expiration", urn=bucket.urn)
    else:
        got = int(min(known)) if known else None
        want = f"at least one and at most {maximum} days"
        yield Finding(path="expiration", got=got, want=want, urn=bucket.urn)
