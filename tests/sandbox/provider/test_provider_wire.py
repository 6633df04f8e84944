"""Values survive Pulumi's wire, with what makes them secret, unknown or an asset."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.provider.assets import Archive, Asset
from headway_sandbox.provider.wire import (
    OUTPUT_SIGNATURE,
    RESOURCE_SIGNATURE,
    SIGNATURE_KEY,
    UNKNOWN,
    UNKNOWN_STRING,
    Secret,
    decode,
    encode,
    has_secret,
    has_unknown,
    reveal,
    seal,
)

ASSETS = st.builds(Asset, text=st.text()) | st.builds(Asset, path=st.text(min_size=1), hash=st.text())
SCALARS = (
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.just(UNKNOWN)
    | ASSETS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.builds(Secret, inner)
        | st.builds(Archive, assets=st.dictionaries(st.text(max_size=5), ASSETS, max_size=2))
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_every_value_comes_back_as_it_was(properties: dict[str, Any]) -> None:
    sent = struct_pb2.Struct.FromString(encode(properties).SerializeToString())
    assert decode(sent) == properties


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({SIGNATURE_KEY: OUTPUT_SIGNATURE}, UNKNOWN),
        ({SIGNATURE_KEY: OUTPUT_SIGNATURE, "value": 1.0, "dependencies": []}, 1),
        ({SIGNATURE_KEY: OUTPUT_SIGNATURE, "value": "x", "secret": True}, Secret("x")),
        ({SIGNATURE_KEY: RESOURCE_SIGNATURE, "urn": "urn:x", "id": "bucket-name"}, "bucket-name"),
        (UNKNOWN_STRING, UNKNOWN),
        ("1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", UNKNOWN),
    ],
)
def test_what_newer_engines_may_send_is_understood(properties: Any, expected: Any) -> None:
    struct = struct_pb2.Struct()
    struct.update({"property": properties})
    assert decode(struct) == {"property": expected}


def test_a_signature_that_nobody_knows_is_refused() -> None:
    struct = struct_pb2.Struct()
    struct.update({"property": {SIGNATURE_KEY: "ffff"}})
    with pytest.raises(ValueError, match="unknown signature 'ffff'"):
        decode(struct)


def test_properties_without_a_value_are_left_out_but_elements_keep_their_place() -> None:
    assert decode(encode({"a": None, "b": {"c": None}, "d": [None, 1]})) == {"b": {}, "d": [None, 1]}


@given(VALUES)
def test_a_revealed_value_holds_no_secret_and_the_same_unknowns(value: Any) -> None:
    assert not has_secret(reveal(value)) or isinstance(value, Archive)
    assert has_unknown(reveal(value)) == has_unknown(value)


def test_outputs_are_secret_where_the_input_of_that_name_was() -> None:
    sealed = seal(
        {"a": 1, "b": 2, "tags": {}, "tagsAll": {"x": "y"}}, {"a": [Secret(1)]}, {"tags": Secret({})}
    )
    assert sealed == {"a": Secret(1), "b": 2, "tags": Secret({}), "tagsAll": Secret({"x": "y"})}
    assert "y" not in repr(sealed["tagsAll"])
