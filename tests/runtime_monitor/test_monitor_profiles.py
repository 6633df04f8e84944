"""What is remembered of a column, and how far another one lies from it."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from headway_runtime.monitor.compare import compare
from headway_runtime.monitor.profile import (
    CategoryProfile,
    NumberProfile,
    Profile,
    document,
    from_document,
    profile_column,
)

NUMBERS = arrays.arrays(np.float64, st.integers(1, 300), elements=st.floats(-1e6, 1e6, width=32))
CATEGORIES = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=200)


def column(values: object) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


def number(values: object, like: Profile | None = None) -> NumberProfile:
    profile = profile_column(column(values), like)
    assert isinstance(profile, NumberProfile)
    return profile


@settings(max_examples=100, deadline=None)
@given(NUMBERS)
def test_a_profile_counts_every_value_and_says_its_moments(values: np.ndarray) -> None:
    profile = number(values)

    assert profile.present == len(values)
    assert (profile.smallest, profile.largest) == (values.min(), values.max())
    assert profile.mean == pytest.approx(values.mean())


@settings(max_examples=100, deadline=None)
@given(NUMBERS)
def test_a_column_does_not_differ_from_itself(values: np.ndarray) -> None:
    profile = number(values)
    difference = compare(profile, number(values, profile))

    assert difference.distance.value == 0
    assert difference.distance.at_least == difference.stability.at_least == difference.missing.at_least == 0


@settings(max_examples=60, deadline=None)
@given(NUMBERS, NUMBERS)
def test_the_distance_is_that_of_all_values_to_the_width_of_the_sketch(
    before: np.ndarray, now: np.ndarray
) -> None:
    places = np.sort(np.concatenate([before, now]))
    exact = max(abs((before <= place).mean() - (now <= place).mean()) for place in places)
    profile = number(before)

    assert compare(profile, number(now, profile)).distance.value <= exact + 1e-9
    # The edges are values of the baseline, so what is missed lies between two of its rows.
    assert compare(profile, number(now, profile)).distance.value >= exact - 1 / len(before) - 1 / 250 - 1e-9


@settings(max_examples=60, deadline=None)
@given(CATEGORIES, CATEGORIES)
def test_categories_differ_by_no_more_than_one(before: list[str | None], now: list[str | None]) -> None:
    first = profile_column(pa.chunked_array([pa.array(before, pa.string())]))
    second = profile_column(pa.chunked_array([pa.array(now, pa.string())]), first)
    difference = compare(first, second)

    assert 0 <= difference.distance.at_least <= difference.distance.value <= 1 + 1e-9
    assert difference.rows == len(now)


@settings(max_examples=60, deadline=None)
@given(st.one_of(NUMBERS.map(column), CATEGORIES.map(lambda v: pa.chunked_array([pa.array(v, pa.string())]))))
def test_a_profile_is_the_same_after_it_was_written(values: pa.ChunkedArray) -> None:
    profile = profile_column(values)
    again = from_document(document(profile))

    assert document(again) == document(profile)
    assert type(again) is type(profile)


def test_nothing_is_said_about_no_rows() -> None:
    profile = number([1.0, 2.0, 3.0])
    nothing = profile_column(pa.chunked_array([pa.array([], pa.float64())]), profile)
    difference = compare(profile, nothing)

    assert (difference.rows, difference.distance.value, difference.missing.value) == (0, 0.0, 0.0)
    assert math.isnan(number(np.empty(0)).mean)


@pytest.mark.parametrize(("rows", "found"), [(100, False), (100_000, True)])
def test_a_small_shift_is_sure_only_with_many_rows(rows: int, found: bool) -> None:
    random = np.random.default_rng(1)
    profile = number(random.normal(0, 1, 100_000))
    difference = compare(profile, number(random.normal(0.1, 1, rows), profile))

    assert (difference.distance.at_least > 0.02) is found


def test_equal_distributions_are_rarely_sure_to_differ() -> None:
    """At 99 % confidence a lower bound above nothing is rare; that of ten thousand looks is counted."""
    random = np.random.default_rng(2)
    profile = number(random.normal(0, 1, 20_000))
    sure = [
        compare(profile, number(random.normal(0, 1, 500), profile)).distance.at_least > 0 for _ in range(400)
    ]

    assert sum(sure) <= 4


def test_what_was_never_there_is_unseen_and_what_is_gone_is_missing() -> None:
    before = profile_column(column(["a"] * 900 + ["b"] * 100))
    now = profile_column(pa.chunked_array([pa.array(["a"] * 600 + ["z"] * 300 + [None] * 100)]), before)
    difference = compare(before, now)

    assert difference.unseen.value == pytest.approx(1 / 3)
    assert difference.unseen.at_least > 0.25
    assert difference.missing.value == pytest.approx(0.1)
    assert isinstance(now, CategoryProfile)


def test_a_number_cannot_be_compared_with_a_category() -> None:
    with pytest.raises(TypeError, match="cannot be compared"):
        compare(number([1.0]), profile_column(column(["a"])))
