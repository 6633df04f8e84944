"""What is erased about people is gone."""

from headway_policies.intent import PRODUCTION, DataClassification, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import (
    BUCKET,
    BUCKETS,
    LIFECYCLE,
    LOCK,
    VERSIONING,
    bucket_of,
    is_locked,
)
from headway_policies.subjects.endpoints import CONFIGURATION
from headway_policies.subjects.erasure import FEATURE_GROUP, days_kept, is_about_people, may, objects
from headway_policies.subjects.examples import ACCOUNT, REGION, allowing, example
from headway_policies.subjects.policies import IDENTITY_POLICIES, ROLE_POLICY
from headway_policies.subjects.values import number, plain, truth

_WITHIN_DAYS = 30
"""A month is what article 12(3) of the GDPR gives for an answer to a request."""
_PLACES = {
    CONFIGURATION: "dataCaptureConfig.destinationS3Uri",
    FEATURE_GROUP: "offlineStoreConfig.s3StorageConfig.s3Uri",
}
_ONLINE = "onlineStoreConfig"
_UNIT_DAYS = {"Seconds": 1 / 86_400, "Minutes": 1 / 1_440, "Hours": 1 / 24, "Days": 1, "Weeks": 7}
_PEOPLE = Intent(environment="prod", data_classification=DataClassification.RESTRICTED, personal_data=True)

_CAPTURED = example(
    CONFIGURATION, {"dataCaptureConfig": {"enableCapture": True, "destinationS3Uri": "s3://people-1/flights"}}
)
_BUCKET = example(BUCKET, {"bucket": "people-1"}, "bucket")
_VERSIONED = example(
    VERSIONING[0], {"bucket": "people-1", "versioningConfiguration": {"status": "Enabled"}}, "versions"
)
_LOCKED = example(
    LOCK[0], {"bucket": "people-1", "rule": {"defaultRetention": {"mode": "COMPLIANCE", "days": 1}}}, "lock"
)
_ERASER = example(
    ROLE_POLICY,
    allowing(Action=["s3:DeleteObject", "s3:DeleteObjectVersion"], Resource="arn:aws:s3:::people-1/*"),
    "eraser",
)
_GROUP_ARN = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:feature-group/people"


def _kept(days: object, old_days: object = None) -> Resource:
    rule = {
        "status": "Enabled",
        "filter": {"prefix": ""},
        "expiration": {"days": days},
        "noncurrentVersionExpiration": {"noncurrentDays": old_days},
    }
    return example(LIFECYCLE[0], {"bucket": "people-1", "rules": [rule]}, "lifecycle")


def _case(
    title: str, *others: Resource, says: str = "", it: Resource = _CAPTURED, intent: Intent = _PEOPLE
) -> Case:
    return Case(title=title, resources=(it, _BUCKET, *others), says=says, intent=intent)


def _group(ttl: object = None, offline: bool = False) -> Resource:
    store = {"s3StorageConfig": {"s3Uri": "s3://people-1/offline"}}
    online = {"enableOnlineStore": True, "ttlDuration": {"unit": "Days", "value": ttl}}
    more = {"offlineStoreConfig": store} if offline else {}
    return example(FEATURE_GROUP, {"name": "people", "arn": _GROUP_ARN, _ONLINE: online, **more})


def _forgets(resource: str = _GROUP_ARN) -> Resource:
    return example(ROLE_POLICY, allowing(Action="sagemaker:Delete*", Resource=resource), "forgets")


RULE = Rule(
    id="HEADWAY-PRV-004",
    slug="people-erased",
    title="What is erased about people is gone, in every store",
    since="0.1",
    severity=Severity.HIGH,
    resources=tuple(_PLACES),
    reads=(*BUCKETS, *LIFECYCLE, *VERSIONING, *LOCK, *IDENTITY_POLICIES),
    why=(
        "A request to be forgotten has to be answered within a month. A store that nobody may delete from, "
        "that is locked or that keeps what is deleted as an old version makes the answer untrue."
    ),
    fix=(
        f"Let what is stored expire within {_WITHIN_DAYS} days, or allow one role of the stack to erase it; "
        "let old versions expire, and keep data about people out of locked buckets."
    ),
    passes=(
        _case("it goes by itself within a month", _kept(14)),
        _case("a role may delete it", _kept(90), _ERASER),
        _case("a role may delete it, and old versions go", _kept(None, 7), _VERSIONED, _ERASER),
        _case("features that live for a week", it=_group(7)),
        _case("features that a role may delete, by a pattern", _forgets(), it=_group()),
    ),
    fails=(
        _case("nobody may delete it", _kept(90), says="erasure is '90 days'"),
        _case("kept for ever", says="erasure is nothing"),
        _case(
            "a role that may delete elsewhere", _kept(90), _forgets("arn:aws:s3:::other/*"), says="erasure"
        ),
        _case("old versions that stay", _kept(14), _VERSIONED, says="old versions is nothing"),
        _case(
            "a week, and then a month as an old version",
            _kept(7, 30),
            _VERSIONED,
            says="erasure is '37 days'",
        ),
        _case("a locked bucket", _kept(14), _LOCKED, says="object lock is 'on'"),
        _case("features without an end that nobody may delete", it=_group(), says="erasure is nothing"),
        _case(
            "features whose history nobody may delete", it=_group(7, offline=True), says="erasure is nothing"
        ),
    ),
    exempts=(
        _case("no data about people", intent=PRODUCTION),
        _case("no capture", it=example(CONFIGURATION, {})),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("days that are not known yet", _kept(UNKNOWN), says="expiration"),
        _case(
            "a policy that is not known yet",
            _kept(90),
            example(ROLE_POLICY, {"policy": UNKNOWN}),
            says="erasure",
        ),
        _case(
            "a bucket outside of the stack",
            it=example(CONFIGURATION, {"dataCaptureConfig": {"destinationS3Uri": "s3://elsewhere/flights"}}),
            says="destinationS3Uri",
        ),
    ),
    references=(
        "https://eur-lex.europa.eu/eli/reg/2016/679/oj#art_17",
        "https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-delete-records-offline-store.html",
    ),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_about_people(resource, intent):
        yield NotApplicable(reason="it is not declared to be about people")
        return
    path, kept = _PLACES[resource.type], False
    captures = truth(resource.value("dataCaptureConfig.enableCapture")) is not False
    if resource.has(path) and captures:
        kept = True
        yield from _stored(resource, path, stack)
    if resource.value(_ONLINE) and truth(resource.value(f"{_ONLINE}.enableOnlineStore")) is not False:
        kept = True
        yield from _online(resource, stack)
    if not kept:
        yield NotApplicable(reason="it keeps nothing")


def _stored(resource: Resource, path: str, stack: Stack) -> Answers:
    bucket, uri = bucket_of(stack, resource, path), resource.value(path)
    if bucket is None:
        yield Undecided(path=path)
        return
    prefix = uri.removeprefix("s3://").partition("/")[2] if isinstance(uri, str) else ""
    days, old_days = days_kept(stack, bucket, prefix)
    if is_locked(stack, bucket):
        yield Finding(path="object lock", got="on", want="a bucket that lets go", urn=bucket.urn)
    if old_days is None:
        yield Finding(path="expiration of old versions", got=None, want="a number of days", urn=bucket.urn)
    first, second = number(days), number(old_days)
    total = None if first is None or second is None else first + second
    if total is not None and total <= _WITHIN_DAYS:
        return
    allowed = may(stack, "s3:DeleteObject", bucket, objects(bucket, prefix))
    if allowed is None:
        yield Undecided(path="erasure", urn=bucket.urn)
    elif not allowed and UNKNOWN in (days, old_days):
        yield Undecided(path="expiration", urn=bucket.urn)
    elif not allowed:
        got = None if total is None else f"{total:g} days"
        want = f"at most {_WITHIN_DAYS} days, or a role that may delete"
        yield Finding(path="erasure", got=got, want=want, urn=bucket.urn)


def _online(resource: Resource, stack: Stack) -> Answers:
    value, unit = (
        resource.value(f"{_ONLINE}.ttlDuration.value"),
        resource.value(f"{_ONLINE}.ttlDuration.unit"),
    )
    days = (number(value) or 0) * _UNIT_DAYS.get(str(plain(unit)), 1)
    if 0 < days <= _WITHIN_DAYS:
        return
    arn = resource.value("arn")
    arns = (
        (arn,) if isinstance(arn, str) else (f"arn:aws:sagemaker:::feature-group/{resource.value('name')}",)
    )
    allowed = may(stack, "sagemaker:DeleteRecord", resource, arns)
    if allowed is None or (not allowed and value is UNKNOWN):
        yield Undecided(path=f"erasure {_ONLINE}.ttlDuration")
    elif not allowed:
        got = f"{days:g} days" if days else None
        yield Finding(path="erasure", got=got, want=f"at most {_WITHIN_DAYS} days, or a role that may delete")
