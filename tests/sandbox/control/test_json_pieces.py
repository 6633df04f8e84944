"""A state written in pieces is the state written at once."""

import json

from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.json_pieces import dumps_in_pieces


class Box:
    """Something that JSON does not know."""

    def __init__(self, content: object) -> None:
        self.content = content


def opened(value: object) -> object:
    """What a box holds, as JSON knows it."""
    if not isinstance(value, Box):
        raise TypeError(f"{type(value).__name__} is not known")
    return {"box": value.content}


LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.dictionaries(st.integers(), inner, max_size=3)
        | st.tuples(inner, inner)
        | inner.map(Box)
    ),
    max_leaves=25,
)


@given(VALUES)
def test_pieces_are_what_the_encoder_writes(value: object) -> None:
    assert dumps_in_pieces(value, opened) == json.dumps(value, default=opened)


def test_a_long_list_is_whole() -> None:
    numbers = list(range(1_001))

    assert dumps_in_pieces({"a": numbers}, opened) == json.dumps({"a": numbers})
