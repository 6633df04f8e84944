"""Service Quotas through unmodified boto3."""

from __future__ import annotations

import pytest

from support.control import Cloud, refused, until

SAGEMAKER = {"ServiceCode": "sagemaker"}
LARGE = {**SAGEMAKER, "QuotaCode": "L-614B09FD"}


def test_a_quota_is_raised_by_a_request_that_is_granted(cloud: Cloud) -> None:
    quotas = cloud.client("service-quotas")
    before = quotas.get_service_quota(**LARGE)["Quota"]
    assert (before["QuotaName"], before["Adjustable"]) == ("ml.m5.large for endpoint usage", True)

    request = quotas.request_service_quota_increase(**LARGE, DesiredValue=4)["RequestedQuota"]

    assert (request["Status"], request["DesiredValue"]) == ("PENDING", 4)
    code, _ = refused(quotas.request_service_quota_increase, **LARGE, DesiredValue=5)
    assert code == "ResourceAlreadyExistsException"
    until(
        lambda: (
            quotas.get_requested_service_quota_change(RequestId=request["Id"])["RequestedQuota"]["Status"]
            == "APPROVED"
        ),
        "the grant",
    )
    assert quotas.get_service_quota(**LARGE)["Quota"]["Value"] == 4
    assert quotas.get_aws_default_service_quota(**LARGE)["Quota"]["Value"] == before["Value"]
    assert {"QuotaCode": LARGE["QuotaCode"], "Value": 4.0}.items() <= next(
        item
        for page in quotas.get_paginator("list_service_quotas").paginate(**SAGEMAKER, MaxResults=7)
        for item in page["Quotas"]
        if item["QuotaCode"] == LARGE["QuotaCode"]
    ).items()
    history = quotas.list_requested_service_quota_change_history_by_quota(**LARGE)["RequestedQuotas"]
    assert [item["Id"] for item in history] == [request["Id"]]
    code, message = refused(quotas.request_service_quota_increase, **LARGE, DesiredValue=3)
    assert (code, "greater than the current quota value of 4" in message) == (
        "IllegalArgumentException",
        True,
    )


@pytest.mark.parametrize(
    ("method", "arguments", "code", "part"),
    [
        ("get_service_quota", {**SAGEMAKER, "QuotaCode": "L-00000000"}, "NoSuchResourceException", "L-0000"),
        ("list_service_quotas", {"ServiceCode": "vpc"}, "NoSuchResourceException", "sagemaker"),
        (
            "get_service_quota",
            {"ServiceCode": "1", "QuotaCode": "L-1"},
            "IllegalArgumentException",
            "serviceCode",
        ),
        (
            "associate_service_quota_template",
            {},
            "UnknownOperationException",
            "AssociateServiceQuotaTemplate",
        ),
    ],
)
def test_what_cannot_be_answered_says_why(
    cloud: Cloud, method: str, arguments: dict[str, str], code: str, part: str
) -> None:
    found = refused(getattr(cloud.client("service-quotas"), method), **arguments)

    assert found[0] == code
    assert part in found[1]


def test_the_services_with_quotas_are_listed(cloud: Cloud) -> None:
    assert cloud.client("service-quotas").list_services()["Services"] == [
        {"ServiceCode": "sagemaker", "ServiceName": "Amazon SageMaker"}
    ]
