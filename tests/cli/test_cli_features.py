"""`headway features` and the identity of replayed rows, without a stack."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flight_delay.system import FEATURES
from headway_cli.commands.features import _shelf, _time
from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.featuring import feature_code, groups
from headway_cli.systems import System
from headway_cli.traffic import Row

STACKS = Path(__file__).resolve().parents[2] / "stacks"
SYSTEM = System(
    name="flights",
    endpoint_name="flights-local",
    base_endpoint_config_name="base",
    contract_digest="sha256:c",
    ingest_code="flight_delay.data:tables",
    feature_code="flight_delay.features:build",
    features=[
        {
            "label": item.label,
            "digest": item.digest(),
            "taken": True,
            "group_name": "flights-local-weather" if item.served.value == "stored" else None,
            "contract": item.plain(),
        }
        for item in FEATURES
    ],
)


def test_a_shelf_says_what_a_feature_is_and_who_answers_for_it() -> None:
    text = "\n".join(line for item in SYSTEM.features for line in _shelf(item))

    for words in (
        "weather-at-origin-v1: The weather at an airport, observed every hour",
        "owner flight-operations; served stored; by airport; counts for 3600 s; taken by the model",
        "wind_speed_mph        number, may be missing, at most 3600 s old",
    ):
        assert words in text


def test_the_code_of_a_system_says_what_is_stored() -> None:
    code = feature_code(SYSTEM, STACKS)

    assert [group.transformation.label for group in code.plan.stored] == ["weather-at-origin-v1"]
    assert groups(SYSTEM) == {"weather-at-origin-v1": "flights-local-weather"}


def test_a_system_without_feature_code_is_refused() -> None:
    plain = System(name="x", endpoint_name="x", base_endpoint_config_name="b", contract_digest="d")
    with pytest.raises(HeadwayError, match="trains no model"):
        feature_code(plain, STACKS)


def test_a_row_says_what_it_is_about_where_that_is_known() -> None:
    at = datetime(2013, 9, 1, 12, 30, tzinfo=UTC)

    assert Row("UA,EWR", ("UA12",), at).inference_id().startswith("UA12~1378038600000~")
    assert "~" not in Row("UA,EWR").inference_id()


def test_a_time_without_a_zone_is_utc() -> None:
    assert _time("2013-09-01") == datetime(2013, 9, 1, tzinfo=UTC)
    with pytest.raises(WrongUseError, match="'soon' is no time"):
        _time("soon")
