"""Tests that share a stack stay together, in their order, whatever versions of the tools run them."""

import pytest

pytestmark = pytest.mark.xdist_group("grouped")


def test_a_group_of_tests_is_known_to_the_scheduler_of_the_workers(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("only workers have groups of tests")
    assert request.node.nodeid.endswith("@grouped"), (
        "pytest-xdist scatters the tests of a group over its workers with this version of pytest"
    )
