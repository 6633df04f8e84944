"""A killed update's pending creations are taken into the state by the id that they would have."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_cli.adoption import adopt, known_ids, pending_operations

BUCKET = "aws:s3/bucket:Bucket"


def _resource(urn: str, **more: Any) -> dict[str, Any]:
    return {"urn": urn, "type": BUCKET, "inputs": {"bucket": f"{urn}-1"}, **more}


def _exported(resources: list[dict[str, Any]] | None, *pending: tuple[str, str]) -> dict[str, Any]:
    operations = [{"resource": _resource(urn), "type": kind} for urn, kind in pending]
    return {"version": 3, "deployment": {"resources": resources, "pending_operations": operations}}


def _by_name(_type: str, inputs: Any) -> str | None:
    return str(inputs["bucket"])


def test_what_was_begun_is_found() -> None:
    assert pending_operations(_exported([], ("a", "creating"), ("b", "deleting"))) == {
        "a": "creating",
        "b": "deleting",
    }
    assert pending_operations({"deployment": {"pending_operations": None}}) == {}
    assert pending_operations({"deployment": None}) == {}


def test_a_creation_is_taken_in_after_everything_that_it_may_depend_on() -> None:
    adopted = adopt(_exported([_resource("stack", id="")], ("a", "creating")), _by_name)

    assert adopted["version"] == 3
    assert adopted["deployment"]["pending_operations"] == []
    assert adopted["deployment"]["resources"] == [
        _resource("stack", id=""),
        _resource("a", id="a-1", outputs={"bucket": "a-1"}),
    ]


def test_a_creation_whose_id_nobody_knows_is_forgotten() -> None:
    adopted = adopt(_exported(None, ("a", "creating")), lambda _type, _inputs: None)

    assert adopted["deployment"]["resources"] == []
    assert adopted["deployment"]["pending_operations"] == []


@pytest.mark.parametrize(
    ("former", "rest"),
    [
        ({"id": "old"}, [{"id": "old", "delete": True}]),
        ({"id": "old", "pendingReplacement": True}, []),
    ],
    ids=["created before the old one goes", "created after the old one is gone"],
)
def test_a_replacement_takes_the_place_of_what_it_replaces(
    former: dict[str, Any], rest: list[dict[str, Any]]
) -> None:
    user = _resource("user", id="u")
    adopted = adopt(_exported([_resource("a", **former), user], ("a", "creating")), _by_name)

    created = _resource("a", id="a-1", outputs={"bucket": "a-1"})
    assert adopted["deployment"]["resources"] == [created, *(_resource("a", **item) for item in rest), user]


def test_what_was_not_being_created_is_left_to_the_refresh() -> None:
    before = [_resource("a", id="old"), _resource("b", id="old")]
    adopted = adopt(_exported(before, ("a", "updating"), ("b", "deleting")), _by_name)

    assert adopted["deployment"]["resources"] == before


def test_known_ids_leave_out_what_has_none() -> None:
    exported = _exported([_resource("stack"), _resource("a", id="x"), _resource("b", id="")])

    assert known_ids(exported) == {(exported["deployment"]["resources"][1]["type"], "x")}


URNS = st.lists(st.sampled_from("abcdef"), unique=True)


@given(there=URNS, begun=URNS)
def test_every_resource_has_one_live_entry_and_none_is_lost(there: list[str], begun: list[str]) -> None:
    resources = [_resource(urn, id="old") for urn in there]
    adopted = adopt(_exported(resources, *((urn, "creating") for urn in begun)), _by_name)["deployment"]

    live = [item["urn"] for item in adopted["resources"] if not item.get("delete")]
    assert sorted(live) == sorted(set(there) | set(begun))
    assert {item["urn"] for item in adopted["resources"] if item["id"] == "old"} == set(there)
    assert adopted["pending_operations"] == []
