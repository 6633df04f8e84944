"""The first blueprint and the reference system that is declared through it."""

import pytest

from flight_delay.features import FEATURES
from flight_delay.system import BASELINE, FLIGHT_DELAY, FLIGHTS
from flight_delay.system import FEATURES as CONTRACTS
from headway_blueprints import realtime_classifier
from headway_components import (
    Answer,
    Approval,
    DataRetention,
    DeclarationError,
    FeatureContract,
    ModelSource,
    ModelSpec,
    SystemSpec,
)


def test_contracts_and_a_model_are_enough() -> None:
    system = realtime_classifier("flights", features=FLIGHTS, model=ModelSpec.placeholder())

    assert isinstance(system, SystemSpec)
    assert list(system.contract.inputs) == list(FLIGHTS.features)
    assert system.release.approval is Approval.AUTOMATIC
    assert system.compliance.data_retention is DataRetention.KEEP


def test_the_reference_system_asks_for_what_its_features_are() -> None:
    declared = [(field.name, field.type.value, field.nullable) for field in FLIGHT_DELAY.contract.inputs]

    assert declared == [(feature.name, feature.type, feature.nullable) for feature in FEATURES]


def test_placeholder_and_baseline_differ_by_one_reference() -> None:
    placeholder = realtime_classifier(
        "flight-delay",
        features=CONTRACTS,
        model=ModelSpec.placeholder(),
        answer=Answer(prior=0.24),
        data_retention=DataRetention.REPRODUCIBLE,
        review=FLIGHT_DELAY.review,
        drift=FLIGHT_DELAY.drift,
        skew=FLIGHT_DELAY.skew,
    )

    assert placeholder.model_copy(update={"model": BASELINE}) == FLIGHT_DELAY
    assert FLIGHT_DELAY.model.source is ModelSource.TRAINED


def test_a_model_for_other_features_is_refused() -> None:
    fewer = FeatureContract.of("flights", FEATURES[:-1], entity=["flight"])

    with pytest.raises(DeclarationError, match="needs input 'visibility_mi'"):
        realtime_classifier("flight-delay", features=fewer, model=BASELINE)


def test_every_parameter_reaches_the_declaration() -> None:
    system = realtime_classifier(
        "flights",
        features=FLIGHTS,
        model=ModelSpec.placeholder(),
        answer=Answer(name="late", prior=0.5),
        version=4,
        maximum_latency_p99_ms=7,
        maximum_error_rate_pct=0,
        approval=Approval.MANUAL,
        data_retention=DataRetention.REPRODUCIBLE,
    )

    assert (system.contract.version, system.contract.output.name) == (4, "late")
    assert system.monitoring.maximum_latency_p99_ms == 7
    assert system.monitoring.maximum_error_rate_pct == 0
    assert system.release.approval is Approval.MANUAL
    assert system.compliance.data_retention is DataRetention.REPRODUCIBLE
