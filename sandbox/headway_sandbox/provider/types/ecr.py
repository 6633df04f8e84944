"""ECR: repositories and the rules by which their images expire."""

from __future__ import annotations

from headway_sandbox.provider.diffs import same_json
from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.values import Properties

_GONE = frozenset({"RepositoryNotFoundException"})
_NAMED = {"repositoryName": "name"}


def _forced(state: Properties) -> Properties:
    return {**state, "force": state.get("forceDelete") is True}


REPOSITORY = ResourceType(
    pulumi_type="aws:ecr/repository:Repository",
    service="ecr",
    id=("name",),
    identity=_NAMED,
    create=Call("CreateRepository"),
    reads=(
        Read(
            "DescribeRepositories",
            at="repositories",
            where={"repositoryName": "name"},
            identity={"repositoryNames": "name"},
            absent=_GONE,
        ),
    ),
    steps=(
        Step(
            ("imageTagMutability", "imageTagMutabilityExclusionFilters"),
            Call("PutImageTagMutability"),
            on_create=False,
        ),
        Step(
            ("imageScanningConfiguration",),
            Call("PutImageScanningConfiguration"),
            Call("PutImageScanningConfiguration", constants={"imageScanningConfiguration": {}}),
            on_create=False,
        ),
    ),
    delete=(Call("DeleteRepository", only=(), fold=_forced),),
    renames={"name": "repositoryName", "arn": "repositoryArn", "repositoryUrl": "repositoryUri"},
    tagging=Tagging(
        "TagResource",
        "UntagResource",
        identity={"resourceArn": "arn"},
        read="ListTagsForResource",
        member="tags",
        keys="tagKeys",
    ),
    force_new=frozenset({"encryptionConfigurations", "name"}),
    defaults={"imageTagMutability": "MUTABLE", "encryptionConfigurations[].encryptionType": "AES256"},
    computed=frozenset({"encryptionConfigurations", "imageScanningConfiguration"}),
    local=frozenset({"forceDelete"}),
    wait_deleted=True,
    autoname=Autoname(max_length=255),
)

LIFECYCLE_POLICY = ResourceType(
    pulumi_type="aws:ecr/lifecyclePolicy:LifecyclePolicy",
    service="ecr",
    id=("repository",),
    identity={"repositoryName": "repository"},
    create=Call("PutLifecyclePolicy"),
    reads=(Read("GetLifecyclePolicy", absent=_GONE | {"LifecyclePolicyNotFoundException"}),),
    delete=(Call("DeleteLifecyclePolicy"),),
    renames={"repository": "repositoryName", "policy": "lifecyclePolicyText"},
    immutable=True,
    delete_first=True,
    equivalent={"policy": same_json},
)

TYPES = (REPOSITORY, LIFECYCLE_POLICY)
