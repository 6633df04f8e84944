"""The comparison of series answers as Kayenta's own published cases say."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_runtime.judge.series import Direction, Effect, Series, SeriesPlan, compare_series

CASES = json.loads((Path(__file__).parent / "kayenta_cases.json").read_text("utf-8"))["cases"]
VALUES = st.lists(st.integers(-1_000, 1_000).map(float), min_size=1, max_size=12)
OPPOSITE = {Series.HIGH: Series.LOW, Series.LOW: Series.HIGH}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_published_cases(case: dict[str, Any]) -> None:
    first, second = case["smallest_effect"]
    plan = SeriesPlan(
        direction=Direction(case["direction"]),
        tolerance=case["tolerance"],
        confidence=case["confidence"],
        effect=Effect(case["effect"]),
        smallest_effect=(first, second),
    )

    assert compare_series(case["experiment"], case["control"], plan).value == case["result"]


@given(first=VALUES, second=VALUES)
def test_what_is_high_one_way_is_low_the_other(first: list[float], second: list[float]) -> None:
    plan = SeriesPlan(effect=Effect.COMMON_LANGUAGE, smallest_effect=(0.5, 0.5))
    one, other = compare_series(first, second, plan), compare_series(second, first, plan)

    assert OPPOSITE.get(one, one) is other


@pytest.mark.parametrize(("first", "second"), [([], [1.0]), ([1.0], []), ([math.nan], [1.0])])
def test_missing_data_is_never_healthy(first: list[float], second: list[float]) -> None:
    assert compare_series(first, second, SeriesPlan()) is Series.NO_DATA
