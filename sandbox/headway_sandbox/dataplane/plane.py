"""The data plane of one sandbox: which fleet serves behind which endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import weakref

from headway_sandbox.dataplane.capture import CaptureRule
from headway_sandbox.dataplane.capture_spool import CaptureSpool
from headway_sandbox.dataplane.choice import Sampling
from headway_sandbox.dataplane.container import HealthCheck, Host
from headway_sandbox.dataplane.fleet import MAX_COPIES, Fleet, Workshop
from headway_sandbox.dataplane.metrics import Metrics
from headway_sandbox.dataplane.model_call import MODEL_TIMEOUT_S
from headway_sandbox.dataplane.plan import FleetPlan
from headway_sandbox.dataplane.publisher import Publisher
from headway_sandbox.dataplane.shadow import ShadowCopies
from headway_sandbox.dataplane.worker_faults import FaultyCalls
from headway_sandbox.dataplane.worker_usage import WorkerUsage
from headway_sandbox.sagemaker.credentials import acting_as, role_environment
from headway_sandbox.sagemaker.protocol import SageMaker

MAX_COPIES_VARIABLE = "HEADWAY_SANDBOX_MAX_COPIES"
MODEL_TIMEOUT_VARIABLE = "HEADWAY_SANDBOX_MODEL_TIMEOUT_S"

_planes: dict[int, DataPlane] = {}


class DataPlane:
    """Fleets by endpoint, and what their invocations are told to.

    Args:
        service: The running SageMaker.

    Attributes:
        publisher: Carries the output of model servers away.
        metrics: Takes in invocations.
        spool: Takes in captured invocations.
        models: Asks models, under the faults of the moment.
        shadows: The copies of requests that are with shadow variants.
    """

    def __init__(self, service: SageMaker) -> None:
        self.publisher = Publisher()
        self.metrics = Metrics(service.put_metrics, service.clock)
        self.spool = CaptureSpool(
            functools.partial(acting_as, service), service.work_dir / "capture", service.clock
        )
        self.models = FaultyCalls(
            service.faults.worker, float(os.environ.get(MODEL_TIMEOUT_VARIABLE, MODEL_TIMEOUT_S))
        )
        self.shadows = ShadowCopies()
        self._service = service
        self._fleets: dict[str, Fleet] = {}
        self._shifts: dict[str, tuple[Fleet, Sampling]] = {}
        self._restoring: dict[str, asyncio.Event] = {}
        self._captures: weakref.WeakKeyDictionary[Fleet, CaptureRule | None] = weakref.WeakKeyDictionary()
        self._workshop = Workshop(
            host=Host(
                aws=service.aws,
                images=service.images,
                processes=service.processes,
                role_environment=functools.partial(role_environment, service),
                acting_as=functools.partial(acting_as, service),
            ),
            work_dir=service.work_dir,
            tasks=service.tasks,
            publisher=self.publisher,
            clock=service.clock,
            health=HealthCheck.from_environment(os.environ),
            capacity=service.faults.capacity,
            max_copies=int(os.environ.get(MAX_COPIES_VARIABLE, MAX_COPIES)),
        )
        service.tasks.start("data-plane-publisher", self.publisher.run())
        service.tasks.start("data-plane-metrics", self.metrics.run())
        usage = WorkerUsage(lambda: list(self._fleets.values()), service.put_metrics, service.clock)
        service.tasks.start("data-plane-usage", usage.run())
        service.tasks.start("data-plane-capture", self.spool.run())

    def new_fleet(self, endpoint: str, plan: FleetPlan) -> Fleet:
        """A fleet that has not been started."""
        return Fleet(self._workshop, endpoint, plan)

    def fleet(self, endpoint: str) -> Fleet | None:
        """The fleet that serves behind an endpoint."""
        return self._fleets.get(endpoint)

    def serve(self, endpoint: str, fleet: Fleet) -> Fleet | None:
        """Sends all of an endpoint's traffic to a fleet, and returns the one that served before."""
        self._shifts.pop(endpoint, None)
        previous = self._fleets.get(endpoint)
        self._fleets[endpoint] = fleet
        self.restored(endpoint)
        return previous

    def shift(self, endpoint: str, fleet: Fleet, share: float) -> None:
        """Sends a share of an endpoint's traffic to a second fleet, the rest to the one that serves.

        Args:
            endpoint: Name of the endpoint.
            fleet: The second fleet.
            share: Its share of the requests, 0 to 1, evenly spaced.
        """
        self._shifts[endpoint] = (fleet, Sampling(share))

    def withdraw(self, endpoint: str) -> Fleet | None:
        """Ends an endpoint's traffic, and returns the fleet that served."""
        self.restored(endpoint)
        self._shifts.pop(endpoint, None)
        return self._fleets.pop(endpoint, None)

    def restoring(self, endpoint: str) -> None:
        """Says that an endpoint is being brought back after a restart; its requests wait."""
        self._restoring[endpoint] = asyncio.Event()

    def restored(self, endpoint: str) -> None:
        """Says that an endpoint is back, or will not come back."""
        event = self._restoring.pop(endpoint, None)
        if event is not None:
            event.set()

    async def serving(self, endpoint: str) -> Fleet | None:
        """The fleet that serves behind an endpoint; waits for it while the endpoint is being brought back."""
        event = self._restoring.get(endpoint)
        if event is not None:
            await event.wait()
        return self._fleets.get(endpoint)

    async def next_fleet(self, endpoint: str) -> Fleet | None:
        """The fleet for one request: `serving`, or the second fleet of a `shift` when it is its turn."""
        fleet = await self.serving(endpoint)
        shift = self._shifts.get(endpoint)
        return shift[0] if shift is not None and shift[1].next() else fleet

    def capture(self, fleet: Fleet) -> CaptureRule | None:
        """What of a fleet's invocations is captured, or None if nothing is."""
        if fleet not in self._captures:
            config = fleet.plan.data_capture
            role_arn = fleet.plan.variants[0].role_arn
            self._captures[fleet] = None if config is None else CaptureRule(config, role_arn)
        return self._captures[fleet]

    def capturing(self, endpoint: str) -> bool:
        """Whether invocations of an endpoint are captured, and reach their destination as far as is known."""
        fleet = self._fleets.get(endpoint)
        rule = None if fleet is None else self.capture(fleet)
        return rule is not None and rule.enabled and self.spool.working(rule)

    async def flush(self) -> None:
        """Publishes everything that waits: metrics, output of model servers, captured invocations."""
        self.metrics.publish()
        await asyncio.gather(self.publisher.flush(), self.spool.flush())

    async def close(self) -> None:
        """Ends every model server."""
        await self.shadows.close()
        for endpoint in list(self._restoring):
            self.restored(endpoint)
        self._shifts.clear()
        await asyncio.gather(*(fleet.close() for fleet in self._fleets.values()))
        self._fleets.clear()
        self.spool.close()


def plane_of(service: SageMaker) -> DataPlane:
    """The data plane of a running SageMaker."""
    plane = _planes.get(id(service))
    if plane is None:
        plane = _planes[id(service)] = DataPlane(service)
    return plane


async def close(service: SageMaker) -> None:
    """Ends the data plane of a SageMaker that stops or is reset."""
    plane = _planes.pop(id(service), None)
    if plane is not None:
        await plane.close()


async def flush(service: SageMaker, limit_s: float) -> None:
    """Publishes what the data plane has gathered, while the sandbox still answers.

    Args:
        service: The running SageMaker.
        limit_s: Seconds that it may take; what is left over is published after the next start, or, for
            output of model servers, lost.
    """
    plane = _planes.get(id(service))
    if plane is not None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(plane.flush(), limit_s)
