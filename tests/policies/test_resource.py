"""Absent, known and not-yet-known are three different things."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway_policies.resource import UNKNOWN, NotKnownError, Resource

RESOURCE = Resource(
    type="aws:iam/role:Role",
    properties={
        "name": "trainer",
        "empty": "",
        "off": False,
        "zero": 0,
        "nothing": None,
        "later": UNKNOWN,
        "inline": [{"policy": "{}"}, {"policy": UNKNOWN}, UNKNOWN],
    },
)


@pytest.mark.parametrize(
    ("path", "has", "value"),
    [
        ("name", True, "trainer"),
        ("empty", True, ""),
        ("off", True, False),
        ("zero", True, 0),
        ("nothing", False, None),
        ("absent", False, None),
        ("later", True, UNKNOWN),
        ("later.deeper[3]", True, UNKNOWN),
        ("inline[0].policy", True, "{}"),
        ("inline[1].policy", True, UNKNOWN),
        ("inline[2].policy", True, UNKNOWN),
        ("inline[9].policy", False, None),
        ("name.deeper", False, None),
        ("inline.policy", False, None),
    ],
)
def test_a_path_is_absent_known_or_not_yet_known(path: str, has: bool, value: object) -> None:
    assert RESOURCE.has(path) is has
    assert RESOURCE.value(path) == value


def test_reading_text_that_is_not_known_says_which() -> None:
    with pytest.raises(NotKnownError) as caught:
        RESOURCE.text("inline[1].policy")

    assert caught.value.path == "inline[1].policy"


def test_the_elements_of_a_list_are_paths() -> None:
    assert RESOURCE.items("inline") == ("inline[0]", "inline[1]", "inline[2]")
    assert RESOURCE.items("absent") == ()
    assert RESOURCE.items("name") == ()
    with pytest.raises(NotKnownError):
        RESOURCE.items("later")


PROPERTIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.lists(st.sampled_from(["a", "b", "[0]", "[1]"]), min_size=1, max_size=4).map(
    lambda steps: ".".join(steps).replace(".[", "[")
)


# A busy machine draws the first example slowly.
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(properties=st.dictionaries(st.sampled_from("abc"), PROPERTIES, max_size=3), path=PATHS)
def test_no_path_breaks_a_read(properties: dict[str, object], path: str) -> None:
    resource = Resource(type="aws:s3/bucket:Bucket", properties=properties)

    assert resource.has(path) is (resource.value(path) is not None)
    try:
        text = resource.text(path)
    except NotKnownError:
        assert resource.value(path) is UNKNOWN
    else:
        assert (text is None) is (not resource.has(path))
