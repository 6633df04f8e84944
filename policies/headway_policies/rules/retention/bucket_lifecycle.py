"""Buckets say how long what is in them stays."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import BUCKET, BUCKETS, LIFECYCLE, lifecycle_rules, settings
from headway_policies.subjects.examples import Examples, example

_case = Examples(BUCKET, {"bucket": "data-1"})
_old = Examples(BUCKETS[1], {"bucket": "data-1"})
_RULE = {"id": "old", "status": "Enabled", "noncurrentVersionExpiration": {"noncurrentDays": 90}}


def _beside(rules: object, bucket: object = "data-1") -> tuple[Resource, ...]:
    return (example(LIFECYCLE[0], {"bucket": bucket, "rules": rules}),)


RULE = Rule(
    id="HEADWAY-RET-002",
    slug="bucket-lifecycle",
    title="Buckets say how long what is in them stays",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=BUCKETS,
    reads=LIFECYCLE,
    why=(
        "What nobody throws away stays: deleted data lives on as an old version, half uploads cost money, "
        "and nobody can say when personal data is gone."
    ),
    fix="Declare an aws.s3.BucketLifecycleConfiguration with at least one enabled rule.",
    passes=(
        _case("an enabled rule", beside=_beside([_RULE])),
        _case("inline", {"lifecycleRules": [{"enabled": True, "expiration": {"days": 30}}]}),
        _old(
            "inline, in the older type",
            {"lifecycleRules": [{"enabled": True, "expirations": [{"days": 30}]}]},
        ),
    ),
    fails=(
        _case("nothing", says="lifecycle is nothing"),
        _case("an empty list of rules", beside=_beside([]), says="lifecycle is nothing"),
        _case("a disabled rule", beside=_beside([{**_RULE, "status": "Disabled"}]), says="lifecycle is"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("rules that are not known yet", beside=_beside(UNKNOWN), says="rules"),
        _case("rules for a bucket that is not known yet", beside=_beside([_RULE], UNKNOWN), says="bucket"),
    ),
    references=("https://docs.aws.amazon.com/config/latest/developerguide/s3-lifecycle-policy-check.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    found = settings(stack, LIFECYCLE)
    if not found.of(resource) and not resource.has("lifecycleRules"):
        yield from found.missing(resource, "lifecycle", "at least one enabled rule")
    elif not lifecycle_rules(resource, found):
        yield Finding(path="lifecycle", got=None, want="at least one enabled rule")
