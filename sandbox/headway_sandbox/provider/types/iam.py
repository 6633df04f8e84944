"""IAM: roles, inline and managed policies and their attachment."""

from __future__ import annotations

import json
from urllib.parse import unquote

from headway_sandbox.provider.table import (
    Autoname,
    Call,
    Read,
    ResourceType,
    Session,
    Step,
    Tagging,
)
from headway_sandbox.provider.values import Properties

_ABSENT = frozenset({"NoSuchEntity", "NoSuchEntityException"})
_DOCUMENTS = ("AssumeRolePolicyDocument", "PolicyDocument", "Document")
_MOST_VERSIONS = 5
"""Versions that IAM keeps of a managed policy; it takes no further one."""


def _decoded(response: Properties) -> Properties:
    """IAM answers with URL-encoded documents, of which botocore decodes some into objects."""
    decoded = dict(response)
    for name in _DOCUMENTS:
        value = decoded.get(name)
        if isinstance(value, str) and value.startswith("%7B"):
            decoded[name] = unquote(value)
        elif isinstance(value, dict):
            decoded[name] = json.dumps(value)
    boundary = decoded.get("PermissionsBoundary")
    if isinstance(boundary, dict):
        decoded["PermissionsBoundary"] = boundary.get("PermissionsBoundaryArn")
    return decoded


def _trust(inputs: Properties) -> Properties:
    """The one operation that calls the trust policy by another name."""
    return {"PolicyDocument": inputs["assumeRolePolicy"]}


def _empty_role(session: Session, state: Properties) -> None:
    """Detaches what would keep a role from being deleted, when the program asked for that."""
    if state.get("forceDetachPolicies") is not True:
        return
    role = {"RoleName": state["name"]}
    for policy in session.call("iam", "ListAttachedRolePolicies", role).get("AttachedPolicies", []):
        session.call("iam", "DetachRolePolicy", {**role, "PolicyArn": policy["PolicyArn"]})
    for name in session.call("iam", "ListRolePolicies", role).get("PolicyNames", []):
        session.call("iam", "DeleteRolePolicy", {**role, "PolicyName": name})


def _delete_versions(session: Session, state: Properties) -> None:
    """A managed policy can only be deleted without versions other than the default one."""
    policy = {"PolicyArn": state["arn"]}
    for version in session.call("iam", "ListPolicyVersions", policy).get("Versions", []):
        if not version["IsDefaultVersion"]:
            session.call("iam", "DeletePolicyVersion", {**policy, "VersionId": version["VersionId"]})


def _make_room(session: Session, state: Properties, _: Properties) -> None:
    """Deletes the oldest version where there is no room for another; the default one stays."""
    policy = {"PolicyArn": state["arn"]}
    versions = session.call("iam", "ListPolicyVersions", policy).get("Versions", [])
    if len(versions) < _MOST_VERSIONS:
        return
    others = [version for version in versions if not version["IsDefaultVersion"]]
    oldest = min(others, key=lambda version: int(version["VersionId"].removeprefix("v")))
    session.call("iam", "DeletePolicyVersion", {**policy, "VersionId": oldest["VersionId"]})


ROLE = ResourceType(
    pulumi_type="aws:iam/role:Role",
    service="iam",
    id=("name",),
    identity={"RoleName": "name"},
    create=Call("CreateRole"),
    reads=(Read("GetRole", at="Role", absent=_ABSENT, unfold=_decoded),),
    steps=(
        Step(("assumeRolePolicy",), Call("UpdateAssumeRolePolicy", fold=_trust), on_create=False),
        Step(("description", "maxSessionDuration"), Call("UpdateRole"), on_create=False),
        Step(
            ("permissionsBoundary",),
            Call("PutRolePermissionsBoundary"),
            Call("DeleteRolePermissionsBoundary"),
            on_create=False,
        ),
    ),
    delete=(Call("DeleteRole"),),
    renames={
        "name": "RoleName",
        "assumeRolePolicy": "AssumeRolePolicyDocument",
        "uniqueId": "RoleId",
    },
    tagging=Tagging("TagRole", "UntagRole", identity={"RoleName": "name"}),
    force_new=frozenset({"name", "namePrefix", "path"}),
    defaults={"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"},
    computed=frozenset({"inlinePolicies", "managedPolicyArns"}),
    json=frozenset({"assumeRolePolicy"}),
    local=frozenset({"forceDetachPolicies", "namePrefix"}),
    autoname=Autoname(max_length=64),
    exclusive=(("name", "namePrefix"),),
    unsupported=frozenset({"inlinePolicies", "managedPolicyArns"}),
    before_delete=_empty_role,
)

ROLE_POLICY = ResourceType(
    pulumi_type="aws:iam/rolePolicy:RolePolicy",
    service="iam",
    id=("role", "name"),
    identity={"RoleName": "role", "PolicyName": "name"},
    create=Call("PutRolePolicy"),
    reads=(Read("GetRolePolicy", absent=_ABSENT, unfold=_decoded),),
    steps=(Step(("policy",), Call("PutRolePolicy"), on_create=False),),
    delete=(Call("DeleteRolePolicy"),),
    renames={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
    force_new=frozenset({"name", "namePrefix", "role"}),
    json=frozenset({"policy"}),
    local=frozenset({"namePrefix"}),
    autoname=Autoname(max_length=128),
    exclusive=(("name", "namePrefix"),),
)

POLICY = ResourceType(
    pulumi_type="aws:iam/policy:Policy",
    service="iam",
    id=("arn",),
    identity={"PolicyArn": "arn"},
    create=Call("CreatePolicy"),
    reads=(
        Read("GetPolicy", at="Policy", absent=_ABSENT),
        Read(
            "GetPolicyVersion",
            at="PolicyVersion",
            identity={"PolicyArn": "arn", "VersionId": "DefaultVersionId"},
            unfold=lambda version: {
                "policy": _decoded({"PolicyDocument": version["Document"]})["PolicyDocument"]
            },
            only=("policy",),
        ),
    ),
    listing=Read("ListPolicies", at="Policies", where={"Arn": "arn"}, constants={"Scope": "Local"}),
    steps=(
        Step(
            ("policy",),
            Call("CreatePolicyVersion", constants={"SetAsDefault": True}),
            work=_make_room,
            on_create=False,
        ),
    ),
    delete=(Call("DeletePolicy"),),
    renames={"name": "PolicyName", "policy": "PolicyDocument"},
    tagging=Tagging("TagPolicy", "UntagPolicy", identity={"PolicyArn": "arn"}),
    force_new=frozenset({"description", "name", "namePrefix", "path"}),
    defaults={"path": "/"},
    json=frozenset({"policy"}),
    local=frozenset({"namePrefix", "delayAfterPolicyCreationInMs"}),
    autoname=Autoname(max_length=128),
    exclusive=(("name", "namePrefix"),),
    before_delete=_delete_versions,
)

ROLE_POLICY_ATTACHMENT = ResourceType(
    pulumi_type="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    service="iam",
    id=("role", "policyArn"),
    id_separator="/",
    identity={"RoleName": "role", "PolicyArn": "policyArn"},
    create=Call("AttachRolePolicy"),
    reads=(
        Read(
            "ListAttachedRolePolicies",
            at="AttachedPolicies",
            where={"PolicyArn": "policyArn"},
            identity={"RoleName": "role"},
            absent=_ABSENT,
        ),
    ),
    delete=(Call("DetachRolePolicy"),),
    renames={"role": "RoleName", "policyArn": "PolicyArn"},
    immutable=True,
    delete_first=True,
)

TYPES = (ROLE, ROLE_POLICY, POLICY, ROLE_POLICY_ATTACHMENT)
