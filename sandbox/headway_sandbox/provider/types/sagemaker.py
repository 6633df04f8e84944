"""SageMaker: models, endpoints, pipelines and the registry."""

from __future__ import annotations

from headway_sandbox.provider.table import Autoname, Call, ResourceType, Step, Wait
from headway_sandbox.provider.types._sagemaker_common import TAGS, described
from headway_sandbox.provider.types._sagemaker_jobs import TRAINING_JOB
from headway_sandbox.provider.types._sagemaker_monitoring import (
    DATA_QUALITY_JOB_DEFINITION,
    MONITORING_SCHEDULE,
)
from headway_sandbox.provider.types._sagemaker_records import (
    FEATURE_GROUP,
    FLOW_DEFINITION,
    HUMAN_TASK_UI,
    MODEL_CARD,
)

_CONTAINER_COMPUTED = frozenset(
    f"{container}.{name}"
    for container in ("primaryContainer", "containers[]")
    for name in ("modelDataSource", "additionalModelDataSources")
)

MODEL = ResourceType(
    pulumi_type="aws:sagemaker/model:Model",
    service="sagemaker",
    id=("name",),
    identity={"ModelName": "name"},
    create=Call("CreateModel"),
    reads=described("DescribeModel"),
    delete=(Call("DeleteModel"),),
    renames={"name": "ModelName", "arn": "ModelArn"},
    tagging=TAGS,
    immutable=True,
    defaults={"primaryContainer.mode": "SingleModel", "containers[].mode": "SingleModel"},
    computed=_CONTAINER_COMPUTED | {"inferenceExecutionConfig", "enableNetworkIsolation"},
    autoname=Autoname(max_length=63),
    one_of=(("primaryContainer", "containers"),),
)

_VARIANT_COMPUTED = frozenset(
    f"{variants}[].{name}"
    for variants in ("productionVariants", "shadowProductionVariants")
    for name in (
        "variantName",
        "initialVariantWeight",
        "managedInstanceScaling",
        "routingConfigs",
        "volumeSizeInGb",
    )
)

ENDPOINT_CONFIGURATION = ResourceType(
    pulumi_type="aws:sagemaker/endpointConfiguration:EndpointConfiguration",
    service="sagemaker",
    id=("name",),
    identity={"EndpointConfigName": "name"},
    create=Call("CreateEndpointConfig"),
    reads=described("DescribeEndpointConfig"),
    delete=(Call("DeleteEndpointConfig"),),
    renames={"name": "EndpointConfigName", "arn": "EndpointConfigArn", "kmsKeyArn": "KmsKeyId"},
    tagging=TAGS,
    immutable=True,
    defaults={
        "productionVariants[].initialVariantWeight": 1,
        "shadowProductionVariants[].initialVariantWeight": 1,
    },
    computed=_VARIANT_COMPUTED,
    autoname=Autoname(max_length=63),
    local=frozenset({"namePrefix"}),
    exclusive=(("name", "namePrefix"),),
)

ENDPOINT = ResourceType(
    pulumi_type="aws:sagemaker/endpoint:Endpoint",
    service="sagemaker",
    id=("name",),
    identity={"EndpointName": "name"},
    create=Call("CreateEndpoint"),
    reads=described("DescribeEndpoint", EndpointStatus=frozenset({"Deleting"})),
    steps=(Step(("endpointConfigName", "deploymentConfig"), Call("UpdateEndpoint"), on_create=False),),
    delete=(Call("DeleteEndpoint"),),
    renames={"name": "EndpointName", "arn": "EndpointArn", "deploymentConfig": "DeploymentConfig"},
    tagging=TAGS,
    force_new=frozenset({"name", "deploymentConfig.autoRollbackConfiguration"}),
    defaults={"deploymentConfig.blueGreenUpdatePolicy.terminationWaitInSeconds": 0},
    waits=(
        Wait(
            "EndpointStatus",
            pending=frozenset({"Creating", "Updating", "SystemUpdating"}),
            target=frozenset({"InService"}),
            dead=frozenset({"Failed"}),
            reason="FailureReason",
            timeout_s=3600.0,
        ),
    ),
    wait_deleted=True,
    autoname=Autoname(max_length=63),
)

MODEL_PACKAGE_GROUP = ResourceType(
    pulumi_type="aws:sagemaker/modelPackageGroup:ModelPackageGroup",
    service="sagemaker",
    id=("modelPackageGroupName",),
    identity={"ModelPackageGroupName": "modelPackageGroupName"},
    create=Call("CreateModelPackageGroup"),
    reads=described("DescribeModelPackageGroup"),
    delete=(Call("DeleteModelPackageGroup"),),
    renames={"arn": "ModelPackageGroupArn"},
    tagging=TAGS,
    immutable=True,
    waits=(
        Wait(
            "ModelPackageGroupStatus",
            pending=frozenset({"Pending", "InProgress"}),
            target=frozenset({"Completed"}),
        ),
    ),
    wait_deleted=True,
)

MODEL_PACKAGE_GROUP_POLICY = ResourceType(
    pulumi_type="aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy",
    service="sagemaker",
    id=("modelPackageGroupName",),
    identity={"ModelPackageGroupName": "modelPackageGroupName"},
    create=Call("PutModelPackageGroupPolicy"),
    reads=described("GetModelPackageGroupPolicy"),
    steps=(Step(("resourcePolicy",), Call("PutModelPackageGroupPolicy"), on_create=False),),
    delete=(Call("DeleteModelPackageGroupPolicy"),),
    force_new=frozenset({"modelPackageGroupName"}),
    json=frozenset({"resourcePolicy"}),
)

PIPELINE = ResourceType(
    pulumi_type="aws:sagemaker/pipeline:Pipeline",
    service="sagemaker",
    id=("pipelineName",),
    identity={"PipelineName": "pipelineName"},
    create=Call("CreatePipeline"),
    reads=described("DescribePipeline"),
    steps=(Step((), Call("UpdatePipeline"), on_create=False),),
    delete=(Call("DeletePipeline"),),
    renames={"arn": "PipelineArn"},
    tagging=TAGS,
    force_new=frozenset({"pipelineName"}),
    computed=frozenset({"pipelineDefinition"}),
    write_only=frozenset({"pipelineDefinitionS3Location"}),
    exclusive=(("pipelineDefinition", "pipelineDefinitionS3Location"),),
    one_of=(("pipelineDefinition", "pipelineDefinitionS3Location"),),
)

TYPES = (
    MODEL,
    ENDPOINT_CONFIGURATION,
    ENDPOINT,
    MODEL_PACKAGE_GROUP,
    MODEL_PACKAGE_GROUP_POLICY,
    PIPELINE,
    TRAINING_JOB,
    MONITORING_SCHEDULE,
    DATA_QUALITY_JOB_DEFINITION,
    FEATURE_GROUP,
    MODEL_CARD,
    FLOW_DEFINITION,
    HUMAN_TASK_UI,
)
