"""Audit records cannot be changed or deleted."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import BUCKET, BUCKETS, LOCK, inline, is_called, settings
from headway_policies.subjects.examples import Examples, example
from headway_policies.subjects.once import once
from headway_policies.subjects.trails import TRAIL
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict, number

_WORDS = ("audit", "trail")
_case = Examples(BUCKET, {"bucket": "flights-audit"})


def _beside(bucket: object = "flights-audit", **retention: object) -> tuple[Resource, ...]:
    return (example(LOCK[0], {"bucket": bucket, "rule": {"defaultRetention": retention}}),)


RULE = Rule(
    id="HEADWAY-INT-001",
    slug="audit-bucket-lock",
    title="Audit records cannot be changed or deleted",
    since="0.1",
    severity=Severity.HIGH,
    resources=BUCKETS,
    reads=(TRAIL, *LOCK),
    why=(
        "Whoever breaks in deletes the record of it first. A record that its owner can rewrite is no "
        "evidence for anybody else either."
    ),
    fix=(
        "Turn object lock on for the bucket and declare an aws.s3.BucketObjectLockConfiguration with a "
        "retention."
    ),
    passes=(
        _case("locked for a year", beside=_beside(mode="GOVERNANCE", days=365)),
        _case("locked by the year, for everybody", beside=_beside(mode="COMPLIANCE", years=7)),
        _case(
            "inline",
            {"objectLockConfiguration": {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 30}}}},
        ),
    ),
    fails=(
        _case("no lock", says="object lock is nothing"),
        _case("a lock without a retention", beside=_beside(), says="defaultRetention is nothing"),
        _case("a retention of zero days", beside=_beside(mode="GOVERNANCE", days=0), says="Retention is 0"),
        _case(
            "the bucket of the trail, whatever its name",
            {"bucket": "data-1"},
            beside=(example(TRAIL, {"s3BucketName": "data-1"}),),
            says="object lock is nothing",
        ),
    ),
    exempts=(
        _case("outside production", intent=DEVELOPMENT),
        _case("a bucket that holds no audit records", {"bucket": "data-1"}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "a retention that is not known yet",
            beside=_beside(mode="GOVERNANCE", days=UNKNOWN),
            says="defaultRetention",
        ),
        _case(
            "a lock of a bucket that is not known yet",
            beside=_beside(UNKNOWN, mode="GOVERNANCE", days=30),
            says="bucket",
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-default-lock-enabled.html",
    ),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    recorded = once(stack, "buckets of trails", lambda: _recorded(stack))
    if resource.urn not in recorded and not is_called(resource, _WORDS):
        yield NotApplicable(reason="the bucket holds no audit records")
        return
    found = settings(stack, LOCK)
    own = inline(
        resource,
        "objectLockConfiguration.rule.defaultRetention",
        "objectLockConfiguration.rules[0].defaultRetentions[0]",
    )
    beside = [(setting, "rule.defaultRetention") for setting in found.of(resource)]
    if not own and not beside:
        yield from found.missing(resource, "object lock", "a default retention")
    for setting, path in (*((resource, path) for path in own), *beside):
        yield from _retention(setting, path)


def _recorded(stack: Stack) -> frozenset[str]:
    trails = stack.of_type(TRAIL)
    return frozenset(
        bucket.urn for trail in trails for bucket in stack.referenced(trail, "s3BucketName", *BUCKETS)
    )


def _retention(setting: Resource, path: str) -> Answers:
    values = [setting.value(f"{path}.days"), setting.value(f"{path}.years")]
    kept = [value for value in values if value is not None]
    if UNKNOWN in kept:
        yield Undecided(path=path, urn=setting.urn)
    elif not any((number(value) or 0) > 0 for value in kept) or not setting.value(f"{path}.mode"):
        got = kept[0] if kept else None
        yield Finding(path=path, got=got, want="a mode and at least one day", urn=setting.urn)
