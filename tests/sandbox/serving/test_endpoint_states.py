"""The statuses of an endpoint: only the documented moves, whatever is tried."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.sagemaker.endpoint_states import IN_PROGRESS, NEXT, moved, without_reason
from headway_sandbox.sagemaker.endpoint_view import upper_snake

STATUSES = sorted(NEXT)


@given(st.lists(st.sampled_from(STATUSES), max_size=12))
def test_a_status_only_moves_to_one_that_may_follow(wanted: list[str]) -> None:
    endpoint: dict[str, Any] = {"EndpointStatus": "Creating", "LastModifiedTime": 0.0}
    for now, status in enumerate(wanted, start=1):
        before = endpoint["EndpointStatus"]
        if status in NEXT[before]:
            endpoint = moved(endpoint, status, float(now))
            assert (endpoint["EndpointStatus"], endpoint["LastModifiedTime"]) == (status, float(now))
        else:
            with pytest.raises(ValueError, match=f"{before} cannot become {status}"):
                moved(endpoint, status, float(now))


def test_every_change_ends_in_a_status_that_allows_the_next() -> None:
    for status in IN_PROGRESS - {"Deleting"}:
        assert NEXT[status] - IN_PROGRESS, status


def test_a_reason_is_cut_to_what_the_api_allows_and_kept_until_success() -> None:
    endpoint = moved({"EndpointStatus": "Updating"}, "RollingBack", 1.0, "x" * 2000)
    rolled_back = moved(endpoint, "InService", 2.0)

    assert rolled_back["FailureReason"] == "x" * 1024
    assert "FailureReason" not in without_reason(rolled_back)


@pytest.mark.parametrize(
    ("status", "spelled"),
    [
        ("InService", "IN_SERVICE"),
        ("RollingBack", "ROLLING_BACK"),
        ("Failed", "FAILED"),
        ("OutOfService", "OUT_OF_SERVICE"),
    ],
)
def test_events_spell_statuses_their_own_way(status: str, spelled: str) -> None:
    assert upper_snake(status) == spelled
