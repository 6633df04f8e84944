"""Where the stand-in sends calls, and as whom: configuration first, then the environment, never AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.provider.aws import EndpointError, loopback_endpoint
from headway_sandbox.provider.configuration import configure

LOCAL = "http://127.0.0.1:4566"


@pytest.mark.parametrize("url", [LOCAL, "http://localhost:1", "http://[::1]:4566", "https://127.8.8.8"])
def test_this_machine_is_allowed(url: str) -> None:
    assert loopback_endpoint(url) == url


@given(st.ip_addresses(v=4).filter(lambda address: not address.is_loopback))
def test_no_other_address_is(address: Any) -> None:
    with pytest.raises(EndpointError, match="never touches AWS"):
        loopback_endpoint(f"http://{address}:4566")


@pytest.mark.parametrize(
    ("arguments", "environment", "endpoint"),
    [
        ({}, {}, None),
        ({}, {"AWS_ENDPOINT_URL": LOCAL}, LOCAL),
        (
            {"endpoints": json.dumps([{"s3": LOCAL, "iam": LOCAL}])},
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            LOCAL,
        ),
        ({"endpoints": [{"s3": LOCAL}, {"kms": LOCAL}]}, {}, LOCAL),
    ],
)
def test_the_endpoint_is_the_configuration_s_or_the_environment_s(
    arguments: dict[str, Any], environment: dict[str, str], endpoint: str | None
) -> None:
    assert configure(arguments, environment).target.endpoint_url == endpoint


def test_several_endpoints_are_refused() -> None:
    with pytest.raises(
        EndpointError, match=r"names several: http://127\.0\.0\.1:1, http://127\.0\.0\.1:4566"
    ):
        configure({"endpoints": [{"s3": LOCAL, "iam": "http://127.0.0.1:1"}]}, {})


def test_region_account_credentials_and_tags_come_from_where_they_are_given() -> None:
    given_values = configure(
        {
            "region": "eu-west-1",
            "allowedAccountIds": '["111111111111"]',
            "defaultTags": '{"tags": {"a": "1"}}',
            "accessKey": "k",
        },
        {"AWS_REGION": "us-east-2", "AWS_SECRET_ACCESS_KEY": "s"},
    )
    assert (given_values.target.region, given_values.target.account) == ("eu-west-1", "111111111111")
    assert (given_values.target.access_key, given_values.target.secret_key) == ("k", "s")
    assert given_values.default_tags == {"a": "1"}
    several = configure({"allowedAccountIds": ["1", "2"]}, {"AWS_DEFAULT_REGION": "us-east-2"})
    assert (several.target.region, several.target.account) == ("us-east-2", None)
