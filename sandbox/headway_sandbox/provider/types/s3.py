"""S3: buckets, the configurations that pulumi-aws keeps as resources of their own, and objects."""

from __future__ import annotations

import base64

from headway_sandbox.provider.assets import body
from headway_sandbox.provider.table import (
    Autoname,
    Call,
    Read,
    ResourceType,
    Session,
    Step,
    Tagging,
)
from headway_sandbox.provider.types._s3_notification import notification, notification_blocks
from headway_sandbox.provider.values import Properties, Value

_NO_BUCKET = frozenset({"NoSuchBucket", "404", "NotFound"})
_BUCKET = {"Bucket": "bucket"}
_FIXED = frozenset({"bucket", "expectedBucketOwner"})
_DELETE_BATCH = 1000
_UNNAMED_REGION = "us-east-1"

# Deprecated blocks of the bucket itself: resources of their own replace them, the bucket only shows them.
_INLINE_BLOCKS = frozenset(
    {
        "accelerationStatus",
        "acl",
        "bucketNamespace",
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
    }
)


def _delete_versions(session: Session, bucket: str, prefix: str, key: str | None) -> None:
    """Deletes every version and marker below a prefix; of one key only, where it is given."""
    request = {"Bucket": bucket, "MaxKeys": _DELETE_BATCH, "Prefix": prefix}
    while True:
        listed = session.call("s3", "ListObjectVersions", request)
        objects = [
            {"Key": item["Key"], "VersionId": item["VersionId"]}
            for kind in ("Versions", "DeleteMarkers")
            for item in listed.get(kind, [])
            if key is None or item["Key"] == key
        ]
        if not objects:
            return
        deletion = {"Objects": objects, "Quiet": True}
        failed = session.call("s3", "DeleteObjects", {"Bucket": bucket, "Delete": deletion}).get("Errors")
        if failed:
            # What an object lock protects would be listed for ever; deleting the bucket then says why.
            return


def _empty_bucket(session: Session, state: Properties) -> None:
    if state.get("forceDestroy") is True:
        _delete_versions(session, state["bucket"], "", None)


def _delete_object_versions(session: Session, state: Properties) -> None:
    if state.get("versionId") is not None:
        _delete_versions(session, state["bucket"], state["key"], state["key"])


def _located(inputs: Properties) -> Properties:
    """Every region but us-east-1 must be named as the bucket's location."""
    if inputs["region"] == _UNNAMED_REGION:
        return inputs
    return {**inputs, "CreateBucketConfiguration": {"LocationConstraint": inputs["region"]}}


def _versioning(answer: Properties) -> Properties:
    """An answer without a status means that versioning was never switched on."""
    block = {"status": answer.get("Status", "Disabled"), "mfaDelete": answer.get("MFADelete")}
    return {"versioningConfiguration": {name: value for name, value in block.items() if value is not None}}


def _is_disabled(inputs: Properties) -> bool:
    """AWS has no call that makes a bucket unversioned: it is so from the start."""
    block: Properties = inputs.get("versioningConfiguration") or {}
    return block.get("status") == "Disabled"


def _filters(inputs: Properties) -> Properties:
    """Every rule needs a filter or the deprecated prefix; none of them means all objects."""
    rules = [
        rule if rule.get("filter") is not None or rule.get("prefix") is not None else {**rule, "filter": {}}
        for rule in inputs.get("rules") or []
    ]
    return {**inputs, "rules": rules}


def _object_body(inputs: Properties) -> Properties:
    """The bytes to upload; none at all is an empty object."""
    content: Value = b""
    if inputs.get("source") is not None:
        content = body(inputs["source"])
    elif inputs.get("contentBase64") is not None:
        content = base64.b64decode(inputs["contentBase64"])
    elif inputs.get("content") is not None:
        content = inputs["content"].encode()
    kept = {
        name: value for name, value in inputs.items() if name not in {"source", "content", "contentBase64"}
    }
    return {**kept, "Body": content}


def _object_head(answer: Properties) -> Properties:
    return {
        **answer,
        "etag": str(answer.get("ETag", "")).strip('"'),
        "storageClass": answer.get("StorageClass", "STANDARD"),
    }


def _satellite(name: str, suffix: str, **differences: Value) -> ResourceType:
    """A configuration of a bucket that pulumi-aws keeps as a resource whose id is the bucket's name."""
    token = f"aws:s3/{name}:{suffix}"
    fixed = {
        "pulumi_type": token,
        "service": "s3",
        "id": ("bucket",),
        "identity": _BUCKET,
        "force_new": _FIXED,
    }
    return ResourceType(**{**fixed, **differences})


BUCKET = ResourceType(
    pulumi_type="aws:s3/bucket:Bucket",
    service="s3",
    id=("bucket",),
    identity=_BUCKET,
    create=Call("CreateBucket", fold=_located),
    reads=(
        Read("HeadBucket", absent=_NO_BUCKET, only=()),
        Read(
            "GetObjectLockConfiguration",
            absent=_NO_BUCKET | {"ObjectLockConfigurationNotFoundError"},
            only=("objectLockEnabled",),
            unfold=lambda _answer: {"objectLockEnabled": True},
        ),
    ),
    delete=(Call("DeleteBucket"),),
    renames={"objectLockEnabled": "ObjectLockEnabledForBucket"},
    tagging=Tagging(
        "PutBucketTagging",
        "",
        identity=_BUCKET,
        read="GetBucketTagging",
        absent=frozenset({"NoSuchTagSet"}),
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

_ENCRYPTION = Call("PutBucketEncryption")
SERVER_SIDE_ENCRYPTION = _satellite(
    "bucketServerSideEncryptionConfiguration",
    "BucketServerSideEncryptionConfiguration",
    create=_ENCRYPTION,
    reads=(
        Read("GetBucketEncryption", absent=_NO_BUCKET | {"ServerSideEncryptionConfigurationNotFoundError"}),
    ),
    steps=(Step(("rules",), _ENCRYPTION, on_create=False),),
    delete=(Call("DeleteBucketEncryption"),),
    renames={"rules": "ServerSideEncryptionConfiguration.Rules"},
    computed=frozenset({"rules[].blockedEncryptionTypes"}),
    local=frozenset({"expectedBucketOwner"}),
)

_ACCESS_BLOCK = Call("PutPublicAccessBlock", at="PublicAccessBlockConfiguration")
_ACCESS_FLAGS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
PUBLIC_ACCESS_BLOCK = _satellite(
    "bucketPublicAccessBlock",
    "BucketPublicAccessBlock",
    create=_ACCESS_BLOCK,
    reads=(
        Read(
            "GetPublicAccessBlock",
            at="PublicAccessBlockConfiguration",
            absent=_NO_BUCKET | {"NoSuchPublicAccessBlockConfiguration"},
        ),
    ),
    steps=(Step(_ACCESS_FLAGS, _ACCESS_BLOCK, on_create=False),),
    delete=(Call("DeletePublicAccessBlock"),),
    defaults=dict.fromkeys(_ACCESS_FLAGS, False),
    local=frozenset({"skipDestroy"}),
    keep=lambda state: state.get("skipDestroy") is True,
)

_VERSIONING = Call("PutBucketVersioning", skip=_is_disabled)
VERSIONING = _satellite(
    "bucketVersioning",
    "BucketVersioning",
    create=_VERSIONING,
    reads=(Read("GetBucketVersioning", absent=_NO_BUCKET, unfold=_versioning),),
    steps=(Step(("versioningConfiguration", "mfa"), _VERSIONING, on_create=False),),
    delete=(
        Call(
            "PutBucketVersioning",
            constants={"VersioningConfiguration": {"Status": "Suspended"}},
            # Versioning of a bucket with object lock cannot be suspended; the bucket goes away as a whole.
            ignore=frozenset({"InvalidBucketState"}),
            skip=_is_disabled,
        ),
    ),
    computed=frozenset({"versioningConfiguration.mfaDelete"}),
    write_only=frozenset({"mfa"}),
    local=frozenset({"expectedBucketOwner"}),
)

_LIFECYCLE = Call("PutBucketLifecycleConfiguration", fold=_filters)
LIFECYCLE = _satellite(
    "bucketLifecycleConfiguration",
    "BucketLifecycleConfiguration",
    create=_LIFECYCLE,
    reads=(Read("GetBucketLifecycleConfiguration", absent=_NO_BUCKET | {"NoSuchLifecycleConfiguration"}),),
    steps=(Step(("rules", "transitionDefaultMinimumObjectSize"), _LIFECYCLE, on_create=False),),
    delete=(Call("DeleteBucketLifecycle"),),
    renames={"rules": "LifecycleConfiguration.Rules"},
    computed=frozenset({"transitionDefaultMinimumObjectSize"}),
    local=frozenset({"expectedBucketOwner", "timeouts"}),
)

_OWNERSHIP = Call("PutBucketOwnershipControls")
OWNERSHIP = _satellite(
    "bucketOwnershipControls",
    "BucketOwnershipControls",
    create=_OWNERSHIP,
    reads=(Read("GetBucketOwnershipControls", absent=_NO_BUCKET | {"OwnershipControlsNotFoundError"}),),
    steps=(Step(("rule",), _OWNERSHIP, on_create=False),),
    delete=(Call("DeleteBucketOwnershipControls"),),
    renames={"rule": "OwnershipControls.Rules"},
)

POLICY = _satellite(
    "bucketPolicy",
    "BucketPolicy",
    create=Call("PutBucketPolicy"),
    reads=(Read("GetBucketPolicy", absent=_NO_BUCKET | {"NoSuchBucketPolicy"}),),
    steps=(Step(("policy",), Call("PutBucketPolicy"), on_create=False),),
    delete=(Call("DeleteBucketPolicy"),),
    json=frozenset({"policy"}),
)

_LOGGING = Call("PutBucketLogging", at="BucketLoggingStatus.LoggingEnabled")
LOGGING = _satellite(
    "bucketLogging",
    "BucketLogging",
    create=_LOGGING,
    reads=(Read("GetBucketLogging", at="LoggingEnabled", absent=_NO_BUCKET),),
    steps=(
        Step(
            ("targetBucket", "targetPrefix", "targetGrants", "targetObjectKeyFormat"),
            _LOGGING,
            on_create=False,
        ),
    ),
    delete=(Call("PutBucketLogging", constants={"BucketLoggingStatus": {}}),),
    sets=frozenset({"targetGrants"}),
    local=frozenset({"expectedBucketOwner"}),
)

_NOTIFICATION = Call("PutBucketNotificationConfiguration", fold=notification)
NOTIFICATION = _satellite(
    "bucketNotification",
    "BucketNotification",
    create=_NOTIFICATION,
    reads=(Read("GetBucketNotificationConfiguration", absent=_NO_BUCKET, unfold=notification_blocks),),
    steps=(Step((), _NOTIFICATION, on_create=False),),
    delete=(Call("PutBucketNotificationConfiguration", constants={"NotificationConfiguration": {}}),),
    defaults={"eventbridge": False},
    folded=frozenset({"eventbridge", "lambdaFunctions", "queues", "topics"}),
    computed=frozenset({"lambdaFunctions[].id", "queues[].id", "topics[].id"}),
    sets=frozenset({"lambdaFunctions[].events", "queues[].events", "topics[].events"}),
)

_OBJECT_LOCK = Call("PutObjectLockConfiguration")
OBJECT_LOCK = _satellite(
    "bucketObjectLockConfiguration",
    "BucketObjectLockConfiguration",
    create=_OBJECT_LOCK,
    reads=(
        Read(
            "GetObjectLockConfiguration",
            absent=_NO_BUCKET | {"ObjectLockConfigurationNotFoundError"},
        ),
    ),
    steps=(Step(("objectLockEnabled", "rule", "token"), _OBJECT_LOCK, on_create=False),),
    delete=(
        Call(
            "PutObjectLockConfiguration",
            constants={"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}},
        ),
    ),
    renames={
        "objectLockEnabled": "ObjectLockConfiguration.ObjectLockEnabled",
        "rule": "ObjectLockConfiguration.Rule",
    },
    force_new=_FIXED | {"objectLockEnabled"},
    defaults={"objectLockEnabled": "Enabled"},
    write_only=frozenset({"token"}),
    local=frozenset({"expectedBucketOwner"}),
)

_OBJECT = {"Bucket": "bucket", "Key": "key"}
OBJECT = ResourceType(
    pulumi_type="aws:s3/bucketObjectv2:BucketObjectv2",
    service="s3",
    id=("bucket", "key"),
    id_separator="/",
    identity=_OBJECT,
    create=Call("PutObject", fold=_object_body),
    reads=(Read("HeadObject", absent=_NO_BUCKET | {"NoSuchKey"}, unfold=_object_head),),
    steps=(Step((), Call("PutObject", fold=_object_body), on_create=False),),
    delete=(Call("DeleteObject"),),
    renames={"kmsKeyId": "SSEKMSKeyId", "websiteRedirect": "WebsiteRedirectLocation"},
    tagging=Tagging(
        "PutObjectTagging",
        "",
        identity=_OBJECT,
        read="GetObjectTagging",
        on_create=True,
        member="Tagging.TagSet",
        clear="DeleteObjectTagging",
    ),
    force_new=frozenset({"bucket", "key"}),
    defaults={"forceDestroy": False},
    computed=frozenset(
        {
            "acl",
            "bucketKeyEnabled",
            "contentType",
            "etag",
            "kmsKeyId",
            "objectLockLegalHoldStatus",
            "objectLockMode",
            "objectLockRetainUntilDate",
            "serverSideEncryption",
            "storageClass",
        }
    ),
    local=frozenset({"forceDestroy", "sourceHash"}),
    write_only=frozenset({"acl", "content", "contentBase64", "source", "checksumAlgorithm"}),
    fingerprints={"etag": ("source", "content", "contentBase64")},
    derived={"arn": "arn:{partition}:s3:::{bucket}/{key}"},
    volatile=frozenset({"etag", "versionId", "checksumSha256", "checksumCrc32", "checksumCrc64nvme"}),
    autoname=Autoname("key", max_length=None, random=False),
    exclusive=(("source", "content", "contentBase64"),),
    folded=frozenset({"content", "contentBase64", "etag", "source"}),
    unsupported=frozenset({"overrideProvider"}),
    before_delete=_delete_object_versions,
)

TYPES = (
    BUCKET,
    SERVER_SIDE_ENCRYPTION,
    PUBLIC_ACCESS_BLOCK,
    VERSIONING,
    LIFECYCLE,
    OWNERSHIP,
    POLICY,
    LOGGING,
    NOTIFICATION,
    OBJECT_LOCK,
    OBJECT,
)
