"""An exported state of anybody's stack is read, or refused with a clear sentence; secrets stay hidden."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_policies.intent import DataClassification, configuration_of_tags, read_intent
from headway_policies.resource import UNKNOWN
from headway_policies.state_file import StateError, read_state

MARK, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
URN = "urn:pulumi:prod::shop::aws:s3/bucket:Bucket::data"


def _state(*resources: dict[str, Any], version: object = 3) -> str:
    return json.dumps({"version": version, "deployment": {"manifest": {}, "resources": list(resources)}})


def _bucket(**changes: Any) -> dict[str, Any]:
    return {"urn": URN, "type": "aws:s3/bucket:Bucket", "custom": True, "id": "data-1", **changes}


def test_inputs_win_and_outputs_add_what_names_the_resource() -> None:
    [found] = read_state(
        _state(
            _bucket(
                inputs={"bucket": "declared", "__defaults": []},
                outputs={"bucket": "live", "arn": "arn:aws:s3:::declared"},
                propertyDependencies={"bucket": ["urn:x"], "tags": []},
                sourcePosition="project:///stacks/__main__.py#12,3",
            )
        )
    ).resources

    assert found.properties == {"bucket": "declared", "arn": "arn:aws:s3:::declared", "id": "data-1"}
    assert found.references == {"bucket": frozenset({"urn:x"})}
    assert found.source == "stacks/__main__.py:12"


def test_secrets_are_unknown_or_hidden() -> None:
    state = read_state(
        _state(
            _bucket(
                inputs={
                    "encrypted": {MARK: SECRET, "ciphertext": "v1:abc"},
                    "shown": {MARK: SECRET, "plaintext": json.dumps({"password": "hunter2!"})},
                    "deep": [{"a": {MARK: SECRET, "ciphertext": "v1:abc"}}],
                }
            )
        )
    )
    [found] = state.resources

    assert found.value("encrypted") is UNKNOWN
    assert found.value("deep[0].a") is UNKNOWN
    assert found.value("shown.password") == "hunter2!"
    assert found.secrets == {"encrypted", "shown", "deep"}
    assert state.secret_texts == {"hunter2!"}


def test_old_copies_that_wait_for_their_deletion_are_not_judged() -> None:
    state = read_state(_state(_bucket(delete=True), _bucket(id="new")))

    assert [item.properties["id"] for item in state.resources] == ["new"]


@pytest.mark.parametrize(
    "text",
    [
        _state(),
        '{"version": 3, "deployment": null}',
        '{"version": 3, "checkpoint": {"stack": "a", "latest": null}}',
        '{"version": 4, "features": ["taint"], "deployment": {"resources": []}}',
    ],
)
def test_a_stack_without_resources_is_a_stack(text: str) -> None:
    assert read_state(text).resources == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ('{"version": 3, "deployment": {"resources": [', "not JSON"),
        ("[]", "want a JSON object"),
        ("{}", "version is missing"),
        (_state(version=1), "version is 1; versions 3 and 4 are read"),
        (_state(version="3"), "version is a str"),
        (_state(version=True), "version is True"),
        ('{"version": 3}', "holds no `deployment`"),
        ('{"version": 3, "deployment": {"resources": {}}}', "want a list"),
        ('{"version": 3, "deployment": {"resources": [7]}}', "resources[0] is 7"),
        ('{"version": 3, "deployment": {"resources": [{"type": "t"}]}}', "no `urn`"),
        (_state(_bucket(inputs=[])), "resources[0].inputs"),
        ("[" * 100_000, "nested too deeply"),
        (
            _state(_bucket(inputs=0)).replace("0}", '{"a":' * 9_000 + "1" + "}" * 9_000 + "}"),
            "nested too deeply",
        ),
        (_state(_bucket(inputs=0)).replace("0}", '{"a": ' + "9" * 5_000 + "}}"), "a number that is none"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_what_is_no_state_is_refused_with_what_to_do(text: str | bytes, said: str) -> None:
    with pytest.raises(StateError) as caught:
        read_state(text)

    assert said in str(caught.value)
    assert "pulumi stack export" in str(caught.value)


@given(
    st.text(max_size=80)
    | st.recursive(st.none() | st.integers() | st.text(max_size=9), st.lists).map(json.dumps)
)
def test_nothing_else_than_a_clear_error_comes_of_nonsense(text: str) -> None:
    with pytest.raises(StateError, match="pulumi stack export"):
        read_state(text)


def test_tags_of_a_deployed_stack_tell_its_intent() -> None:
    intent = read_intent(
        configuration_of_tags(
            [
                {"headway:environment": "prod", "headway:data-classification": "internal"},
                {"headway:data-classification": "restricted", "headway:frameworks": "hipaa soc2"},
                {"headway:personal-data": "true"},
                {},
            ]
        )
    )

    assert (intent.environment, intent.data_classification) == ("prod", DataClassification.RESTRICTED)
    assert (intent.frameworks, intent.personal_data) == (frozenset({"hipaa", "soc2"}), True)
    assert intent.problems == ()


@pytest.mark.parametrize(
    ("key", "value", "bad"),
    [
        ("headway:environment", "", True),
        ("headway:dataClassification", "Confidential", False),
        ("headway:dataClassification", "secret", True),
        ("headway:frameworks", '["hipaa"]', False),
        ("headway:frameworks", "hipaa", True),
        ("headway:frameworks", ["nope"], True),
        ("headway:personalData", False, False),
        ("headway:personalData", "maybe", True),
    ],
)
def test_an_intent_that_is_not_one_is_named(key: str, value: object, bad: bool) -> None:
    declared = {"headway:environment": "prod", "headway:dataClassification": "internal", key: value}

    assert [item.key for item in read_intent(declared).problems] == ([key] if bad else [])
