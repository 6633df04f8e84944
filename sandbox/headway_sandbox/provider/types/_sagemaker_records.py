"""SageMaker's records: feature groups, model cards and what people are asked."""

from __future__ import annotations

from headway_sandbox.provider.table import Call, ResourceType, Step, Tagging, Wait
from headway_sandbox.provider.types._sagemaker_common import TAGS, described
from headway_sandbox.provider.values import Properties


def _time_to_live(inputs: Properties) -> Properties:
    """Of the online store, only the time that records live can change."""
    block = inputs.get("onlineStoreConfig") or {}
    kept = {name: value for name, value in block.items() if name == "ttlDuration"}
    return {**inputs, "onlineStoreConfig": kept or None}


def _store_moves(olds: Properties, news: Properties) -> bool:
    return (olds.get("onlineStoreConfig") is None) != (news.get("onlineStoreConfig") is None)


FEATURE_GROUP = ResourceType(
    pulumi_type="aws:sagemaker/featureGroup:FeatureGroup",
    service="sagemaker",
    id=("featureGroupName",),
    identity={"FeatureGroupName": "featureGroupName"},
    create=Call("CreateFeatureGroup"),
    reads=described("DescribeFeatureGroup", FeatureGroupStatus=frozenset({"Deleting"})),
    steps=(
        Step(
            ("onlineStoreConfig", "throughputConfig"),
            Call("UpdateFeatureGroup", fold=_time_to_live),
            on_create=False,
        ),
    ),
    delete=(Call("DeleteFeatureGroup"),),
    renames={"arn": "FeatureGroupArn"},
    tagging=TAGS,
    force_new=frozenset(
        {
            "description",
            "eventTimeFeatureName",
            "featureDefinitions",
            "featureGroupName",
            "offlineStoreConfig",
            "onlineStoreConfig.enableOnlineStore",
            "onlineStoreConfig.securityConfig",
            "onlineStoreConfig.storageType",
            "recordIdentifierFeatureName",
            "roleArn",
        }
    ),
    replace_when={"onlineStoreConfig": _store_moves},
    defaults={"offlineStoreConfig.tableFormat": "Glue", "onlineStoreConfig.enableOnlineStore": False},
    computed=frozenset(
        {
            "offlineStoreConfig.dataCatalogConfig",
            "offlineStoreConfig.s3StorageConfig.resolvedOutputS3Uri",
            "onlineStoreConfig.storageType",
            "throughputConfig",
        }
    ),
    waits=(
        Wait(
            "FeatureGroupStatus",
            pending=frozenset({"Creating"}),
            target=frozenset({"Created"}),
            dead=frozenset({"CreateFailed"}),
            reason="FailureReason",
            timeout_s=1200.0,
        ),
        Wait(
            "LastUpdateStatus.Status",
            pending=frozenset({"InProgress"}),
            target=frozenset({"Successful"}),
            reason="LastUpdateStatus.FailureReason",
        ),
    ),
    wait_deleted=True,
    one_of=(("offlineStoreConfig", "onlineStoreConfig"),),
)

MODEL_CARD = ResourceType(
    pulumi_type="aws:sagemaker/modelCard:ModelCard",
    service="sagemaker",
    id=("modelCardName",),
    identity={"ModelCardName": "modelCardName"},
    create=Call("CreateModelCard"),
    reads=described(
        "DescribeModelCard", ModelCardProcessingStatus=frozenset({"DeleteCompleted", "DeleteInProgress"})
    ),
    steps=(Step(("content", "modelCardStatus"), Call("UpdateModelCard"), on_create=False),),
    delete=(Call("DeleteModelCard"),),
    tagging=Tagging("AddTags", "DeleteTags", identity={"ResourceArn": "modelCardArn"}, read="ListTags"),
    force_new=frozenset({"modelCardName", "securityConfig"}),
    json=frozenset({"content"}),
    local=frozenset({"timeouts"}),
    wait_deleted=True,
)

FLOW_DEFINITION = ResourceType(
    pulumi_type="aws:sagemaker/flowDefinition:FlowDefinition",
    service="sagemaker",
    id=("flowDefinitionName",),
    identity={"FlowDefinitionName": "flowDefinitionName"},
    create=Call("CreateFlowDefinition"),
    reads=described("DescribeFlowDefinition", FlowDefinitionStatus=frozenset({"Deleting"})),
    delete=(Call("DeleteFlowDefinition"),),
    renames={"arn": "FlowDefinitionArn"},
    tagging=TAGS,
    immutable=True,
    defaults={"humanLoopConfig.taskTimeLimitInSeconds": 3600},
    json=frozenset(
        {"humanLoopActivationConfig.humanLoopActivationConditionsConfig.humanLoopActivationConditions"}
    ),
    waits=(
        Wait(
            "FlowDefinitionStatus",
            pending=frozenset({"Initializing"}),
            target=frozenset({"Active"}),
            dead=frozenset({"Failed"}),
            reason="FailureReason",
            timeout_s=120.0,
        ),
    ),
    wait_deleted=True,
)

HUMAN_TASK_UI = ResourceType(
    pulumi_type="aws:sagemaker/humanTaskUI:HumanTaskUI",
    service="sagemaker",
    id=("humanTaskUiName",),
    identity={"HumanTaskUiName": "humanTaskUiName"},
    create=Call("CreateHumanTaskUi"),
    reads=described("DescribeHumanTaskUi"),
    delete=(Call("DeleteHumanTaskUi"),),
    renames={"arn": "HumanTaskUiArn"},
    tagging=TAGS,
    immutable=True,
    # SageMaker tells a digest of the template, not the template.
    write_only=frozenset({"uiTemplate"}),
)
