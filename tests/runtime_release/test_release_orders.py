"""Whom an order of a person reaches, and what a person cannot start."""

from datetime import UTC, datetime, timedelta

import pytest

from headway_cli import release_control
from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError
from headway_cli.systems import System
from support.release_world import World

MISSING = "arn:aws:sagemaker:us-east-1:000000000000:model-package/nobodys/1"


def test_an_order_reaches_the_release_that_moves_the_endpoint(world: World) -> None:
    """Also where one that began before it still waits."""
    assert release_control.moving(world.records) is None
    older, newer = world.package("older"), world.package("newer")
    began = datetime.now(UTC) - timedelta(seconds=1)
    first = world.step(newer, datetime.now(UTC).isoformat())
    second = world.step(older, began.isoformat())

    found = release_control.moving(world.records)

    assert (first.status, second.status) == ("running", "waiting")
    assert found is not None
    assert found.release_id == first.release_id > second.release_id


@pytest.mark.parametrize("package", ["arn:nope", MISSING])
def test_a_package_that_is_not_there_starts_no_release(package: str, aws: Aws, world: World) -> None:
    system = System(
        name=world.settings.system,
        endpoint_name=world.settings.endpoint,
        base_endpoint_config_name=world.base.config,
        contract_digest="",
    )

    with pytest.raises(HeadwayError, match=f"there is no model package {package}: "):
        release_control.start(aws, system, package, None)
