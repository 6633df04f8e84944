"""Endpoints outlive the sandbox's process; their model servers do not."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway_sandbox import lifecycle
from support.serving import Serving, refused, until

MODEL_SERVER = Path(__file__).with_name("model_server.py")


def write_images(state_dir: Path) -> None:
    command = [sys.executable, "-S", "-u", str(MODEL_SERVER)]
    (state_dir / "images.toml").write_text(f"[images]\ntiny-server = {json.dumps(command)}\n")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Serving]:
    write_images(tmp_path)
    yield Serving(tmp_path)
    lifecycle.stop(tmp_path)


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]


def test_endpoints_serve_again_after_a_restart(own: Serving) -> None:
    config = own.config_of({"NAME": "durable"}, ModelName=own.model({"NAME": "durable"}))
    name = own.endpoint(config)
    own.client("sagemaker").delete_endpoint_config(EndpointConfigName=config)
    pid = own.invoke(name)["Body"]["pid"]

    own.restart()

    assert not alive(pid)
    assert own.describe(name)["EndpointStatus"] == "InService"
    assert own.invoke(name)["Body"]["name"] == "durable"


def test_work_that_a_kill_interrupted_is_finished(own: Serving) -> None:
    served = own.endpoint(own.config_of({"NAME": "old"}))
    creating = own.name("endpoint")
    slow = own.config_of({"NAME": "new", "START": "slow"})
    sagemaker = own.client("sagemaker")
    sagemaker.create_endpoint(EndpointName=creating, EndpointConfigName=slow)
    sagemaker.update_endpoint(EndpointName=served, EndpointConfigName=slow)
    pid = own.invoke(served)["Body"]["pid"]

    os.kill(own.record.pid, signal.SIGKILL)
    until(lambda: alive(pid), lambda running: not running)
    own.restart()

    assert own.invoke(served)["Body"]["name"] in ("old", "new")
    for name in (creating, served):
        assert own.settled(name)["EndpointStatus"] == "InService"
        assert own.settled(name)["EndpointConfigName"] == slow
        assert own.invoke(name)["Body"]["name"] == "new"


def test_an_update_that_a_kill_interrupted_says_so_and_begins_anew(own: Serving) -> None:
    old, new = own.config_of({"NAME": "old"}), own.config_of({"NAME": "new"})
    name = own.endpoint(old)
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    routing = {"Type": "CANARY", "WaitIntervalInSeconds": 3600, "CanarySize": size}
    own.client("sagemaker").update_endpoint(
        EndpointName=name,
        EndpointConfigName=new,
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
    )

    def answers() -> set[str]:
        return {own.invoke(name)["Body"]["name"] for _ in range(4)}

    until(answers, lambda names: names == {"old", "new"})

    lifecycle.kill(own.state_dir)
    own.record = lifecycle.start(own.state_dir, own.record.port)

    until(answers, lambda names: names == {"old", "new"})
    during = own.describe(name)
    assert (during["EndpointStatus"], during["EndpointConfigName"]) == ("Updating", old)
    assert during["FailureReason"] == (
        "The sandbox was stopped while it updated this endpoint; the update has begun anew."
    )
    own.pace(100_000)
    after = own.settled(name)
    assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", new)
    assert "FailureReason" not in after


def test_an_endpoint_that_cannot_be_brought_back_says_so(own: Serving) -> None:
    name = own.endpoint(own.config_of())
    (own.state_dir / "images.toml").write_text("[images]\n")

    own.restart()

    endpoint = until(lambda: own.describe(name), lambda found: found["EndpointStatus"] != "InService")
    assert endpoint["EndpointStatus"] == "OutOfService"
    assert "could not be brought back" in endpoint["FailureReason"]
    assert "tiny-server" in endpoint["FailureReason"]
    own.client("sagemaker").delete_endpoint(EndpointName=name)


def test_a_model_server_that_never_gets_healthy_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADWAY_SANDBOX_STARTUP_TIMEOUT_S", "0.7")
    write_images(tmp_path)
    own = Serving(tmp_path)
    try:
        name = own.name("endpoint")
        own.client("sagemaker").create_endpoint(
            EndpointName=name, EndpointConfigName=own.config_of({"START": "deaf"})
        )
        endpoint = own.settled(name)
    finally:
        lifecycle.stop(tmp_path)

    assert endpoint["EndpointStatus"] == "Failed"
    assert "did not answer GET /ping with 200 within 0.7 seconds" in endpoint["FailureReason"]


def test_a_reset_ends_everything(own: Serving) -> None:
    name = own.endpoint(own.config_of())
    pid = own.invoke(name)["Body"]["pid"]

    lifecycle.reset(own.state_dir)

    assert not alive(pid)
    with refused("ValidationError", "not found"):
        own.invoke(name)
    assert own.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert own.invoke(own.endpoint(own.config_of({"NAME": "again"})))["Body"]["name"] == "again"
