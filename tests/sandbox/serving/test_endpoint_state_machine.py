"""Endpoint operations in random order against a small model of SageMaker's endpoints: no divergence, ever.

The control plane, the fleets, their supervision and the router are the real ones; a model server is a real
HTTP server that lives in this process (see `support.light_serving`). The model knows nothing of how the
sandbox does it: it says for each operation which answer SageMaker gives and which state follows.

250 sequences by default; HEADWAY_SEQUENCES=1000 for more.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from headway_sandbox.sagemaker.protocol import ServiceError
from headway_sandbox.sagemaker.store import Store
from support.light_serving import IMAGE, LightSandbox, LightServer

SEQUENCES = int(os.environ.get("HEADWAY_SEQUENCES", "250"))
STEPS = 7
ARN = "arn:aws:sagemaker:us-east-1:000000000000"
TIMEOUT_S = 60.0

# Every status that SageMaker documents may be followed by these, as EventBridge spells them; a restart of the
# sandbox says again where an endpoint was.
FOLLOWS = {
    "CREATING": {"IN_SERVICE", "FAILED", "CREATING"},
    "IN_SERVICE": {"UPDATING", "DELETING"},
    "UPDATING": {"IN_SERVICE", "ROLLING_BACK", "UPDATING"},
    "ROLLING_BACK": {"IN_SERVICE"},
    "FAILED": {"DELETING"},
    "DELETING": {"CREATING"},
}

ENDPOINTS = ("alpha", "alpha", "alpha", "beta")  # most operations meet an endpoint that exists
CONFIGS = ("first", "second", "third")
# The variants of a configuration: model, weight, instance count.
SHAPES: dict[str, dict[str, tuple[str, float, int]]] = {
    "one": {"main": ("good", 1.0, 1)},
    "wide": {"main": ("good", 1.0, 2)},
    "pair": {"main": ("good", 1.0, 1), "other": ("good", 3.0, 1)},
    "off": {"main": ("good", 0.0, 1), "other": ("good", 1.0, 2)},
    "sick": {"main": ("sick", 1.0, 1)},
    "half": {"main": ("good", 1.0, 1), "other": ("sick", 1.0, 1)},
}

T = TypeVar("T")
Variants = dict[str, tuple[str, float, int]]


@dataclass
class Known:
    """What the model knows of one endpoint."""

    status: str
    config: str | None
    variants: Variants = field(default_factory=dict)
    reason: bool = False
    pending: tuple[str, Variants] | None = None
    in_place: bool = False
    restoring: bool = False

    @property
    def launches(self) -> bool:
        """Whether what is on its way needs model servers to start."""
        if self.pending is None or self.status not in ("Creating", "Updating"):
            return False
        wanted = self.pending[1]
        return not self.in_place or any(wanted[name][2] > self.variants[name][2] for name in wanted)

    def finished(self) -> Known | None:
        """What becomes of it once nothing holds it up; None when it is gone."""
        if self.status == "Deleting":
            return None
        if self.pending is None or self.status == "Failed":
            return replace(self, restoring=False)
        config, variants = self.pending
        if self.launches and any(model == "sick" for model, _, _ in variants.values()):
            if self.status == "Creating":
                return replace(self, status="Failed", reason=True)
            return replace(self, status="InService", reason=True, pending=None, restoring=False)
        return Known("InService", config, variants)


class EndpointsOfSageMaker(RuleBasedStateMachine):
    """Drives the sandbox and the model at once."""

    directory: Path

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.sandbox = self.run(self.fresh())
        self.killed = False
        self.configs: dict[str, Variants] = {}
        self.endpoints: dict[str, Known] = {}

    async def fresh(self) -> LightSandbox:
        sandbox = LightSandbox(self.directory)
        sandbox.service.store.clear()
        return sandbox

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.sandbox.gate.set()
        self.run(self.sandbox.close())
        self.loop.close()
        for name, statuses in self.sandbox.statuses.items():
            assert statuses[0] == "CREATING", (name, statuses)
            for before, after in itertools.pairwise(statuses):
                assert after in FOLLOWS[before], (name, statuses)

    def attempt(self, expected: str | None, operation: str, **request: Any) -> bool:
        """Calls an operation that SageMaker carries out, or refuses with these words; tells which."""
        said: tuple[str, str] | None = None
        try:
            self.run(self.sandbox.call(operation, **request))
        except ServiceError as error:
            said = error.code, error.message
        if expected is None:
            assert said is None, (operation, request, said)
            return True
        assert said is not None, (operation, request, expected)
        assert said[0] == "ValidationException", (operation, request, said)
        assert said[1].startswith(expected), (operation, request, said, expected)
        return False

    def unchangeable(self, name: str, *, deleting: bool = False) -> str | None:
        """Why SageMaker refuses to change an endpoint, if it does."""
        known = self.endpoints.get(name)
        if known is None:
            return f'Could not find endpoint "{ARN}:endpoint/{name}".'
        if known.status in ("Creating", "Updating", "Deleting"):
            return f'Cannot update in-progress endpoint "{ARN}:endpoint/{name}".'
        if known.status == "Failed" and not deleting:
            return f'Cannot update endpoint "{ARN}:endpoint/{name}"'
        return None

    def missing_config(self, name: str | None) -> str | None:
        if name in self.configs:
            return None
        return f'Could not find endpoint configuration "{ARN}:endpoint-config/{name}".'

    # -- what users do ---------------------------------------------------------------------------------------

    @initialize(shapes=st.tuples(st.sampled_from(sorted(SHAPES)), st.sampled_from(sorted(SHAPES))))
    def an_endpoint_serves(self, shapes: tuple[str, str]) -> None:
        for name, environment in (("good", {"NAME": "good"}), ("sick", {"EXIT": "3"})):
            container = {"Image": IMAGE, "Environment": environment}
            assert self.attempt(
                None, "CreateModel", ModelName=name, PrimaryContainer=container, EnableNetworkIsolation=True
            )
        for config, shape in zip(CONFIGS, ("pair", *shapes), strict=True):
            self.create_config(config, shape)
        self.create_endpoint("alpha", "first")

    @rule(name=st.sampled_from(CONFIGS), shape=st.sampled_from(sorted(SHAPES)))
    def create_config(self, name: str, shape: str) -> None:
        exists = f'Cannot create already existing endpoint configuration "{ARN}:endpoint-config/{name}".'
        variants = [
            {
                "VariantName": variant,
                "ModelName": model,
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": count,
                "InitialVariantWeight": weight,
            }
            for variant, (model, weight, count) in SHAPES[shape].items()
        ]
        if self.attempt(
            exists if name in self.configs else None,
            "CreateEndpointConfig",
            EndpointConfigName=name,
            ProductionVariants=variants,
        ):
            self.configs[name] = SHAPES[shape]

    @rule(name=st.sampled_from(CONFIGS))
    def delete_config(self, name: str) -> None:
        if self.attempt(self.missing_config(name), "DeleteEndpointConfig", EndpointConfigName=name):
            del self.configs[name]

    @rule(name=st.sampled_from(ENDPOINTS), config=st.sampled_from(CONFIGS))
    def create_endpoint(self, name: str, config: str) -> None:
        exists = f'Cannot create already existing endpoint "{ARN}:endpoint/{name}".'
        expected = exists if name in self.endpoints else self.missing_config(config)
        if self.attempt(expected, "CreateEndpoint", EndpointName=name, EndpointConfigName=config):
            self.endpoints[name] = Known("Creating", config, pending=(config, self.configs[config]))

    @rule(name=st.sampled_from(ENDPOINTS), config=st.sampled_from(CONFIGS), retain=st.booleans())
    def update_endpoint(self, name: str, config: str, retain: bool) -> None:
        known = self.endpoints.get(name)
        expected = (
            self.unchangeable(name)
            or self.missing_config(None if known is None else known.config)
            or self.missing_config(config)
        )
        if self.attempt(
            expected,
            "UpdateEndpoint",
            EndpointName=name,
            EndpointConfigName=config,
            RetainAllVariantProperties=retain,
        ):
            assert known is not None
            kept = known.variants if retain else {}
            wanted = {
                variant: (model, *kept[variant][1:]) if variant in kept else (model, weight, count)
                for variant, (model, weight, count) in self.configs[config].items()
            }
            self.endpoints[name] = replace(known, status="Updating", pending=(config, wanted), in_place=False)

    @rule(
        name=st.sampled_from(ENDPOINTS),
        variant=st.sampled_from(("main", "other")),
        weight=st.sampled_from((0.0, 1.0, 2.0)),
        count=st.integers(1, 3),
    )
    def change_weight_and_capacity(self, name: str, variant: str, weight: float, count: int) -> None:
        known = self.endpoints.get(name)
        expected = self.unchangeable(name)
        wanted: Variants = {}
        if expected is None and known is not None:
            wanted = dict(known.variants)
            if variant in wanted:
                wanted[variant] = (wanted[variant][0], weight, count)
                if not any(share for _, share, _ in wanted.values()):
                    expected = "At least one production variant must keep a DesiredWeight greater than 0."
            else:
                expected = f'Could not find variant {variant} in endpoint "{ARN}:endpoint/{name}"'
        desired = [{"VariantName": variant, "DesiredWeight": weight, "DesiredInstanceCount": count}]
        if self.attempt(
            expected,
            "UpdateEndpointWeightsAndCapacities",
            EndpointName=name,
            DesiredWeightsAndCapacities=desired,
        ):
            assert known is not None
            assert known.config is not None
            pending = (known.config, wanted)
            self.endpoints[name] = replace(known, status="Updating", pending=pending, in_place=True)

    @rule(name=st.sampled_from(ENDPOINTS))
    def delete_endpoint(self, name: str) -> None:
        expected = self.unchangeable(name, deleting=True)
        if self.attempt(expected, "DeleteEndpoint", EndpointName=name):
            self.endpoints[name] = replace(self.endpoints[name], status="Deleting")

    @rule(name=st.sampled_from(ENDPOINTS), aimed_at=st.sampled_from(("", "main", "other")))
    def invoke(self, name: str, aimed_at: str) -> None:
        known = self.endpoints.get(name)
        if known is not None and known.restoring:
            return  # the request would wait until the endpoint is back
        headers = {"x-amzn-sagemaker-target-variant": aimed_at} if aimed_at else {}
        status, answer = self.run(self.sandbox.invoke(name, **headers))
        if known is None or not known.variants:
            assert (status, answer["ErrorCode"]) == (400, "NO_SUCH_ENDPOINT")
        elif aimed_at and aimed_at not in known.variants:
            assert (status, answer["ErrorCode"]) == (400, "NO_SUCH_VARIANT")
        elif not aimed_at and not any(weight for _, weight, _ in known.variants.values()):
            assert (status, answer["ErrorCode"]) == (400, "NO_WEIGHTED_VARIANT")
        else:
            assert (status, answer) == (200, {"name": "good"})

    # -- what happens ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.sandbox.gate.is_set())
    @rule()
    def model_servers_take_long_to_start(self) -> None:
        self.sandbox.gate.clear()

    @precondition(lambda self: not self.sandbox.gate.is_set())
    @rule()
    def model_servers_get_ready(self) -> None:
        self.sandbox.gate.set()

    @precondition(lambda self: not self.killed and self.sandbox.gate.is_set() and self.sandbox.servers)
    @rule(which=st.integers(0, 9))
    def a_model_server_dies(self, which: int) -> None:
        self.killed = True  # once a sequence: the second time, the restart has a pause before it
        which %= len(self.sandbox.servers)
        self.run(self.replaced(self.sandbox.servers[which]))

    async def replaced(self, server: LightServer) -> None:
        before = len(self.sandbox.servers)
        self.sandbox.servers.remove(server)
        server.end(-9)
        async with asyncio.timeout(TIMEOUT_S):
            while len(self.sandbox.servers) < before:
                await asyncio.sleep(0.001)

    @rule()
    def the_sandbox_is_killed_and_started(self) -> None:
        self.run(self.sandbox.restart())
        for name, known in self.endpoints.items():
            self.endpoints[name] = replace(
                known,
                restoring=known.status in ("InService", "Updating"),
                reason=known.reason or known.status in ("Creating", "Updating"),
            )

    # -- what must be true -----------------------------------------------------------------------------------

    @invariant()
    def the_sandbox_agrees_with_the_model(self) -> None:
        for name, known in list(self.endpoints.items()):
            held_up = not self.sandbox.gate.is_set() and (known.restoring or known.launches)
            after = known if held_up else known.finished()
            if after is None:
                del self.endpoints[name]
            else:
                self.endpoints[name] = after
        expected = {name: self.expected(known) for name, known in self.endpoints.items()}
        seen = self.run(self.converged(expected))
        assert seen == expected
        if self.sandbox.gate.is_set():
            running = sum(
                count for known in self.endpoints.values() for _, _, count in known.variants.values()
            )
            assert len(self.sandbox.servers) == running, "model servers are missing, or some were left behind"

    def expected(self, known: Known) -> dict[str, Any]:
        return {
            "status": known.status,
            "config": known.config,
            "reason": known.reason,
            "pending": known.pending[0] if known.pending is not None and known.variants else None,
            "variants": {
                name: (weight, count, 0 if known.restoring else count)
                for name, (_, weight, count) in known.variants.items()
            },
        }

    async def converged(self, expected: dict[str, Any]) -> dict[str, Any]:
        """What DescribeEndpoint says of every endpoint, once it says what is expected or time is up."""
        statuses = {name: endpoint["status"] for name, endpoint in expected.items()}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT_S):
                while await self.listed() != statuses or await self.seen() != expected:
                    await asyncio.sleep(0.002)
        return await self.seen()

    async def listed(self) -> dict[str, str]:
        listed = (await self.sandbox.call("ListEndpoints"))["Endpoints"]
        return {item["EndpointName"]: item["EndpointStatus"] for item in listed}

    async def seen(self) -> dict[str, Any]:
        described = [
            await self.sandbox.call("DescribeEndpoint", EndpointName=name) for name in await self.listed()
        ]
        return {
            endpoint["EndpointName"]: {
                "status": endpoint["EndpointStatus"],
                "config": endpoint["EndpointConfigName"],
                "reason": "FailureReason" in endpoint,
                "pending": endpoint.get("PendingDeploymentSummary", {}).get("EndpointConfigName"),
                "variants": {
                    item["VariantName"]: (
                        item["CurrentWeight"],
                        item["DesiredInstanceCount"],
                        item["CurrentInstanceCount"],
                    )
                    for item in endpoint.get("ProductionVariants", [])
                },
            }
            for endpoint in described
        }


def test_no_sequence_of_operations_diverges(tmp_path: Path) -> None:
    EndpointsOfSageMaker.directory = tmp_path
    # An open connection spares every sequence the disk writes with which SQLite opens and closes a file.
    with contextlib.closing(Store(tmp_path / "state.sqlite")):
        run_state_machine_as_test(
            EndpointsOfSageMaker,
            settings=settings(
                max_examples=SEQUENCES,
                stateful_step_count=STEPS,
                derandomize=True,
                phases=(Phase.generate,),  # a sequence is short enough to be read as it is
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
