"""Twenty callers through an update, new weights, a crash and a kill: nothing is lost, nothing doubled."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ConnectionClosedError, EndpointConnectionError

from headway_sandbox import lifecycle
from support.serving import Serving, until

CALLERS = 20


@dataclass
class Asked:
    """One request of one caller."""

    name: str
    begun: float
    ended: float = 0.0
    broken: list[tuple[float, float]] = field(default_factory=list)
    body: str = ""
    variant: str = ""


def overlap(one: tuple[float, float], others: list[tuple[float, float]]) -> bool:
    """Whether a stretch of time has a moment in common with one of the others."""
    return any(one[0] <= ended and begun <= one[1] for begun, ended in others)


class Callers:
    """Asks one endpoint from many threads until told to stop."""

    def __init__(self, serving: Serving, endpoint: str) -> None:
        self.asked: list[Asked] = []
        self.failures: list[Exception] = []
        self._serving = serving
        self._endpoint = endpoint
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CALLERS)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def go_on(self) -> None:
        """Waits until every caller has been answered, on the average, a few times more."""
        before = len(self.asked)
        until(lambda: len(self.asked), lambda count: count > before + 4 * CALLERS or bool(self.failures))

    def _ask(self, caller: int) -> None:
        number = 0
        while not self._ended.is_set() and not self.failures:
            number += 1
            one = Asked(f"{caller}-{number}", time.monotonic())
            try:
                self._answer(one)
            except Exception as error:  # noqa: BLE001 - told to the test
                self.failures.append(error)
                return
            self.asked.append(one)

    def _answer(self, one: Asked) -> None:
        while True:
            begun = time.monotonic()
            try:
                answer = self._serving.invoke(self._endpoint, one.name.encode())
            except EndpointConnectionError:
                time.sleep(0.02)  # nobody listens: the request was never given to anybody
            except (ConnectionClosedError, BotoCoreError):
                one.broken.append((begun, time.monotonic()))
            else:
                one.ended = time.monotonic()
                one.body, one.variant = answer["Body"]["body"], answer["InvokedProductionVariant"]
                return


@pytest.fixture
def own(serving: Serving, tmp_path: Path) -> Serving:
    """A sandbox of its own, since it is killed; its images are those of the shared one."""
    (tmp_path / "images.toml").write_text((serving.state_dir / "images.toml").read_text())
    return Serving(tmp_path)


def test_no_answer_is_lost_or_doubled(own: Serving, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    kills: list[tuple[float, float]] = []

    def config(name: str) -> str:
        model = own.model({"NAME": name, "JOURNAL": str(journal)})
        return own.config(*({"VariantName": variant, "ModelName": model} for variant in ("a", "b")))

    try:
        endpoint, second = own.endpoint(config("first")), config("second")
        with Callers(own, endpoint) as callers:
            callers.go_on()
            own.update(endpoint, second)
            callers.go_on()
            own.weigh(endpoint, a=3.0, b=1.0)
            callers.go_on()
            worker = own.invoke(endpoint, b"who")["Body"]["pid"]
            begun = time.monotonic()
            os.kill(worker, signal.SIGKILL)
            kills.append((begun, time.monotonic()))
            callers.go_on()
            begun = time.monotonic()
            lifecycle.kill(own.state_dir)
            kills.append((begun, time.monotonic()))
            own.record = lifecycle.start(own.state_dir, own.record.port)
            callers.go_on()
        described = own.describe(endpoint)
    finally:
        lifecycle.stop(own.state_dir)

    assert callers.failures == []
    assert [one.name for one in callers.asked if one.body != one.name] == []
    broken = [attempt for one in callers.asked for attempt in one.broken]
    assert [attempt for attempt in broken if not overlap(attempt, kills[-1:])] == []
    answered = Counter(journal.read_text().split())
    assert [one.name for one in callers.asked if answered[one.name] == 0] == []
    doubled = [one for one in callers.asked if answered[one.name] > 1]
    assert [one.name for one in doubled if not overlap((one.begun, one.ended), kills)] == []
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == second
    weights = {item["VariantName"]: item["CurrentWeight"] for item in described["ProductionVariants"]}
    assert weights == {"a": 3.0, "b": 1.0}
