"""Who touched which object is recorded."""

from dataclasses import dataclass

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import BUCKET, BUCKETS, LOGGING, inline, names, settings
from headway_policies.subjects.examples import Examples, example
from headway_policies.subjects.once import once
from headway_policies.subjects.trails import TRAIL, recorded_objects
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict, type_of

_case = Examples(BUCKET, {"bucket": "data-1", "arn": "arn:aws:s3:::data-1"})


def _trail(values: object, **more: object) -> tuple[Resource, ...]:
    selector = {"dataResources": [{"type": "AWS::S3::Object", "values": values}]}
    return (example(TRAIL, {"s3BucketName": "audit", "eventSelectors": [selector], **more}),)


def _advanced(*fields: tuple[str, str, str]) -> tuple[Resource, ...]:
    selectors = [{"field": field, operator: [value]} for field, operator, value in fields]
    return (example(TRAIL, {"advancedEventSelectors": [{"fieldSelectors": selectors}]}),)


_SELECTORS = ("eventSelectors", "advancedEventSelectors")
_OBJECTS = ("resources.type", "equals", "AWS::S3::Object")

RULE = Rule(
    id="HEADWAY-LOG-001",
    slug="bucket-access-recorded",
    title="Who touched which object is recorded",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=BUCKETS,
    reads=(TRAIL, *LOGGING),
    why="A trail without data events records who made a bucket, and not who read the training data in it.",
    fix="Name the bucket in the data events of a trail, or give it access logs.",
    passes=(
        _case("data events of the bucket", beside=_trail(["arn:aws:s3:::data-1/"])),
        _case("data events of all buckets", beside=_trail(["arn:aws:s3"])),
        _case("advanced selectors of all objects", beside=_advanced(_OBJECTS)),
        _case(
            "by the beginning of the ARN",
            beside=_advanced(_OBJECTS, ("resources.ARN", "startsWiths", "arn:aws:s3:::data-1/")),
        ),
        _case("access logs", beside=(example(LOGGING[0], {"bucket": "data-1", "targetBucket": "logs"}),)),
        _case(
            "a bucket of the same stack, not known yet",
            {"arn": UNKNOWN, "bucket": UNKNOWN},
            beside=(
                example(
                    TRAIL,
                    {
                        "eventSelectors": [
                            {"dataResources": [{"type": "AWS::S3::Object", "values": [UNKNOWN]}]}
                        ]
                    },
                    made_of={"eventSelectors": example(BUCKET)},
                ),
            ),
        ),
    ),
    fails=(
        _case("nothing", says="record of access is nothing"),
        _case("data events of another bucket", beside=_trail(["arn:aws:s3:::other/"]), says="nothing"),
        _case("data events of a part of it", beside=_trail(["arn:aws:s3:::data-1/models/"]), says="nothing"),
        _case("a trail that is off", beside=_trail(["arn:aws:s3"], enableLogging=False), says="nothing"),
        _case("a bucket whose name only begins so", beside=_trail(["arn:aws:s3:::data/"]), says="nothing"),
    ),
    exempts=(
        _case("outside production", intent=DEVELOPMENT),
        _case("the bucket of the records", {"bucket": "audit"}, beside=_trail([])),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("data events that are not known yet", beside=_trail([UNKNOWN]), says="eventSelectors"),
        _case(
            "access logs of a bucket that is not known yet",
            beside=(example(LOGGING[0], {"bucket": UNKNOWN}),),
            says="bucket",
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html",
    ),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    if resource.urn in once(stack, "buckets of records", lambda: _records(stack)):
        yield NotApplicable(reason="the bucket holds the records themselves")
        return
    found = settings(stack, LOGGING)
    own = inline(resource, "logging.targetBucket", "loggings[0].targetBucket")
    recorded = once(stack, "recorded objects", lambda: _recorded(stack))
    if recorded.everything or _arns(resource) & recorded.arns or resource.urn in recorded.made_of:
        return
    if own or found.of(resource):
        return
    if recorded.unknown is not None:
        yield Undecided(path="eventSelectors", urn=recorded.unknown.urn)
    else:
        yield from found.missing(resource, "record of access", "data events of a trail, or access logs")


@dataclass(frozen=True, kw_only=True)
class _Recorded:
    """What the trails of a stack record.

    Args:
        everything: Whether one records the objects of all buckets.
        arns: The ARNs of the buckets that are named.
        made_of: The URNs of the buckets that a list which is not known yet is made of.
        unknown: A trail of which nobody knows yet what it records.
    """

    everything: bool
    arns: frozenset[str]
    made_of: frozenset[str]
    unknown: Resource | None


def _recorded(stack: Stack) -> _Recorded:
    named: set[object] = set()
    made_of: set[str] = set()
    unknown: Resource | None = None
    for trail in stack.of_type(TRAIL):
        if trail.value("enableLogging") is False:
            continue
        values = set(recorded_objects(trail))
        named |= values
        if UNKNOWN in values:
            references = [trail.references.get(name, ()) for name in _SELECTORS]
            buckets = {urn for urns in references for urn in urns if type_of(urn) in BUCKETS}
            made_of |= buckets
            unknown = unknown if buckets else trail
    return _Recorded(
        everything="*" in named,
        arns=frozenset(value.removesuffix("/") for value in named if isinstance(value, str)),
        made_of=frozenset(made_of),
        unknown=unknown,
    )


def _arns(bucket: Resource) -> frozenset[str]:
    arn = bucket.value("arn")
    own = (arn,) if isinstance(arn, str) else ()
    return frozenset((*(f"arn:aws:s3:::{name}" for name in names(bucket)), *own))


def _records(stack: Stack) -> frozenset[str]:
    """The URNs of the buckets that records are written to: recording those would never end."""
    targets = [(trail, "s3BucketName") for trail in stack.of_type(TRAIL)]
    targets += [(setting, "targetBucket") for setting in stack.of_type(*LOGGING)]
    return frozenset(
        bucket.urn for holder, path in targets for bucket in stack.referenced(holder, path, *BUCKETS)
    )
