"""Traffic shares are exact: after any number of requests every variant is within one request of its share."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.dataplane.choice import Sampling, WeightedChoice, integer_weights

WEIGHT = st.one_of(
    st.integers(0, 100).map(float),
    st.sampled_from([0.01, 0.05, 0.1, 0.3, 0.95, 0.99, 1e-4]),
    st.floats(0, 1e6),
)
WEIGHTS = st.lists(WEIGHT, min_size=1, max_size=10).map(lambda ws: {f"v{i}": w for i, w in enumerate(ws)})


@given(WEIGHTS.filter(lambda weights: sum(weights.values()) > 0), st.integers(1, 300), st.text(max_size=3))
def test_every_prefix_stays_within_one_request_of_the_share(
    weights: dict[str, float], requests: int, seed: str
) -> None:
    choice = WeightedChoice(weights, seed)
    exact = {name: Fraction(str(weight)) for name, weight in weights.items()}
    total = sum(exact.values())
    counts: Counter[str] = Counter()

    for number in range(1, requests + 1):
        counts[choice.next()] += 1
        for name, weight in exact.items():
            assert abs(counts[name] - number * weight / total) < 1, (name, number)


@given(WEIGHTS, st.integers(1, 100))
def test_a_variant_of_weight_zero_gets_nothing(weights: dict[str, float], requests: int) -> None:
    choice = WeightedChoice({**weights, "off": 0.0, "on": 1.0})

    assert "off" not in {choice.next() for _ in range(requests)}


@pytest.mark.parametrize(
    ("weights", "requests", "expected"),
    [
        ({"champion": 1.0, "challenger": 1.0}, 40, {"champion": 20, "challenger": 20}),
        ({"champion": 0.95, "challenger": 0.05}, 200, {"champion": 190, "challenger": 10}),
        ({"champion": 99, "challenger": 1}, 300, {"champion": 297, "challenger": 3}),
        ({"a": 1, "b": 2, "c": 3}, 60, {"a": 10, "b": 20, "c": 30}),
        ({"champion": 0, "challenger": 1}, 7, {"challenger": 7}),
    ],
)
def test_whole_cycles_are_exact(weights: dict[str, float], requests: int, expected: dict[str, int]) -> None:
    choice = WeightedChoice(weights, "seed")

    assert Counter(choice.next() for _ in range(requests)) == expected


def test_equal_weights_do_not_alternate_in_step() -> None:
    choice = WeightedChoice({"a": 1, "b": 1}, "endpoint")
    chosen = [choice.next() for _ in range(200)]

    assert 30 < Counter(chosen[::2])["a"] < 70


def test_the_same_seed_repeats_the_same_sequence() -> None:
    first, second = (WeightedChoice({"a": 1, "b": 1, "c": 1}, "seed") for _ in range(2))

    assert [first.next() for _ in range(50)] == [second.next() for _ in range(50)]


def test_no_weight_above_zero_is_an_error() -> None:
    with pytest.raises(LookupError, match="no variant has a weight above 0"):
        WeightedChoice({"a": 0, "b": 0}).next()


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_weights_that_are_no_shares_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="finite numbers of 0 or more"):
        integer_weights({"a": weight})


@given(st.floats(0, 1), st.integers(1, 500))
def test_a_sample_takes_its_share_to_within_one_request(share: float, requests: int) -> None:
    sampling = Sampling(share)

    taken = sum(sampling.next() for _ in range(requests))

    assert abs(taken - requests * Fraction(str(share))) < 1
