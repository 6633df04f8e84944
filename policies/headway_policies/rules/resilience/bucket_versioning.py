"""Buckets keep the versions of their objects."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import BUCKET, BUCKETS, VERSIONING, inline, settings
from headway_policies.subjects.examples import Examples, example
from headway_policies.subjects.values import truth

_case = Examples(BUCKET, {"bucket": "data-1"})
_old = Examples(BUCKETS[1], {"bucket": "data-1"})


def _beside(status: object, bucket: object = "data-1") -> tuple[Resource, ...]:
    return (example(VERSIONING[0], {"bucket": bucket, "versioningConfiguration": {"status": status}}),)


RULE = Rule(
    id="HEADWAY-BKP-001",
    slug="bucket-versioning",
    title="Buckets keep the versions of their objects",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=BUCKETS,
    reads=VERSIONING,
    why=(
        "Without versions an overwritten model or data set is gone: nobody can roll back to it, nor say what "
        "a model in production was trained on."
    ),
    fix='Declare an aws.s3.BucketVersioning with `status="Enabled"`.',
    passes=(
        _case("a setting of its own", beside=_beside("Enabled")),
        _case("inline", {"versioning": {"enabled": True}}),
        _old("inline, in the older type", {"versionings": [{"enabled": True}]}),
    ),
    fails=(
        _case("nothing", says="versioning is nothing"),
        _case("suspended", beside=_beside("Suspended"), says="status is 'Suspended'"),
        _case("inline and off", {"versioning": {"enabled": False}}, says="versioning.enabled is False"),
        _case("of another bucket", beside=_beside("Enabled", "other"), says="versioning is nothing"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a status that is not known yet", beside=_beside(UNKNOWN), says="status"),
        _case(
            "a setting for a bucket that is not known yet", beside=_beside("Enabled", UNKNOWN), says="bucket"
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-versioning-enabled.html",
    ),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    own = [(resource, path) for path in inline(resource, "versioning.enabled", "versionings[0].enabled")]
    found = settings(stack, VERSIONING)
    beside = [(setting, "versioningConfiguration.status") for setting in found.of(resource)]
    if not own and not beside:
        yield from found.missing(resource, "versioning", "Enabled")
    for setting, path in (*own, *beside):
        value = setting.value(path)
        if value is UNKNOWN:
            yield Undecided(path=path, urn=setting.urn)
        elif truth(value) is not True:
            yield Finding(path=path, got=value, want="Enabled", urn=setting.urn)
