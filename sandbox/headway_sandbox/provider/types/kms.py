"""KMS: keys and aliases."""

from __future__ import annotations

import json
import operator

from headway_sandbox.provider.aws import AwsError
from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Session, Step, Tagging
from headway_sandbox.provider.values import Properties

_ABSENT = frozenset({"NotFoundException"})
_DYING = frozenset({"PendingDeletion", "PendingReplicaDeletion"})

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
            gone={"KeyState": _DYING},
        ),
        Read("GetKeyPolicy", constants={"PolicyName": "default"}, only=("policy",)),
        Read("GetKeyRotationStatus", only=("enableKeyRotation", "rotationPeriodInDays")),
    ),
    listing=Read("ListKeys", at="Keys", where={"KeyId": "keyId"}),
    recognised=frozenset({"description"}),
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


def _owner_policy(known: Properties) -> Properties:
    """What a key has without a policy of one's own: the account may do everything."""
    arn = known["arn"].split(":")
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{arn[1]}:iam::{arn[4]}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    document = {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
    return {"Policy": json.dumps(document)}


class _KeyPolicy:
    """The policy of a key: it changes and goes back to the account's, but is never gone."""

    def create(self, session: Session, inputs: Properties) -> Properties:
        """Gives the key the policy."""
        request = {
            "KeyId": inputs["keyId"],
            "PolicyName": "default",
            "Policy": inputs["policy"],
            "BypassPolicyLockoutSafetyCheck": inputs.get("bypassPolicyLockoutSafetyCheck") is True,
        }
        session.call("kms", "PutKeyPolicy", request)
        return dict(inputs)

    def read(self, session: Session, state: Properties) -> Properties | None:
        """The key's policy, or None when the key is gone or waits for its deletion."""
        key = _described_key(session, state["keyId"])
        if key is None:
            return None
        found = session.call("kms", "GetKeyPolicy", {"KeyId": key["KeyId"], "PolicyName": "default"})
        return {"keyId": key["KeyId"], "policy": found["Policy"]}

    def update(
        self,
        session: Session,
        state: Properties,  # noqa: ARG002 - the handlers' protocol
        inputs: Properties,
    ) -> Properties:
        """Gives the key another policy."""
        return self.create(session, inputs)

    def delete(self, session: Session, state: Properties) -> None:
        """Gives the key the account's own policy back, as long as there is the key."""
        key = _described_key(session, state["keyId"])
        if key is None or state.get("bypassPolicyLockoutSafetyCheck") is True:
            return
        request = {"KeyId": key["KeyId"], "PolicyName": "default", **_owner_policy({"arn": key["Arn"]})}
        session.call("kms", "PutKeyPolicy", request)


def _described_key(session: Session, key_id: str) -> Properties | None:
    try:
        key: Properties = session.call("kms", "DescribeKey", {"KeyId": key_id})["KeyMetadata"]
    except AwsError as error:
        if error.code in _ABSENT:
            return None
        raise
    return None if key["KeyState"] in _DYING else key


KEY_POLICY = ResourceType(
    pulumi_type="aws:kms/keyPolicy:KeyPolicy",
    service="kms",
    id=("keyId",),
    handler=_KeyPolicy(),
    # The provider for AWS says that a change of the key is made in place, and leaves the old key's policy.
    force_new=frozenset({"keyId"}),
    defaults={"bypassPolicyLockoutSafetyCheck": False},
    json=frozenset({"policy"}),
    local=frozenset({"bypassPolicyLockoutSafetyCheck"}),
    equivalent={"keyId": _same_key},
)

TYPES = (KEY, ALIAS, KEY_POLICY)
