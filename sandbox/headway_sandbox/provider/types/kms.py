"""KMS: keys and aliases."""

from __future__ import annotations

import operator

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.values import Properties

_ABSENT = frozenset({"NotFoundException"})

_KEY = {"KeyId": "keyId"}


def _target_arn(properties: Properties) -> Properties:
    """The alias's target as an ARN, from the ARN of the alias itself."""
    arn, target = properties.get("arn"), properties.get("targetKeyId")
    if not isinstance(arn, str) or target is None:
        return properties
    return {**properties, "targetKeyArn": f"{arn.rsplit(':', 1)[0]}:key/{target}"}


def _description(inputs: Properties) -> Properties:
    """A description that the program drops becomes an empty one."""
    return {"description": "", **{name: value for name, value in inputs.items() if value is not None}}


def _same_key(one: object, other: object) -> bool:
    """A key's id and its ARN name the same key."""
    return str(one).rsplit("/", 1)[-1] == str(other).rsplit("/", 1)[-1]


KEY = ResourceType(
    pulumi_type="aws:kms/key:Key",
    service="kms",
    id=("keyId",),
    identity=_KEY,
    create=Call("CreateKey"),
    reads=(
        Read(
            "DescribeKey",
            at="KeyMetadata",
            absent=_ABSENT,
            gone={"KeyState": frozenset({"PendingDeletion", "PendingReplicaDeletion"})},
        ),
        Read("GetKeyPolicy", constants={"PolicyName": "default"}, only=("policy",)),
        Read("GetKeyRotationStatus", only=("enableKeyRotation", "rotationPeriodInDays")),
    ),
    steps=(
        Step(("isEnabled",), Call("EnableKey"), when=bool, initial=True),
        Step(("enableKeyRotation", "rotationPeriodInDays"), Call("EnableKeyRotation"), when=bool),
        Step(("enableKeyRotation",), Call("DisableKeyRotation"), when=operator.not_, initial=False),
        Step(("description",), Call("UpdateKeyDescription", fold=_description), on_create=False),
        Step(
            ("policy", "bypassPolicyLockoutSafetyCheck"),
            Call("PutKeyPolicy", constants={"PolicyName": "default"}),
            on_create=False,
        ),
        # A disabled key cannot be changed, so it is disabled last.
        Step(("isEnabled",), Call("DisableKey"), when=operator.not_, initial=True),
    ),
    delete=(
        Call(
            "ScheduleKeyDeletion",
            only=("deletionWindowInDays",),
            ignore=frozenset({"KMSInvalidStateException"}),
        ),
    ),
    renames={
        "customerMasterKeySpec": "KeySpec",
        "isEnabled": "Enabled",
        "enableKeyRotation": "KeyRotationEnabled",
        "deletionWindowInDays": "PendingWindowInDays",
        "policy": "Policy",
        "bypassPolicyLockoutSafetyCheck": "BypassPolicyLockoutSafetyCheck",
    },
    tagging=Tagging("TagResource", "UntagResource", identity=_KEY, read="ListResourceTags"),
    force_new=frozenset({"customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"}),
    defaults={
        "bypassPolicyLockoutSafetyCheck": False,
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "enableKeyRotation": False,
        "isEnabled": True,
        "keyUsage": "ENCRYPT_DECRYPT",
    },
    computed=frozenset({"policy", "description", "multiRegion", "rotationPeriodInDays"}),
    json=frozenset({"policy"}),
    local=frozenset({"deletionWindowInDays", "bypassPolicyLockoutSafetyCheck"}),
)

ALIAS = ResourceType(
    pulumi_type="aws:kms/alias:Alias",
    service="kms",
    id=("name",),
    identity={"AliasName": "name"},
    create=Call("CreateAlias"),
    reads=(Read("ListAliases", at="Aliases", where={"AliasName": "name"}, identity={}),),
    steps=(Step(("targetKeyId",), Call("UpdateAlias"), on_create=False),),
    delete=(Call("DeleteAlias"),),
    renames={"name": "AliasName", "arn": "AliasArn"},
    force_new=frozenset({"name", "namePrefix"}),
    local=frozenset({"namePrefix"}),
    autoname=Autoname(max_length=238, prefix="alias/"),
    exclusive=(("name", "namePrefix"),),
    unfold=_target_arn,
    equivalent={"targetKeyId": _same_key},
)

TYPES = (KEY, ALIAS)
