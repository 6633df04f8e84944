"""S3: buckets and the configurations that pulumi-aws keeps as resources of their own."""

from __future__ import annotations

from headway_sandbox.provider.table import (
    Autoname,
    Call,
    Read,
    ResourceType,
    Session,
    Tagging,
)
from headway_sandbox.provider.values import Properties

_NO_BUCKET = frozenset({"NoSuchBucket", "404", "NotFound"})
_BUCKET = {"Bucket": "bucket"}
_DELETE_BATCH = 1000

# Deprecated blocks of the bucket itself: resources of their own replace them, the bucket only shows them.
_INLINE_BLOCKS = frozenset(
    {
        "accelerationStatus",
        "acl",
        "corsRules",
        "grants",
        "lifecycleRules",
        "logging",
        "objectLockConfiguration",
        "policy",
        "replicationConfiguration",
        "requestPayer",
        "serverSideEncryptionConfiguration",
        "versioning",
        "website",
        "bucketNamespace",
    }
)


def _empty_bucket(session: Session, state: Properties) -> None:
    """Removes every object and version from a bucket whose program allows that (``forceDestroy``)."""
    if state.get("forceDestroy") is not True:
        return
    bucket = {"Bucket": state["bucket"]}
    while True:
        listed = session.call("s3", "ListObjectVersions", {**bucket, "MaxKeys": _DELETE_BATCH})
        objects = [
            {"Key": item["Key"], "VersionId": item["VersionId"]}
            for kind in ("Versions", "DeleteMarkers")
            for item in listed.get(kind, [])
        ]
        if not objects:
            return
        session.call("s3", "DeleteObjects", {**bucket, "Delete": {"Objects": objects, "Quiet": True}})


BUCKET = ResourceType(
    pulumi_type="aws:s3/bucket:Bucket",
    service="s3",
    id=("bucket",),
    identity=_BUCKET,
    create=Call("CreateBucket"),
    reads=(Read("HeadBucket", absent=_NO_BUCKET),),
    delete=(Call("DeleteBucket"),),
    renames={"objectLockEnabled": "ObjectLockEnabledForBucket"},
    tagging=Tagging(
        "PutBucketTagging",
        "",
        identity=_BUCKET,
        read=Read("GetBucketTagging", identity=_BUCKET, absent=frozenset({"NoSuchTagSet"})),
        on_create=True,
        member="Tagging.TagSet",
        clear="DeleteBucketTagging",
    ),
    force_new=frozenset({"bucket", "bucketNamespace", "bucketPrefix", "objectLockEnabled"}),
    defaults={"forceDestroy": False},
    computed=_INLINE_BLOCKS | {"objectLockEnabled"},
    local=frozenset({"forceDestroy", "bucketPrefix"}),
    derived={
        "arn": "arn:{partition}:s3:::{bucket}",
        "bucketDomainName": "{bucket}.s3.amazonaws.com",
        "bucketRegion": "{region}",
        "bucketRegionalDomainName": "{bucket}.s3.{region}.amazonaws.com",
    },
    autoname=Autoname("bucket", max_length=63, lower=True),
    exclusive=(("bucket", "bucketPrefix"),),
    unsupported=_INLINE_BLOCKS,
    before_delete=_empty_bucket,
)

TYPES = (BUCKET,)
