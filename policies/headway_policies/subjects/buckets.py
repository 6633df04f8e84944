"""Buckets with the settings that belong to them, in every spelling of pulumi-aws 5, 6 and 7."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from headway_policies.outcome import Finding, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers
from headway_policies.stack_graph import Stack
from headway_policies.subjects.once import once
from headway_policies.subjects.values import truth

BUCKET = "aws:s3/bucket:Bucket"
BUCKETS = (BUCKET, "aws:s3/bucketV2:BucketV2")


def setting_types(word: str) -> tuple[str, str]:
    """The two tokens of a bucket's setting: `bucketVersioning` and the older `bucketVersioningV2`."""
    kind = word[:1].upper() + word[1:]
    return (f"aws:s3/{word}:{kind}", f"aws:s3/{word}V2:{kind}V2")


ENCRYPTION = setting_types("bucketServerSideEncryptionConfiguration")
VERSIONING = setting_types("bucketVersioning")
LIFECYCLE = setting_types("bucketLifecycleConfiguration")
LOCK = setting_types("bucketObjectLockConfiguration")
LOGGING = setting_types("bucketLogging")
POLICY = ("aws:s3/bucketPolicy:BucketPolicy",)


@dataclass(frozen=True)
class Settings:
    """The settings of one kind in a stack.

    Args:
        by_bucket: Those of each bucket, by its URN.
        loose: Those for a bucket that is not known yet.
    """

    by_bucket: Mapping[str, tuple[Resource, ...]]
    loose: tuple[Resource, ...]

    def of(self, bucket: Resource) -> tuple[Resource, ...]:
        """The settings of a bucket."""
        return self.by_bucket.get(bucket.urn, ())

    def missing(self, bucket: Resource, what: str, want: str) -> Answers:
        """What to answer where a bucket has no such setting: one not known yet may be its own."""
        if self.loose:
            yield Undecided(path="bucket", urn=self.loose[0].urn)
        else:
            yield Finding(path=what, got=None, want=want, urn=bucket.urn)


def settings(stack: Stack, types: tuple[str, ...]) -> Settings:
    """The settings of the given types, by the bucket that they name."""
    return once(stack, ("settings", types), lambda: _settings(stack, types))


def _settings(stack: Stack, types: tuple[str, ...]) -> Settings:
    found: dict[str, list[Resource]] = defaultdict(list)
    loose: list[Resource] = []
    for setting in stack.of_type(*types):
        buckets = stack.referenced(setting, "bucket", *BUCKETS)
        for bucket in buckets:
            found[bucket.urn].append(setting)
        if not buckets and setting.value("bucket") is UNKNOWN:
            loose.append(setting)
    return Settings({urn: tuple(items) for urn, items in found.items()}, tuple(loose))


def inline(bucket: Resource, *paths: str) -> tuple[str, ...]:
    """The paths, among those of the older inline spellings, at which a bucket declares something."""
    return tuple(path for path in paths if bucket.has(path))


def bucket_of(stack: Stack, resource: Resource, path: str) -> Resource | None:
    """The bucket of this stack that a URI like `s3://bucket/prefix`, a name or an ARN at a path names."""
    for bucket in stack.referenced(resource, path, *BUCKETS):
        return bucket
    value = resource.value(path)
    if not isinstance(value, str):
        return None
    name = bucket_name(value)
    return next((bucket for bucket in stack.of_type(*BUCKETS) if name in names(bucket)), None)


def bucket_name(uri: str) -> str:
    """The bucket in `s3://bucket/prefix` or `arn:aws:s3:::bucket/prefix`; the text itself elsewhere."""
    return uri.removeprefix("s3://").rpartition(":::")[2].partition("/")[0]


def names(bucket: Resource) -> frozenset[str]:
    """The known names of a bucket."""
    values = (bucket.value("bucket"), bucket.value("id"))
    return frozenset(value for value in values if isinstance(value, str) and value)


def is_called(bucket: Resource, words: tuple[str, ...]) -> bool:
    """Whether a bucket's name in the program or on AWS holds one of the given words."""
    return any(word in text.lower() for text in (bucket.name, *names(bucket)) for word in words)


def policies_of(bucket: Resource, found: Settings) -> tuple[tuple[Resource, object], ...]:
    """The policy documents of a bucket, each with the resource that declares it; `UNKNOWN` for one not known.

    Args:
        bucket: The bucket.
        found: The bucket policies of the stack.

    Raises:
        NotJsonError: One is text that is not JSON.
    """
    owners = ([bucket] if bucket.has("policy") else []) + list(found.of(bucket))
    documents = []
    for owner in owners:
        value = owner.value("policy")
        documents.append((owner, UNKNOWN if value is UNKNOWN else owner.json("policy")))
    return tuple(documents)


@dataclass(frozen=True, kw_only=True)
class LifecycleRule:
    """One enabled rule of a bucket's lifecycle.

    Args:
        prefix: The beginning of the keys that it is about; empty for all.
        days: Days after which the current version goes; None where it stays, `UNKNOWN` where not known yet.
        old_days: Days after which an overwritten or deleted version goes; as `days`.
        is_partial: Whether it is about objects of a tag or size only.
    """

    prefix: object
    days: object
    old_days: object
    is_partial: bool


def lifecycle_rules(bucket: Resource, found: Settings) -> tuple[LifecycleRule, ...]:
    """The enabled rules of a bucket, from its own lifecycle configuration or inline.

    Raises:
        NotKnownError: The rules are not known yet.
    """
    rules = []
    for owner, root in ((bucket, "lifecycleRules"), *((setting, "rules") for setting in found.of(bucket))):
        for path in owner.items(root):
            enabled = owner.value(f"{path}.status"), owner.value(f"{path}.enabled")
            if "Enabled" in enabled or True in enabled:
                rules.append(_lifecycle_rule(owner, path))
    return tuple(rules)


def _lifecycle_rule(owner: Resource, path: str) -> LifecycleRule:
    partial = (
        "filter.tag",
        "filter.and.tags",
        "filter.objectSizeGreaterThan",
        "filter.objectSizeLessThan",
        "tags",
    )
    prefix = _first(owner, path, "filter.prefix", "filter.and.prefix", "prefix")
    return LifecycleRule(
        prefix="" if prefix is None else prefix,
        days=_first(owner, path, "expiration.days", "expirations[0].days", "expiration[0].days"),
        old_days=_first(
            *(owner, path, "noncurrentVersionExpiration.noncurrentDays"),
            *("noncurrentVersionExpirations[0].noncurrentDays", "noncurrentVersionExpiration.days"),
        ),
        is_partial=any(owner.value(f"{path}.{each}") for each in partial),
    )


def _first(owner: Resource, path: str, *names: str) -> object:
    """The first value that is set among those of an entry."""
    values = (owner.value(f"{path}.{name}") for name in names)
    return next((value for value in values if value is not None), None)


def keeps_versions(stack: Stack, bucket: Resource) -> bool:
    """Whether a bucket may keep what is overwritten or deleted: it is on, or that is not known yet."""
    own = inline(bucket, "versioning.enabled", "versionings[0].enabled")
    beside = [
        setting.value("versioningConfiguration.status") for setting in settings(stack, VERSIONING).of(bucket)
    ]
    return any(value is UNKNOWN or truth(value) is True for value in (*map(bucket.value, own), *beside))


def is_locked(stack: Stack, bucket: Resource) -> bool:
    """Whether what is written to a bucket cannot be deleted for a while."""
    own = inline(
        bucket,
        "objectLockConfiguration.rule.defaultRetention",
        "objectLockConfiguration.rules[0].defaultRetentions[0]",
    )
    return bool(own) or any(each.has("rule.defaultRetention") for each in settings(stack, LOCK).of(bucket))
