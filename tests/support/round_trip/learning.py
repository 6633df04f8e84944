"""SageMaker's types, and how its endpoints scale."""

from __future__ import annotations

import json
from typing import Any

from support.round_trip.case import Case
from support.round_trip.documents import allow, joined, trust

S = "aws:sagemaker/"
ACCOUNT_ARN = "arn:aws:sagemaker:us-east-1:000000000000"
IMAGE = "headway-runtime@sha256:" + "0" * 64
PROCESSOR = "000000000000.dkr.ecr.us-east-1.amazonaws.com/monitor:1"


def _asset() -> Any:
    import pulumi  # noqa: PLC0415

    return pulumi.FileAsset(pulumi.Config().require("artifact"))


def _variant(made: Any) -> dict[str, Any]:
    return {
        "variant_name": "champion",
        "model_name": made.model.name,
        "instance_type": "ml.m5.large",
        "initial_instance_count": 1,
    }


def _pipeline(text: str) -> str:
    steps = [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": text}}]
    return json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": steps})


def _card(purpose: str) -> str:
    return json.dumps({"intended_uses": {"purpose_of_model": purpose}})


def _job(made: Any) -> dict[str, Any]:
    capture = joined("s3://", made.learned.bucket, "/capture")
    return {
        "monitoring_app_specification": {"image_uri": PROCESSOR, "container_arguments": ["--psi", "0.2"]},
        "monitoring_inputs": {
            "batch_transform_input": {
                "data_captured_destination_s3_uri": capture,
                "dataset_format": {"csv": {"header": True}},
                "local_path": "/opt/ml/processing/input",
            }
        },
        "monitoring_output_config": {
            "monitoring_outputs": {
                "s3_output": {
                    "local_path": "/opt/ml/processing/output",
                    "s3_uri": joined("s3://", made.learned.bucket, "/reports"),
                }
            }
        },
        "monitoring_resources": {
            "cluster_config": {"instance_count": 1, "instance_type": "ml.m5.large", "volume_size_in_gb": 10}
        },
        "network_config": {"enable_network_isolation": True},
        "role_arn": made.learner.arn,
    }


def _schedule(made: Any, expression: str) -> dict[str, Any]:
    return {
        "monitoring_job_definition": _job(made),
        "monitoring_type": "DataQuality",
        "schedule_config": {"schedule_expression": expression},
    }


def untag(arn: str) -> Any:
    """An outside change of the tags of a resource of SageMaker, whose ARN is this output."""

    def outside(client: Any, _id: str, outputs: Any) -> None:
        tag = {"Key": "stranger", "Value": "1"}
        client("sagemaker").add_tags(ResourceArn=outputs[arn], Tags=[tag])

    return outside


def _rename(client: Any, resource_id: str, _outputs: Any) -> None:
    client("sagemaker").update_pipeline(PipelineName=resource_id, PipelineDisplayName="other")


def _depublish(client: Any, resource_id: str, _outputs: Any) -> None:
    client("sagemaker").update_model_card(ModelCardName=resource_id, ModelCardStatus="PendingReview")


def _repolicy(client: Any, resource_id: str, _outputs: Any) -> None:
    policy = allow(["sagemaker:DescribeModelPackageGroup"], ["*"], Sid="Other", Principal={"AWS": "*"})
    client("sagemaker").put_model_package_group_policy(
        ModelPackageGroupName=resource_id, ResourcePolicy=policy
    )


def _rescale(client: Any, resource_id: str, outputs: Any) -> None:
    client("application-autoscaling").register_scalable_target(
        ServiceNamespace=outputs["serviceNamespace"],
        ResourceId=resource_id,
        ScalableDimension=outputs["scalableDimension"],
        MaxCapacity=9,
    )


def _retarget(client: Any, resource_id: str, outputs: Any) -> None:
    tracking = {
        "TargetValue": 99.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": 0,
        "ScaleOutCooldown": 0,
    }
    client("application-autoscaling").put_scaling_policy(
        PolicyName=resource_id,
        ServiceNamespace=outputs["serviceNamespace"],
        ResourceId=outputs["resourceId"],
        ScalableDimension=outputs["scalableDimension"],
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=tracking,
    )


def _tracking(value: float) -> dict[str, Any]:
    return {
        "target_value": value,
        "predefined_metric_specification": {
            "predefined_metric_type": "SageMakerVariantInvocationsPerInstance"
        },
    }


def _features(*names: str) -> list[dict[str, str]]:
    return [{"feature_name": name, "feature_type": "String"} for name in names]


CASES = (
    Case("learner", "aws:iam/role:Role", lambda _: {"assume_role_policy": trust("sagemaker.amazonaws.com")}),
    Case("learned", "aws:s3/bucket:Bucket", lambda _: {"force_destroy": True}),
    Case(
        "artifact",
        "aws:s3/bucketObjectv2:BucketObjectv2",
        lambda made: {"bucket": made.learned.id, "key": "model.tar.gz", "source": _asset()},
    ),
    Case(
        "model",
        f"{S}model:Model",
        lambda made: {
            "execution_role_arn": made.learner.arn,
            "primary_container": {
                "image": IMAGE,
                "model_data_url": joined("s3://", made.learned.bucket, "/", made.artifact.key),
                "environment": {"SOME_NAME": "1"},
            },
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"tags": {"n": "2"}},
        replaced=lambda _: {"enable_network_isolation": True},
        outside=untag("arn"),
    ),
    Case(
        "configuration",
        f"{S}endpointConfiguration:EndpointConfiguration",
        lambda made: {
            "production_variants": [_variant(made)],
            "data_capture_config": {
                "enable_capture": True,
                "initial_sampling_percentage": 100,
                "destination_s3_uri": joined("s3://", made.learned.bucket, "/capture"),
                "capture_options": [{"capture_mode": "Input"}, {"capture_mode": "Output"}],
                "capture_content_type_header": {"json_content_types": ["application/json"]},
            },
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"tags": {"n": "2"}},
        replaced=lambda made: {"production_variants": [{**_variant(made), "initial_variant_weight": 2}]},
        outside=untag("arn"),
    ),
    Case(
        "otherConfiguration",
        f"{S}endpointConfiguration:EndpointConfiguration",
        lambda made: {"production_variants": [_variant(made)]},
    ),
    Case(
        "endpoint",
        f"{S}endpoint:Endpoint",
        lambda made: {"endpoint_config_name": made.configuration.name, "tags": {"n": "1", "gone": "1"}},
        changed=lambda made: {"endpoint_config_name": made.otherConfiguration.name, "tags": {"n": "2"}},
        replaced=lambda _: {"name": "other"},
        outside=untag("arn"),
    ),
    Case(
        "scaled",
        "aws:appautoscaling/target:Target",
        lambda made: {
            "service_namespace": "sagemaker",
            "scalable_dimension": "sagemaker:variant:DesiredInstanceCount",
            "resource_id": joined("endpoint/", made.endpoint.name, "/variant/champion"),
            "min_capacity": 1,
            "max_capacity": 2,
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"max_capacity": 3, "tags": {"n": "2"}},
        outside=_rescale,
        import_id=lambda _, out: f"sagemaker/{out['resourceId']}/{out['scalableDimension']}",
    ),
    Case(
        "scaling",
        "aws:appautoscaling/policy:Policy",
        lambda made: {
            "service_namespace": made.scaled.service_namespace,
            "scalable_dimension": made.scaled.scalable_dimension,
            "resource_id": made.scaled.resource_id,
            "policy_type": "TargetTrackingScaling",
            "target_tracking_scaling_policy_configuration": _tracking(50),
        },
        changed=lambda _: {"target_tracking_scaling_policy_configuration": _tracking(60)},
        replaced=lambda _: {"name": "other"},
        outside=_retarget,
        import_id=lambda _, out: f"sagemaker/{out['resourceId']}/{out['scalableDimension']}/{out['name']}",
    ),
    Case(
        "packages",
        f"{S}modelPackageGroup:ModelPackageGroup",
        lambda _: {
            "model_package_group_name": "packages",
            "model_package_group_description": "one",
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"tags": {"n": "2"}},
        replaced=lambda _: {"model_package_group_description": "two"},
        outside=untag("arn"),
    ),
    Case(
        "packagesPolicy",
        f"{S}modelPackageGroupPolicy:ModelPackageGroupPolicy",
        lambda made: {
            "model_package_group_name": made.packages.model_package_group_name,
            "resource_policy": allow(
                ["sagemaker:DescribeModelPackageGroup"], ["*"], Sid="One", Principal={"AWS": "*"}
            ),
        },
        changed=lambda _: {
            "resource_policy": allow(
                ["sagemaker:DescribeModelPackageGroup"], ["*"], Sid="Two", Principal={"AWS": "*"}
            )
        },
        replaced=lambda made: {"model_package_group_name": made.packages.model_package_group_name},
        outside=_repolicy,
    ),
    Case(
        "pipeline",
        f"{S}pipeline:Pipeline",
        lambda made: {
            "pipeline_name": "one",
            "pipeline_display_name": "one",
            "role_arn": made.learner.arn,
            "pipeline_definition": _pipeline("one"),
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"pipeline_definition": _pipeline("two"), "tags": {"n": "2"}},
        replaced=lambda _: {"pipeline_name": "two"},
        outside=_rename,
    ),
    Case(
        "features",
        f"{S}featureGroup:FeatureGroup",
        lambda made: {
            "feature_group_name": "one",
            "record_identifier_feature_name": "id",
            "event_time_feature_name": "at",
            "feature_definitions": _features("id", "at"),
            "role_arn": made.learner.arn,
            "online_store_config": {
                "enable_online_store": True,
                "ttl_duration": {"unit": "Days", "value": 1},
            },
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {
            "online_store_config": {
                "enable_online_store": True,
                "ttl_duration": {"unit": "Days", "value": 2},
            },
            "tags": {"n": "2"},
        },
        replaced=lambda _: {"feature_definitions": _features("id", "at", "more")},
        outside=untag("arn"),
    ),
    Case(
        "card",
        f"{S}modelCard:ModelCard",
        lambda _: {
            "model_card_name": "one",
            "model_card_status": "Draft",
            "content": _card("one"),
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"content": _card("two"), "tags": {"n": "2"}},
        replaced=lambda _: {"model_card_name": "two"},
        outside=_depublish,
    ),
    Case(
        "questions",
        f"{S}humanTaskUI:HumanTaskUI",
        lambda _: {
            "human_task_ui_name": "questions",
            "ui_template": {"content": "<p>one</p>"},
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"tags": {"n": "2"}},
        replaced=lambda _: {"human_task_ui_name": "other"},
        outside=untag("arn"),
    ),
    Case(
        "asked",
        f"{S}humanTaskUI:HumanTaskUI",
        lambda _: {"human_task_ui_name": "asked", "ui_template": {"content": "<p>one</p>"}},
    ),
    Case(
        "review",
        f"{S}flowDefinition:FlowDefinition",
        lambda made: {
            "flow_definition_name": "review",
            "role_arn": made.learner.arn,
            "output_config": {"s3_output_path": joined("s3://", made.learned.bucket, "/reviews")},
            "human_loop_config": {
                "workteam_arn": f"{ACCOUNT_ARN}:workteam/private-crowd/people",
                "human_task_ui_arn": f"{ACCOUNT_ARN}:human-task-ui/asked",
                "task_title": "Review",
                "task_description": "Look at it",
                "task_count": 1,
            },
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"tags": {"n": "2"}},
        replaced=lambda made: {
            "output_config": {"s3_output_path": joined("s3://", made.learned.bucket, "/other")}
        },
        outside=untag("arn"),
        after=("asked",),
    ),
    Case(
        "quality",
        f"{S}dataQualityJobDefinition:DataQualityJobDefinition",
        lambda made: {
            "data_quality_app_specification": {"image_uri": PROCESSOR},
            "data_quality_job_input": {
                "batch_transform_input": {
                    "data_captured_destination_s3_uri": joined("s3://", made.learned.bucket, "/capture"),
                    "dataset_format": {"csv": {"header": True}},
                }
            },
            "data_quality_job_output_config": {
                "monitoring_outputs": {
                    "s3_output": {"s3_uri": joined("s3://", made.learned.bucket, "/reports")}
                }
            },
            "job_resources": {
                "cluster_config": {
                    "instance_count": 1,
                    "instance_type": "ml.m5.large",
                    "volume_size_in_gb": 10,
                }
            },
            "role_arn": made.learner.arn,
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"tags": {"n": "2"}},
        replaced=lambda _: {"data_quality_app_specification": {"image_uri": f"{PROCESSOR}2"}},
        outside=untag("arn"),
    ),
    Case(
        "monitor",
        f"{S}monitoringSchedule:MonitoringSchedule",
        lambda made: {
            "monitoring_schedule_config": _schedule(made, "cron(0 * ? * * *)"),
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda made: {
            "monitoring_schedule_config": _schedule(made, "cron(0 0 ? * * *)"),
            "tags": {"n": "2"},
        },
        replaced=lambda _: {"name": "other"},
        outside=untag("arn"),
    ),
    Case(
        "quota",
        "aws:servicequotas/serviceQuota:ServiceQuota",
        lambda _: {"service_code": "sagemaker", "quota_code": "L-614B09FD", "value": 2},
        changed=lambda _: {"value": 4},
        replaced=lambda _: {"quota_code": "L-2F737F8D"},
        stays=True,
    ),
)
