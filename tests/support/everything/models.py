"""Models, endpoints, pipelines and the registry."""

import json

import pulumi
import pulumi_aws as aws

from support.everything.phase import allow, config, number, replaced

IMAGE = "headway-runtime@sha256:" + "0" * 64


def sagemaker(role: aws.iam.Role, key: aws.kms.Key, bucket: aws.s3.Bucket) -> None:
    artifact = pulumi.FileAsset(config.require("artifact"))
    uploaded = aws.s3.BucketObjectv2("artifact", bucket=bucket.id, key="model.tar.gz", source=artifact)
    model = aws.sagemaker.Model(
        "model",
        execution_role_arn=role.arn,
        primary_container={
            "image": IMAGE,
            "model_data_url": pulumi.Output.concat("s3://", bucket.bucket, "/", uploaded.key),
            "environment": {"SOME_NAME": str(number)},
        },
        tags={"n": str(number)},
    )
    configuration = aws.sagemaker.EndpointConfiguration(
        "configuration",
        kms_key_arn=key.arn,
        production_variants=[
            {
                "variant_name": "champion",
                "model_name": model.name,
                "instance_type": "ml.m5.large",
                "initial_instance_count": 1,
            }
        ],
        data_capture_config={
            "enable_capture": True,
            "initial_sampling_percentage": 100,
            "destination_s3_uri": pulumi.Output.concat("s3://", bucket.bucket, "/capture"),
            "capture_options": [{"capture_mode": "Input"}, {"capture_mode": "Output"}],
            "capture_content_type_header": {"json_content_types": ["application/json"]},
        },
    )
    aws.sagemaker.Endpoint("endpoint", endpoint_config_name=configuration.name, tags={"n": str(number)})
    group = aws.sagemaker.ModelPackageGroup(
        "packages",
        model_package_group_name="everything",
        model_package_group_description="b" if replaced else "a",
        tags={"n": str(number)},
    )
    aws.sagemaker.ModelPackageGroupPolicy(
        "packagesPolicy",
        model_package_group_name=group.model_package_group_name,
        resource_policy=group.arn.apply(
            lambda arn: allow(
                ["sagemaker:DescribeModelPackageGroup"], [arn], Sid=f"S{number}", Principal={"AWS": "*"}
            )
        ),
    )
    aws.sagemaker.Pipeline(
        "pipeline",
        pipeline_name="everything",
        pipeline_display_name=f"everything-{number}",
        role_arn=role.arn,
        pipeline_definition=json.dumps(
            {
                "Version": "2020-12-01",
                "Metadata": {},
                "Parameters": [],
                "Steps": [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": f"stop {number}"}}],
            }
        ),
        tags={"n": str(number)},
    )
