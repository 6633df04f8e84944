"""The history of features about people goes after the declared time."""

from collections.abc import Mapping

from headway_policies.intent import PRODUCTION, DataClassification, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import BUCKET, BUCKETS, LIFECYCLE, VERSIONING, bucket_of
from headway_policies.subjects.erasure import FEATURE_GROUP, days_kept, is_about_people
from headway_policies.subjects.examples import example
from headway_policies.subjects.values import number

_URI = "offlineStoreConfig.s3StorageConfig.s3Uri"
_TAG = "headway:retention-days"
_PEOPLE = Intent(environment="prod", data_classification=DataClassification.RESTRICTED, personal_data=True)


def _case(
    title: str,
    days: object,
    *,
    declared: object = "30",
    says: str = "",
    prefix: str = "carriers-v1/",
    uri: object = "s3://features-1/carriers-v1",
    tags: Mapping[str, str] | None = None,
    intent: Intent = _PEOPLE,
) -> Case:
    rule = {"status": "Enabled", "filter": {"prefix": prefix}, "expiration": {"days": days}}
    held = {"headway:personal-data": "true", _TAG: declared} if tags is None else tags
    group = example(FEATURE_GROUP, {"offlineStoreConfig": {"s3StorageConfig": {"s3Uri": uri}}, "tags": held})
    bucket = example(BUCKET, {"bucket": "features-1"}, "bucket")
    lifecycle = example(LIFECYCLE[0], {"bucket": "features-1", "rules": [rule]}, "lifecycle")
    return Case(title=title, resources=(group, bucket, lifecycle), says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-RET-004",
    slug="features-expire",
    title="The history of features about people goes after the declared time",
    since="0.1",
    severity=Severity.HIGH,
    resources=(FEATURE_GROUP,),
    reads=(*BUCKETS, *LIFECYCLE, *VERSIONING),
    why=(
        "The online store forgets by itself; the history, from which every training set is made, does not. A "
        "time that is declared and not kept is worse than none."
    ),
    fix=f"Tag the group with `{_TAG}`, and let the bucket of its offline store expire its prefix within it.",
    passes=(
        _case("within the declared time", 30),
        _case("sooner, by a rule for all", 7, prefix=""),
        _case("data that the group alone calls personal", 30, intent=PRODUCTION),
    ),
    fails=(
        _case("no end", None, says="expiration is nothing"),
        _case("later than declared", 31, says="expiration is 31"),
        _case("no time declared", 30, declared="", says=f"tags {_TAG} is ''"),
        _case("zero days declared", 30, declared="0", says=f"tags {_TAG} is '0'"),
        _case("a rule for another group", 30, prefix="origins-v1/", says="expiration is nothing"),
    ),
    exempts=(
        _case("no data about people", None, tags={}, intent=PRODUCTION),
        _case("no history", None, uri=None),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("days that are not known yet", UNKNOWN, says="expiration"),
        _case("a bucket outside of the stack", 30, uri="s3://elsewhere/x", says=_URI),
        _case("a time that is not known yet", 30, declared=UNKNOWN, says=_TAG),
    ),
    references=("https://eur-lex.europa.eu/eli/reg/2016/679/oj#art_5",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_about_people(resource, intent):
        yield NotApplicable(reason="the features are not about people")
        return
    if not resource.has(_URI):
        yield NotApplicable(reason="the group keeps no history")
        return
    tags, bucket = resource.value("tags"), bucket_of(stack, resource, _URI)
    declared = tags.get(_TAG) if isinstance(tags, Mapping) else tags
    limit = number(declared) or 0
    if declared is UNKNOWN:
        yield Undecided(path=f"tags {_TAG}")
    elif limit <= 0:
        yield Finding(path=f"tags {_TAG}", got=declared, want="a number of days")
    elif bucket is None:
        yield Undecided(path=_URI)
    else:
        yield from _expires(resource, stack, bucket, limit)


def _expires(resource: Resource, stack: Stack, bucket: Resource, limit: float) -> Answers:
    uri = resource.value(_URI)
    prefix = uri.removeprefix("s3://").partition("/")[2] if isinstance(uri, str) else ""
    days, _ = days_kept(stack, bucket, prefix)
    kept = number(days)
    if days is UNKNOWN:
        yield Undecided(path="expiration", urn=bucket.urn)
    elif kept is None or kept > limit:
        want = f"at most {limit:g} days for {prefix or 'all of it'}"
        yield Finding(path="expiration", got=None if kept is None else int(kept), want=want, urn=bucket.urn)
