"""Model package groups, versions, approval and policies through the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.control import BUCKET, Cloud, refused, unique


@pytest.fixture
def group(cloud: Cloud) -> str:
    name = unique("Group")
    cloud.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    return name


@pytest.fixture(scope="module")
def model_data(cloud: Cloud) -> str:
    return cloud.put("registry/model.tar.gz")


def specification(model_data: str) -> dict[str, Any]:
    return {
        "Containers": [{"Image": "headway-runtime:1", "ModelDataUrl": model_data}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }


def register(cloud: Cloud, group: str, model_data: str, **members: Any) -> str:
    arn: str = cloud.sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=specification(model_data), **members
    )["ModelPackageArn"]
    return arn


def test_versions_count_up_and_are_not_used_twice(cloud: Cloud, group: str, model_data: str) -> None:
    arns = [register(cloud, group, model_data) for _ in range(2)]
    cloud.sagemaker.delete_model_package(ModelPackageName=arns[1])
    arns.append(register(cloud, group, model_data, CustomerMetadataProperties={"code": "sha256:ab"}))

    assert [arn.rpartition("/")[2] for arn in arns] == ["1", "2", "3"]
    assert arns[0].endswith(f":model-package/{group.lower()}/1")
    package = cloud.sagemaker.describe_model_package(ModelPackageName=arns[2])
    assert package["ModelPackageGroupName"] == group
    assert package["ModelPackageVersion"] == 3
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["ModelPackageStatus"] == "Completed"
    assert package["CustomerMetadataProperties"] == {"code": "sha256:ab"}
    assert package["InferenceSpecification"] == specification(model_data)
    listed = cloud.sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    assert [item["ModelPackageVersion"] for item in listed] == [3, 1]
    both = cloud.sagemaker.batch_describe_model_package(ModelPackageArnList=[arns[0], arns[1]])
    assert list(both["ModelPackageSummaries"]) == [arns[0]]
    assert list(both["BatchDescribeModelPackageErrorMap"]) == [arns[1]]


def test_approval_is_recorded_and_put_on_the_event_bus(cloud: Cloud, group: str, model_data: str) -> None:
    events = cloud.events(
        {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Model Package State Change"],
            "detail": {"ModelPackageGroupName": [group], "ModelApprovalStatus": ["Approved"]},
        }
    )
    arn = register(cloud, group, model_data, CustomerMetadataProperties={"kept": "1", "dropped": "2"})

    for _ in range(2):
        cloud.sagemaker.update_model_package(
            ModelPackageArn=arn,
            ModelApprovalStatus="Approved",
            ApprovalDescription="passed the gate",
            CustomerMetadataProperties={"approver": "gate"},
            CustomerMetadataPropertiesToRemove=["dropped"],
        )

    package = cloud.sagemaker.describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "passed the gate"
    assert package["CustomerMetadataProperties"] == {"kept": "1", "approver": "gate"}
    approved = cloud.sagemaker.list_model_packages(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved"
    )
    assert [item["ModelPackageArn"] for item in approved["ModelPackageSummaryList"]] == [arn]
    (event,) = events.wait_for(1)
    assert event["resources"] == [arn]
    assert event["detail"]["ModelPackageArn"] == arn
    assert event["detail"]["ModelPackageVersion"] == 1
    assert event["detail"]["UpdatedModelPackageFields"] == [
        "ApprovalDescription",
        "CustomerMetadataProperties",
        "ModelApprovalStatus",
    ]


def test_a_group_goes_only_when_it_is_empty(cloud: Cloud, group: str, model_data: str) -> None:
    arn = register(cloud, group, model_data)

    code, message = refused(cloud.sagemaker.delete_model_package_group, ModelPackageGroupName=group)
    assert code == "ConflictException"
    assert "still contains 1 Model Packages" in message
    cloud.sagemaker.delete_model_package(ModelPackageName=arn)
    cloud.sagemaker.delete_model_package_group(ModelPackageGroupName=group)

    code, message = refused(cloud.sagemaker.describe_model_package_group, ModelPackageGroupName=group)
    assert code == "ValidationException"
    assert message.endswith("does not exist.")
    cloud.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    assert register(cloud, group, model_data).endswith("/1")


def test_a_policy_is_put_read_and_deleted(cloud: Cloud, group: str) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    assert (
        "Cannot find"
        in refused(cloud.sagemaker.get_model_package_group_policy, ModelPackageGroupName=group)[1]
    )

    cloud.sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy=policy)

    got = cloud.sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)
    assert got["ResourcePolicy"] == policy
    wrong = refused(
        cloud.sagemaker.put_model_package_group_policy, ModelPackageGroupName=group, ResourcePolicy="{"
    )
    assert "not valid JSON" in wrong[1]
    cloud.sagemaker.delete_model_package_group_policy(ModelPackageGroupName=group)
    assert (
        "Cannot find"
        in refused(cloud.sagemaker.get_model_package_group_policy, ModelPackageGroupName=group)[1]
    )


def test_what_is_wrong_is_said_at_once(cloud: Cloud, group: str, model_data: str) -> None:
    create = cloud.sagemaker.create_model_package

    again = refused(cloud.sagemaker.create_model_package_group, ModelPackageGroupName=group)
    assert "already exists" in again[1]
    nowhere = refused(
        create, ModelPackageGroupName=unique("no"), InferenceSpecification=specification(model_data)
    )
    assert "does not exist" in nowhere[1]
    no_data = refused(
        create,
        ModelPackageGroupName=group,
        InferenceSpecification=specification(f"s3://{BUCKET}/no/model.tar.gz"),
    )
    assert no_data[1] == f"Could not find model data at s3://{BUCKET}/no/model.tar.gz."
    neither = refused(create, ModelPackageDescription="x")
    assert "Exactly one of ModelPackageName and ModelPackageGroupName" in neither[1]


def test_groups_and_packages_are_tagged(cloud: Cloud, group: str, model_data: str) -> None:
    sagemaker = cloud.sagemaker
    arn = register(cloud, group, model_data, Tags=[{"Key": "team", "Value": "flights"}])

    sagemaker.add_tags(
        ResourceArn=arn, Tags=[{"Key": "team", "Value": "delays"}, {"Key": "tier", "Value": "1"}]
    )
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["tier", "absent"])

    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "delays"}]
    group_arn = sagemaker.describe_model_package_group(ModelPackageGroupName=group)["ModelPackageGroupArn"]
    assert sagemaker.list_tags(ResourceArn=group_arn)["Tags"] == []
    twice = refused(
        sagemaker.add_tags, ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    )
    assert "more than once: a" in twice[1]
    assert "Could not find" in refused(sagemaker.list_tags, ResourceArn=f"{arn}9")[1]
