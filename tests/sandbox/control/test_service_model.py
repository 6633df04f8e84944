"""Requests and answers against the service model; lists and their pages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.sagemaker.conformance import ServiceModel
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import ServiceError

MODEL = ServiceModel()


@pytest.mark.parametrize(
    ("operation", "request_", "problems"),
    [
        ("DescribeModel", {"ModelName": "a"}, []),
        (
            "DescribeModel",
            {},
            ["Value 'null' at 'modelName' failed to satisfy constraint: Member must not be null"],
        ),
        ("DescribeModel", {"ModelName": "a b"}, ["must satisfy regular expression pattern"]),
        ("DescribeModel", {"ModelName": "a" * 64}, ["length less than or equal to 63"]),
        ("DescribeModel", {"ModelName": 1}, ["must be a string, not int"]),
        ("DescribeModel", {"ModelName": "a", "Extra": 1}, ["Unknown parameter 'Extra'"]),
        (
            "ListModels",
            {"MaxResults": 101, "SortOrder": "Up"},
            ["value less than or equal to 100", "enum value set"],
        ),
        ("ListModels", {"MaxResults": True}, ["must be an integer, not bool"]),
        (
            "AddTags",
            {
                "ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:model/a",
                "Tags": [{"Key": "é-1", "Value": ""}],
            },
            [],
        ),
        (
            "CreateModel",
            {"ModelName": "a", "Containers": [{"Image": "x", "Environment": {"A B": "c"}}]},
            ["'containers.1.member.environment.key'"],
        ),
        (
            "CreateModel",
            {"ModelName": "a", "VpcConfig": {"SecurityGroupIds": [], "Subnets": ["s"]}},
            ["'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must have length"],
        ),
    ],
)
def test_requests_are_held_against_the_service_model(
    operation: str, request_: dict[str, Any], problems: list[str]
) -> None:
    found = MODEL.request_problems(operation, request_)

    assert len(found) == len(problems), found
    for part, problem in zip(problems, found, strict=True):
        assert part in problem


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        ({"ModelName": "a", "ModelArn": "b", "CreationTime": 1.5}, None),
        ({"ModelName": "a", "ModelArn": "b"}, "'creationTime' failed to satisfy constraint"),
        ({"ModelName": "a", "ModelArn": "b", "CreationTime": 1.5, "Extra": 1}, "unknown member extra"),
        (
            {"ModelName": "a", "ModelArn": "b", "CreationTime": 1.5, "VpcConfig": None},
            "member vpcConfig is null",
        ),
        ({"ModelName": "a", "ModelArn": 2, "CreationTime": 1.5}, "must be a string, not int"),
    ],
)
def test_answers_are_held_against_the_service_model(response: dict[str, Any], problem: str | None) -> None:
    found = MODEL.response_problems("DescribeModel", response)

    assert (not found) if problem is None else any(problem in text for text in found)


def test_lists_are_filtered_sorted_and_paged() -> None:
    documents = [
        {"Name": f"Job-{number}", "CreationTime": float(number), "Status": "ab"[number % 2]}
        for number in range(5)
    ]

    def names(**request: Any) -> list[str]:
        found = select(
            documents, request, name="Name", equal={"StatusEquals": "Status"}, sort_keys={"Name": "Name"}
        )
        return [document["Name"][-1] for document in found]

    assert names() == list("43210")
    assert names(SortOrder="Ascending", NameContains="jOB") == list("01234")
    assert names(CreationTimeAfter=1.0, CreationTimeBefore=3.0) == list("321")
    assert names(StatusEquals="b", SortBy="Name", SortOrder="Ascending") == list("13")
    with pytest.raises(ServiceError, match="Invalid NextToken"):
        page(documents, {"NextToken": "nonsense"})


@given(st.integers(0, 40), st.integers(1, 15))
def test_pages_together_are_the_list(count: int, size: int) -> None:
    items = list(range(count))
    collected: list[int] = []
    request: dict[str, Any] = {"MaxResults": size}
    while True:
        found, token = page(items, request)
        assert len(found) <= size
        collected += found
        if not token:
            break
        request = {"MaxResults": size, **token}

    assert collected == items
