"""Model servers that misbehave on demand, as callers see it; shadows that nobody has to wait for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from headway_sandbox.dataplane.worker_faults import falsified
from support.serving import Serving, until

SHADOW = {"VariantName": "shadow", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


@pytest.fixture(scope="module")
def champion(serving: Serving) -> str:
    return serving.endpoint(serving.config_of({"NAME": "champion"}))


@pytest.fixture
def faults(serving: Serving) -> Iterator[list[str]]:
    made: list[str] = []
    yield made
    for fault in made:
        serving.clear_fault(fault)


def status(serving: Serving, endpoint: str) -> int:
    try:
        return int(serving.invoke(endpoint)["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as error:
        return int(error.response["OriginalStatusCode"])


def test_errors_come_at_the_rate_that_was_asked_for(
    serving: Serving, champion: str, faults: list[str]
) -> None:
    faults.append(serving.fault(kind="worker", endpoint=champion, error_rate=0.25))

    assert Counter(status(serving, champion) for _ in range(20)) == {200: 15, 500: 5}


def test_a_fault_of_one_variant_leaves_the_other_alone(serving: Serving, faults: list[str]) -> None:
    models = {name: serving.model({"NAME": name}) for name in ("good", "bad")}
    endpoint = serving.endpoint(
        serving.config(*({"VariantName": name, "ModelName": model} for name, model in models.items()))
    )
    faults.append(serving.fault(kind="worker", endpoint=endpoint, variant="bad", delay_s=0.3))

    took = {}
    for name in models:
        began = time.monotonic()
        serving.invoke(endpoint, TargetVariant=name)
        took[name] = time.monotonic() - began

    assert took["bad"] >= 0.3 > took["good"]


def test_a_crash_restarts_the_server_and_loses_no_call(
    serving: Serving, champion: str, faults: list[str]
) -> None:
    before = serving.invoke(champion)["Body"]["pid"]
    faults.append(serving.fault(kind="worker", endpoint=champion, crash_rate=0.2))

    pids = [serving.invoke(champion)["Body"]["pid"] for _ in range(5)]

    assert len({before, *pids}) == 2


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b'{"probability": 0.25}', b'{"probability": 0.75}'),
        (b"0.1,1\n1e-1,-2", b"0.9,0\n0.9,3"),
        (b"no number", b"no number"),
    ],
)
def test_a_wrong_answer_has_the_form_of_a_right_one(body: bytes, wrong: bytes) -> None:
    assert falsified(body) == wrong


@pytest.mark.parametrize(
    "trouble",
    [
        {"delay_s": 30.0},
        {"crash_rate": 1.0},
        {"silent_rate": 1.0},
        {"error_rate": 1.0},
    ],
    ids=lambda members: next(iter(members)),
)
def test_a_shadow_in_trouble_neither_delays_nor_fails_a_caller(
    serving: Serving, faults: list[str], trouble: dict[str, float]
) -> None:
    shadow = {**SHADOW, "ModelName": serving.model({"NAME": "shadow"}), "InitialVariantWeight": 1.0}
    endpoint = serving.endpoint(
        serving.config({"ModelName": serving.model({"NAME": "main"})}, ShadowProductionVariants=[shadow])
    )
    faults.append(serving.fault(kind="worker", endpoint=endpoint, variant="shadow", **trouble))

    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        names = Counter(
            answer["Body"]["name"] for answer in pool.map(lambda _: serving.invoke(endpoint), range(100))
        )
    took_s = time.monotonic() - began

    assert names == {"main": 100}
    assert took_s < 10.0


def test_a_fault_ends_when_it_is_cleared(serving: Serving, champion: str) -> None:
    fault = serving.fault(kind="worker", endpoint=champion, error_rate=1.0)
    assert status(serving, champion) == 500

    serving.clear_fault(fault)

    until(lambda: status(serving, champion), lambda found: found == 200)
