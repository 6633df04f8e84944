"""Policy documents are judged by what they mean, however they are written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_policies.policy_document import (
    Statement,
    is_every_action,
    matches_action,
    matches_resource,
    parse,
    statements,
)
from headway_policies.resource import UNKNOWN, NotJsonError, NotKnownError, Resource

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
NAMES = st.text("abcdeGHI", min_size=1, max_size=6)
ACTIONS = st.builds("{}:{}".format, NAMES, NAMES)


def _one(**fields: Any) -> Statement:
    [found] = parse({"Statement": {"Effect": "Allow", **fields}})
    return found


@st.composite
def _wider(draw: st.DrawFn) -> tuple[str, str]:
    """An action, and a pattern that stands for it: some of its letters are wildcards, in any case."""
    action = draw(ACTIONS)
    letters = [
        draw(st.sampled_from([letter, letter.upper(), letter.lower(), "?", "*", f"*{letter}", f"{letter}**"]))
        for letter in action
    ]
    return action, "".join(letters)


@given(_wider())
def test_a_pattern_stands_for_what_it_was_made_from(pair: tuple[str, str]) -> None:
    action, pattern = pair

    assert matches_action(pattern, action)
    assert _one(Action=pattern).covers_action(action) is True
    assert _one(Action=["x:y", pattern]).covers_action(action) is True
    assert _one(NotAction=pattern).covers_action(action) is False


@given(ACTIONS, ACTIONS)
def test_a_plain_name_stands_for_itself_only(one: str, other: str) -> None:
    assert matches_action(one, other) is (one.lower() == other.lower())
    assert matches_resource(one, other) is (one == other)


@given(st.lists(ACTIONS, min_size=1, max_size=3), ACTIONS)
def test_text_object_list_and_single_value_mean_the_same(actions: list[str], asked: str) -> None:
    document = {"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    shapes = [document, json.dumps(document), {"Statement": document["Statement"][0]}]
    if len(actions) == 1:
        shapes.append({"Statement": {"Effect": "Allow", "Action": actions[0], "Resource": ["*"]}})
    answers = {
        found.covers_action(asked)
        for shape in shapes
        for found in statements(Resource(type=ROLE_POLICY, properties={"policy": shape}), "policy")
    }

    assert len(answers) == 1


@given(st.text("*?:", min_size=1, max_size=40), ACTIONS)
def test_wildcards_alone_never_take_long_and_never_break(pattern: str, action: str) -> None:
    if is_every_action(pattern) and "?" not in pattern:
        assert matches_action(pattern, action)
    matches_action(pattern, action * 50)


@pytest.mark.parametrize(
    ("pattern", "everything"),
    [("*", True), ("*:*", True), ("**", True), ("s3:*", False), ("s3:Get*", False), ("", False)],
)
def test_how_much_an_action_pattern_stands_for(pattern: str, everything: bool) -> None:
    assert is_every_action(pattern) is everything


@pytest.mark.parametrize(
    ("fields", "covered"),
    [
        ({"Action": "s3:*Object*"}, True),
        ({"Action": "S3:getOBJECT"}, True),
        ({"Action": ["kms:Decrypt", UNKNOWN]}, None),
        ({"Action": ["s3:GetObject", UNKNOWN]}, True),
        ({"NotAction": "s3:*"}, False),
        ({"NotAction": "iam:*"}, True),
        ({"NotAction": ["iam:*", UNKNOWN]}, None),
        ({"Action": []}, False),
        ({}, False),
    ],
)
def test_an_action_is_covered_not_covered_or_not_known(fields: dict[str, Any], covered: bool | None) -> None:
    assert _one(**fields).covers_action("s3:GetObject") is covered


def test_what_everybody_and_everything_is() -> None:
    assert _one(Principal="*").is_for_everybody
    assert _one(Principal={"AWS": ["111122223333", "*"]}).is_for_everybody
    assert _one(NotPrincipal={"AWS": "111122223333"}).is_for_everybody
    assert not _one(Principal={"Service": "*"}).is_for_everybody
    assert not _one(Principal={"AWS": "111122223333"}).is_for_everybody


@pytest.mark.parametrize("value", [False, "false", ["false"]])
@pytest.mark.parametrize("key", ["aws:SecureTransport", "AWS:securetransport"])
@pytest.mark.parametrize("operator", ["Bool", "BoolIfExists", "ForAnyValue:Bool"])
def test_a_condition_is_found_however_it_is_written(operator: str, key: str, value: object) -> None:
    found = _one(Condition={operator: {key: value}})

    assert found.condition("aws:SecureTransport", "Bool") == ("false",)
    assert found.condition("aws:SourceArn") == ()


def test_what_is_not_known_yet_has_a_place() -> None:
    [first, second] = parse(
        {"Statement": [UNKNOWN, {"Effect": "Allow", "Action": [UNKNOWN], "Resource": "*"}]}
    )

    assert (first.is_known, first.unknowns) == (False, ("policy Statement[0]",))
    assert second.unknowns == ("policy Statement[1].Action",)


@pytest.mark.parametrize(
    ("document", "error"),
    [("{", NotJsonError), ("[]", NotJsonError), ("7", NotJsonError), (UNKNOWN, NotKnownError)],
)
def test_what_is_no_document_says_where(document: object, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        statements(Resource(type=ROLE_POLICY, urn="u", properties={"policy": document}), "policy")

    assert caught.value.path == "policy"  # type: ignore[attr-defined]


def test_elements_in_any_case_and_given_twice_mean_all_that_they_say() -> None:
    [lower] = parse({"statement": {"effect": "Allow", "action": "*", "resource": "*"}})
    [twice] = parse(
        {
            "Statement": {
                "Effect": "Deny",
                "effect": "Allow",
                "Action": "s3:GetObject",
                "action": ["*"],
                "Resource": "arn:aws:s3:::a/*",
                "RESOURCE": "*",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "principal": "*",
                "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
                "condition": {},
            }
        }
    )

    assert lower.covers_action("iam:PassRole")
    assert lower.covers_resource("arn:aws:s3:::b")
    assert twice.allows
    assert twice.covers_action("iam:PassRole")
    assert twice.covers_resource("arn:aws:s3:::b")
    assert twice.is_for_everybody
    assert twice.conditions == ()
