"""Secrets Manager: secrets, apart from their values."""

from __future__ import annotations

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.values import Properties

_ABSENT = frozenset({"ResourceNotFoundException"})
_SECRET = {"SecretId": "arn"}


def _described(inputs: Properties) -> Properties:
    """A description that the program drops becomes an empty one."""
    return {"description": "", **{name: value for name, value in inputs.items() if value is not None}}


def _recovery(state: Properties) -> Properties:
    """A window of no days deletes at once."""
    days = state.get("recoveryWindowInDays")
    return (
        {**state, "ForceDeleteWithoutRecovery": True}
        if days == 0
        else {**state, "RecoveryWindowInDays": days}
    )


SECRET = ResourceType(
    pulumi_type="aws:secretsmanager/secret:Secret",
    service="secretsmanager",
    id=("arn",),
    identity=_SECRET,
    create=Call("CreateSecret"),
    reads=(
        # A secret that waits for its deletion is gone.
        Read("DescribeSecret", absent=_ABSENT, match=lambda secret: secret.get("DeletedDate") is None),
        Read("GetResourcePolicy", absent=_ABSENT, only=("policy",)),
    ),
    listing=Read("ListSecrets", at="SecretList", where={"ARN": "arn"}),
    steps=(
        Step(("description", "kmsKeyId"), Call("UpdateSecret", fold=_described), on_create=False),
        Step(("policy",), Call("PutResourcePolicy"), Call("DeleteResourcePolicy")),
    ),
    delete=(Call("DeleteSecret", only=(), fold=_recovery),),
    renames={"arn": "ARN", "policy": "ResourcePolicy"},
    tagging=Tagging("TagResource", "UntagResource", identity=_SECRET),
    force_new=frozenset({"name", "namePrefix", "type"}),
    defaults={"forceOverwriteReplicaSecret": False, "recoveryWindowInDays": 30},
    computed=frozenset({"policy", "replicas", "type"}),
    json=frozenset({"policy"}),
    local=frozenset({"namePrefix", "recoveryWindowInDays", "forceOverwriteReplicaSecret"}),
    forgotten=frozenset({"type"}),
    autoname=Autoname(max_length=255),
    exclusive=(("name", "namePrefix"),),
    unsupported=frozenset({"replicas"}),
)

TYPES = (SECRET,)
