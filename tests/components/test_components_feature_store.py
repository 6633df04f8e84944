"""The feature store: a group for each version of a contract, its own key, and permissions per consumer."""

from typing import Any

import pytest

from headway_components import (
    AISystemArgs,
    ArgsError,
    Feature,
    FeatureContract,
    FeatureServing,
    FeatureStore,
    FeatureStoreArgs,
    FieldType,
    Foundation,
    FoundationArgs,
)
from headway_components._refs import RoleRef
from headway_components._tags import tagged
from headway_policies.intent import DEVELOPMENT
from headway_policies.outcome import Outcome
from support.example_system import CUSTOMERS, DEPLOYMENT, MAX
from support.planned import judged
from support.pulumi_program import Run, run_program

WEATHER: dict[str, Any] = {
    "name": "weather",
    "entity": ["airport"],
    "features": [Feature(name="wind_mph", type=FieldType.NUMBER, nullable=True)],
    "served": FeatureServing.STORED,
}
FIRST = FeatureContract(**WEATHER)
SECOND = FeatureContract(**WEATHER | {"version": 2, "ttl_s": 5_400})


def deploy(*contracts: FeatureContract, feature_store: bool = True, keep: bool = True) -> Run:
    """A foundation and a store that one consumer reads and one producer writes."""

    def program() -> None:
        options = tagged(None, DEPLOYMENT, system="flights")
        foundation = Foundation(
            "flights-foundation",
            FoundationArgs(
                system="flights",
                account_id="000000000000",
                region="us-east-1",
                private_network=False,
                audit_trail=False,
                reproducible_data=not keep,
                destroy_data=not keep,
                feature_store=feature_store,
            ),
            options,
        )
        args = FeatureStoreArgs(foundation=foundation.ref, contracts=list(contracts))
        store = FeatureStore("flights-features", args, options)
        role = RoleRef(name="dashboard", arn="arn:aws:iam::000000000000:role/dashboard")
        store.grant_read(role, "dashboard", contracts[0])
        store.grant_write(role, "gauges", contracts[-1])

    return run_program(program)


@pytest.fixture(scope="module")
def run() -> Run:
    return deploy(FIRST, SECOND)


def test_versions_of_a_contract_stand_beside_each_other(run: Run) -> None:
    groups = run.of_type("featureGroup:FeatureGroup")

    assert [item.inputs["featureGroupName"] for item in groups] == [
        "flights-local-weather-v1",
        "flights-local-weather-v2",
    ]
    assert [item.inputs["description"] for item in groups] == [
        f"weather-v1 {FIRST.digest()}",
        f"weather-v2 {SECOND.digest()}",
    ]
    assert groups[0].inputs["featureDefinitions"] == [
        {"featureName": "airport", "featureType": "String"},
        {"featureName": "event_time", "featureType": "Fractional"},
        {"featureName": "wind_mph", "featureType": "Fractional"},
    ]
    assert "ttlDuration" not in groups[0].inputs["onlineStoreConfig"]
    assert groups[1].inputs["onlineStoreConfig"]["ttlDuration"] == {"unit": "Minutes", "value": 90}


def test_both_stores_have_the_key_of_the_features(run: Run) -> None:
    key = run.one("key:Key", "flights-foundation-features-key").outputs["arn"]
    for group in run.of_type("featureGroup:FeatureGroup"):
        assert group.inputs["onlineStoreConfig"]["securityConfig"] == {"kmsKeyId": key}
        assert group.inputs["offlineStoreConfig"]["s3StorageConfig"]["kmsKeyId"] == key


def test_a_consumer_reads_what_it_was_granted_and_writes_nothing(run: Run) -> None:
    (policy,) = run.one("rolePolicy:RolePolicy", "flights-features-read-dashboard").policies()
    records, history, *_ = policy["Statement"]

    assert records["Resource"] == [
        "arn:aws:sagemaker:us-east-1:000000000000:feature-group/flights-local-weather-v1"
    ]
    assert history["Resource"] == ["arn:aws:s3:::flights-foundation-features/weather-v1/*"]
    actions = [action for statement in policy["Statement"] for action in statement["Action"]]
    assert not [action for action in actions if "Put" in action or "Delete" in action]


def test_a_producer_writes_what_it_was_granted(run: Run) -> None:
    (policy,) = run.one("rolePolicy:RolePolicy", "flights-features-write-gauges").policies()

    assert policy["Statement"][0]["Resource"] == [
        "arn:aws:sagemaker:us-east-1:000000000000:feature-group/flights-local-weather-v2"
    ]
    assert "sagemaker:PutRecord" in policy["Statement"][0]["Action"]


def test_no_rule_speaks_against_the_smallest_store(run: Run) -> None:
    every = judged(run, DEVELOPMENT)
    judgements = [item for item in every if item.urn and "features" in item.urn]

    assert judgements
    assert [item for item in judgements if item.outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE)] == []


@pytest.mark.parametrize("keep", [True, False])
def test_what_is_kept_cannot_be_replaced_by_another_meaning(keep: bool) -> None:
    (group,) = deploy(FIRST, keep=keep).of_type("featureGroup:FeatureGroup")

    assert (group.protect, group.retain_on_delete) == (keep, keep)


PROBLEMS: dict[str, tuple[list[FeatureContract], bool, str]] = {
    "on request": (
        [FIRST.model_copy(update={"served": FeatureServing.ON_REQUEST})],
        True,
        "contracts has weather-v1, which is computed on request; declare it as stored",
    ),
    "no bucket": ([FIRST], False, "give its arguments feature_store=True"),
    "a long name": (
        [FIRST.model_copy(update={"name": "w" * 60})],
        True,
        "77 characters; shorten a name so that there are 64",
    ),
}


@pytest.mark.parametrize("case", PROBLEMS.values(), ids=list(PROBLEMS))
def test_what_cannot_be_stored_is_refused(case: tuple[list[FeatureContract], bool, str]) -> None:
    contracts, bucket, says = case
    with pytest.raises(ArgsError) as raised:
        deploy(*contracts, feature_store=bucket)
    assert says in str(raised.value)


def test_features_about_people_need_an_environment_that_says_so() -> None:
    with pytest.raises(ArgsError) as raised:
        AISystemArgs.of(AISystemArgs(spec=MAX, deployment=DEPLOYMENT))
    assert f"age_y of {CUSTOMERS.label} speak of people" in str(raised.value)
    assert "headway:personalData" in str(raised.value)
