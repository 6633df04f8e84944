"""The data plane of one sandbox: which fleet serves behind which endpoint."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable

from headway_sandbox.dataplane.choice import Sampling
from headway_sandbox.dataplane.container import HealthCheck, Host
from headway_sandbox.dataplane.fleet import MAX_COPIES, Fleet, Workshop
from headway_sandbox.dataplane.metrics import Invocation, Metrics
from headway_sandbox.dataplane.plan import FleetPlan
from headway_sandbox.dataplane.publisher import Publisher
from headway_sandbox.sagemaker.credentials import role_environment
from headway_sandbox.sagemaker.protocol import SageMaker

MAX_COPIES_VARIABLE = "HEADWAY_SANDBOX_MAX_COPIES"

Observer = Callable[[Invocation], None]

_planes: dict[int, DataPlane] = {}


class DataPlane:
    """Fleets by endpoint, and who is told about their invocations.

    Args:
        service: The running SageMaker.
    """

    def __init__(self, service: SageMaker) -> None:
        self.publisher = Publisher()
        self.mirrored: set[asyncio.Task[None]] = set()
        self.mirrors_dropped = 0
        self._service = service
        self._fleets: dict[str, Fleet] = {}
        self._shifts: dict[str, tuple[Fleet, Sampling]] = {}
        self._restoring: dict[str, asyncio.Event] = {}
        metrics = Metrics(service.aws, service.clock, self.publisher.notify)
        self.publisher.add(metrics.flush)
        self.observers: list[Observer] = [metrics.record]
        self._workshop = Workshop(
            host=Host(
                aws=service.aws,
                images=service.images,
                processes=service.processes,
                role_environment=functools.partial(role_environment, service),
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

    def observe(self, call: Invocation) -> None:
        """Tells every observer about an invocation."""
        for observer in self.observers:
            observer(call)

    async def close(self) -> None:
        """Ends every model server."""
        for task in self.mirrored:
            task.cancel()
        await asyncio.gather(*self.mirrored, return_exceptions=True)
        for endpoint in list(self._restoring):
            self.restored(endpoint)
        self._shifts.clear()
        await asyncio.gather(*(fleet.close() for fleet in self._fleets.values()))
        self._fleets.clear()


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
