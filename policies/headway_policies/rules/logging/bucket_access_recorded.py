"""Who touched which object is recorded."""

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


_OBJECTS = ("resources.type", "equals", "AWS::S3::Object")

RULE = Rule(
    id="HEADWAY-LOG-001",
    slug="bucket-access-recorded",
    title="Who touched which object is recorded",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=BUCKETS,
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
    undecided: Resource | None = None
    for trail in stack.of_type(TRAIL):
        recorded = _is_recorded(resource, trail)
        if recorded:
            return
        undecided = trail if recorded is None else undecided
    if own or found.of(resource):
        return
    if undecided is not None:
        yield Undecided(path="eventSelectors", urn=undecided.urn)
    else:
        yield from found.missing(resource, "record of access", "data events of a trail, or access logs")


def _is_recorded(bucket: Resource, trail: Resource) -> bool | None:
    """Whether a trail records a bucket's objects; None where that is not known yet."""
    if trail.value("enableLogging") is False:
        return False
    arns = {f"arn:aws:s3:::{name}" for name in names(bucket)} | {bucket.value("arn")}
    unknown = False
    for recorded in recorded_objects(trail):
        if recorded == "*" or (isinstance(recorded, str) and recorded.removesuffix("/") in arns):
            return True
        unknown = unknown or recorded is UNKNOWN
    if not unknown:
        return False
    made_of = {
        urn
        for name in ("eventSelectors", "advancedEventSelectors")
        for urn in trail.references.get(name, ())
        if type_of(urn) in BUCKETS
    }
    return True if bucket.urn in made_of else None if not made_of else False


def _records(stack: Stack) -> frozenset[str]:
    """The URNs of the buckets that records are written to: recording those would never end."""
    targets = [(trail, "s3BucketName") for trail in stack.of_type(TRAIL)]
    targets += [(setting, "targetBucket") for setting in stack.of_type(*LOGGING)]
    return frozenset(
        bucket.urn for holder, path in targets for bucket in stack.referenced(holder, path, *BUCKETS)
    )
