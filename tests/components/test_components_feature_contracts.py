"""What a feature contract promises, what makes a new version of it, and what a model may take."""

from typing import Any

import pytest

from headway_components import (
    DeclarationError,
    Feature,
    FeatureContract,
    FeatureServing,
    FeatureVersion,
    FieldType,
    InferenceContract,
    ModelSpec,
    PersonalData,
    SystemSpec,
)

AGE = Feature(
    name="age_y",
    type=FieldType.INTEGER,
    sql="date_diff('year', people.born, people.at)",
    description="Completed years",
    personal_data=PersonalData(purposes=["fraud prevention", "credit"], retention_d=90),
)
PEOPLE: dict[str, Any] = {
    "name": "people",
    "entity": ["person"],
    "features": [AGE],
    "served": FeatureServing.STORED,
    "ttl_s": 86_400,
    "owner": "customer-data",
}


def people(**changes: Any) -> FeatureContract:
    return FeatureContract(**PEOPLE | changes)


def system(*contracts: FeatureContract, purpose: str | None = None, **changes: Any) -> SystemSpec:
    contract = InferenceContract.over(list(contracts)[:1], name="fraud", purpose=purpose)
    return SystemSpec(
        name="fraud",
        features=list(contracts),
        contract=contract.model_copy(update=changes),
        model=ModelSpec.placeholder(),
    )


MEANING = {
    "an expression": {"features": [AGE.model_copy(update={"sql": "people.years"})]},
    "a range": {"features": [AGE.model_copy(update={"maximum": 120.0})]},
    "a name": {"features": [AGE.model_copy(update={"name": "years"})]},
    "how long it counts": {"ttl_s": 3_600},
    "the code beside the expressions": {"transformation": "sha256:" + "0" * 64},
    "the version": {"version": 2},
}


@pytest.mark.parametrize("change", MEANING.values(), ids=list(MEANING))
def test_a_change_of_meaning_is_another_digest(change: dict[str, Any]) -> None:
    assert people(**change).digest() != people().digest()


def test_words_about_a_feature_do_not_change_its_digest() -> None:
    described = AGE.model_copy(update={"description": "Age in years", "owner": "risk", "freshness_s": 60})

    assert people(owner="risk", description="People", features=[described]).digest() == people().digest()


def test_two_versions_stand_beside_each_other_and_a_model_takes_the_one_it_names() -> None:
    second = people(version=2, features=[AGE.model_copy(update={"sql": "people.years"})])
    spec = system(people(), second, purpose="credit")

    assert [item.label for item in spec.stored_features()] == ["people-v1", "people-v2"]
    assert spec.taken_features() == [people()]


SYSTEMS: dict[str, tuple[list[FeatureContract], dict[str, Any], tuple[str, ...]]] = {
    "an unknown version": (
        [people()],
        {"purpose": "credit", "features": [FeatureVersion(name="people", version=3)]},
        ("contract.features.0: is not declared; the system declares people-v1", "'people-v3'", "take one"),
    ),
    "a purpose that is not allowed": (
        [people()],
        {"purpose": "marketing"},
        (
            "takes 'age_y' of people-v1, personal data that may be used for fraud prevention, credit",
            "got 'marketing'; leave the feature out, or have its owner customer-data add the purpose",
        ),
    ),
    "no purpose": ([people()], {}, ("contract.purpose: is missing", "say what the answers are for")),
    "the same version with another meaning": (
        [people(), people(ttl_s=60)],
        {"purpose": "credit"},
        ("features: is declared more than once, got 'people-v1'", "raise version"),
    ),
}


@pytest.mark.parametrize("case", SYSTEMS.values(), ids=list(SYSTEMS))
def test_what_a_model_may_not_take_is_refused(
    case: tuple[list[FeatureContract], dict[str, Any], tuple[str, ...]],
) -> None:
    contracts, changes, said = case
    with pytest.raises(DeclarationError) as raised:
        system(*contracts, **changes)
    for words in said:
        assert words in str(raised.value)


CONTRACTS: dict[str, tuple[dict[str, Any], str]] = {
    "two keys": ({"entity": ["person", "shop"]}, "compute one key column of them"),
    "a boolean": (
        {"features": [Feature(name="known", type=FieldType.BOOLEAN)], "ttl_s": None},
        "'known' is boolean, which the feature store does not know; declare an integer",
    ),
    "a column of the store": (
        {"features": [Feature(name="write_time", type=FieldType.STRING)]},
        "is a column that the feature store adds itself, got 'write_time'",
    ),
    "a name with a sign at its end": (
        {"features": [Feature(name="age_", type=FieldType.INTEGER)]},
        "is not a name that the feature store takes, got 'age_'",
    ),
    "one name in two cases": ({"entity": ["AGE_Y"]}, "knows no case, got 'AGE_Y'"),
    "a promise longer than the value": (
        {"features": [AGE.model_copy(update={"freshness_s": 100_000})]},
        "features.0.freshness_s: is longer than the 86400 s that the value counts",
    ),
    "people without an end": ({"ttl_s": None}, "ttl_s: is missing"),
    "no purpose in common": (
        {
            "features": [
                AGE,
                AGE.model_copy(
                    update={"name": "b", "personal_data": PersonalData(purposes=["x"], retention_d=1)}
                ),
            ]
        },
        "speak of people and have no purpose in common",
    ),
}


@pytest.mark.parametrize("case", CONTRACTS.values(), ids=list(CONTRACTS))
def test_what_the_feature_store_cannot_hold_is_refused(case: tuple[dict[str, Any], str]) -> None:
    changes, says = case
    with pytest.raises(DeclarationError) as raised:
        people(**changes)
    assert says in str(raised.value)


def test_a_purpose_that_no_tag_can_hold_is_refused() -> None:
    with pytest.raises(DeclarationError, match="cannot be written into a tag"):
        PersonalData(purposes=["fraud, and more"], retention_d=1)


def test_personal_data_says_what_it_may_be_used_for_and_until_when() -> None:
    other = PersonalData(purposes=["credit"], retention_d=30)
    both = people(features=[AGE, AGE.model_copy(update={"name": "score", "personal_data": other})])

    assert both.purposes() == ["credit"]
    assert both.retention_d() == 30
    assert (people(features=[Feature(name="a", type=FieldType.STRING)]).purposes(), 0) == ([], 0)
