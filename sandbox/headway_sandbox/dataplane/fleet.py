"""The running copies of every variant behind an endpoint, under one configuration."""

from __future__ import annotations

import asyncio
import contextlib
import math
import shutil
import uuid
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from headway_sandbox.dataplane.choice import Sampling, WeightedChoice
from headway_sandbox.dataplane.container import Container, HealthCheck, Host
from headway_sandbox.dataplane.errors import (
    ConcurrencyError,
    DeploymentError,
    NoWorkerError,
    UnhealthyError,
)
from headway_sandbox.dataplane.log_stream import LogStream, group_name
from headway_sandbox.dataplane.plan import ContainerPlan, FleetPlan, VariantPlan
from headway_sandbox.dataplane.publisher import Publisher
from headway_sandbox.tasks import TaskRegistry

MAX_COPIES = 4
"""Copies of a variant that really run unless the sandbox is told otherwise: a laptop is no cluster.

A variant that asks for more serves with these; its CurrentInstanceCount says how many there are.
"""

_NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)
_ALL = Fraction(1)
_DRAIN_LIMIT_S = 60.0  # the longest that SageMaker gives a model for an answer
_MIRRORED_LIMIT_S = 1.0


@dataclass(frozen=True)
class Workshop:
    """What it takes to run model servers.

    Attributes:
        host: The machine.
        work_dir: Where their files go.
        tasks: Runs their supervision.
        publisher: Carries their output away.
        clock: Seconds since the epoch.
        health: How model servers are watched when their variant does not say.
        capacity: Whether there is capacity for another instance of a type.
        max_copies: Copies of a variant that really run, whatever its instance count.
    """

    host: Host
    work_dir: Path
    tasks: TaskRegistry
    publisher: Publisher
    clock: Callable[[], float]
    health: HealthCheck
    capacity: Callable[[str], bool]
    max_copies: int


class Replica:
    """One copy of a variant: its containers, in order."""

    def __init__(self, workshop: Workshop, endpoint: str, plan: VariantPlan) -> None:
        self.name = uuid.uuid4().hex[:12]
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.mode = plan.mode
        self._workshop = workshop
        self._endpoint = endpoint
        self._plan = plan
        self._base_dir = workshop.work_dir / "endpoints" / endpoint / plan.name / self.name
        self.containers = [self._container(container) for container in plan.containers]

    @property
    def in_flight(self) -> int:
        """Requests that have been given to this copy and not been answered."""
        return self._in_flight

    @in_flight.setter
    def in_flight(self, count: int) -> None:
        self._in_flight = count
        if count:
            self._idle.clear()
        else:
            self._idle.set()

    @property
    def healthy(self) -> bool:
        """Whether every container is healthy."""
        return all(container.healthy for container in self.containers)

    @property
    def available(self) -> bool:
        """Whether a request may be given to this copy: no container has failed to restart."""
        return all(container.available for container in self.containers)

    async def start(self) -> None:
        """Starts every container and waits until all are healthy.

        Raises:
            DeploymentError: One of them does not become healthy.
        """
        await asyncio.gather(*(self._start(container) for container in self.containers))
        for container in self.containers:
            name = f"model-server/{self._endpoint}/{self.name}/{container.plan.hostname}"
            self._workshop.tasks.start(name, container.supervise())

    async def retire(self) -> None:
        """Ends the copy once it has answered what it has been given; nothing more must be given to it."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), _DRAIN_LIMIT_S)
        await self.stop()

    async def stop(self) -> None:
        """Ends every container and removes its files."""
        await asyncio.gather(*(container.stop() for container in self.containers))
        for container in self.containers:
            await self._workshop.publisher.remove(container.log.flush)
        await asyncio.to_thread(shutil.rmtree, self._base_dir, ignore_errors=True)

    def _container(self, plan: ContainerPlan) -> Container:
        stream = f"{self._plan.name}/{self.name}"
        if len(self._plan.containers) > 1:
            stream += f"/{plan.hostname}"
        publisher = self._workshop.publisher
        log = LogStream(
            self._workshop.host.aws,
            group_name(self._endpoint),
            stream,
            self._workshop.clock,
            publisher.notify,
        )
        publisher.add(log.flush)
        return Container(
            self._workshop.host,
            plan,
            self._base_dir / plan.hostname,
            log,
            isolated=self._plan.isolated,
            role_arn=self._plan.role_arn,
            health=self._workshop.health.limited(self._plan.startup_timeout_s, self._plan.download_timeout_s),
        )

    async def _start(self, container: Container) -> None:
        try:
            await container.start()
        except UnhealthyError as error:
            hostname = container.plan.hostname
            which = "primary container" if len(self.containers) == 1 else f"container {hostname}"
            raise DeploymentError(
                f"The {which} for production variant {self._plan.name} did not pass the ping health check. "
                f"Please check CloudWatch logs for this endpoint. {error}."
            ) from error


class Variant:
    """The running copies of one variant."""

    def __init__(self, workshop: Workshop, endpoint: str, plan: VariantPlan) -> None:
        self.plan = plan
        self.replicas: list[Replica] = []
        self._workshop = workshop
        self._endpoint = endpoint

    async def scale(self, instance_count: int, *, provisioned: bool = False) -> None:
        """Starts or ends copies until as many run as asked for, at most `Workshop.max_copies`.

        A copy that is to end answers first what it has been given.

        Args:
            instance_count: Instances that the variant is to have.
            provisioned: Whether the instances are there already, as after a restart of the sandbox.

        Raises:
            DeploymentError: There is no capacity, or a new copy does not become healthy; then none of the
                new ones stays.
        """
        wanted = min(instance_count, self._workshop.max_copies)
        instance_type = self.plan.instance_type
        grows = wanted > len(self.replicas) and not provisioned
        if grows and instance_type is not None and not self._workshop.capacity(instance_type):
            raise DeploymentError(_NO_CAPACITY)
        new = [Replica(self._workshop, self._endpoint, self.plan) for _ in range(wanted - len(self.replicas))]
        try:
            await all_or_first_error(replica.start() for replica in new)
        except BaseException:
            await asyncio.gather(*(replica.stop() for replica in new))
            raise
        surplus = self.replicas[wanted:]
        self.replicas = self.replicas[:wanted] + new
        await asyncio.gather(*(replica.retire() for replica in surplus))

    def next_replica(self) -> Replica:
        """The copy with the fewest requests in flight, healthy ones first.

        Raises:
            NoWorkerError: There is no copy, or none that works or is about to.
            ConcurrencyError: The variant is serverless and answers as many requests as it may.
        """
        if not any(replica.available for replica in self.replicas):
            raise NoWorkerError(f"variant {self.plan.name} has no instance that can answer")
        limit = self.plan.max_concurrency
        if limit is not None and sum(replica.in_flight for replica in self.replicas) >= limit:
            raise ConcurrencyError(f"variant {self.plan.name} answers {limit} requests, its MaxConcurrency")
        return min(self.replicas, key=lambda replica: (not replica.healthy, replica.in_flight))


class _InFlight:
    """How many requests are in flight."""

    def __init__(self) -> None:
        self._count = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """One more, until the block is left."""
        self._count += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._count -= 1
            if self._count == 0:
                self._idle.set()

    async def ended(self, limit_s: float) -> None:
        """Waits until there are none, but not longer than a limit in seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), limit_s)


class Fleet:
    """All variants of one deployment.

    Args:
        workshop: What it takes to run model servers.
        endpoint: Name of the endpoint.
        plan: What to run.

    Attributes:
        closed: Whether its model servers have been ended.
    """

    def __init__(self, workshop: Workshop, endpoint: str, plan: FleetPlan) -> None:
        self.endpoint = endpoint
        self.plan = plan
        self.variants = {variant.name: Variant(workshop, endpoint, variant) for variant in plan.variants}
        self.shadows = {variant.name: Variant(workshop, endpoint, variant) for variant in plan.shadows}
        self.closed = False
        self._requests = _InFlight()
        self._mirrored = _InFlight()
        self._set_weights()

    async def start(self, share: Fraction = _ALL, *, provisioned: bool = False) -> None:
        """Starts everything, or a share of it; when this returns, every variant is healthy.

        Args:
            share: Share of each variant's instances, rounded up.
            provisioned: Whether the instances are there already, as after a restart of the sandbox.

        Raises:
            DeploymentError: Some variant does not become healthy; then everything has been ended again.
        """
        try:
            await self.scale(share, provisioned=provisioned)
        except BaseException:
            await self.close()
            raise

    async def scale(self, share: Fraction, *, provisioned: bool = False) -> None:
        """Runs a share of each variant's instances, rounded up.

        Raises:
            DeploymentError: A new copy does not become healthy.
        """
        await all_or_first_error(
            variant.scale(math.ceil(share * variant.plan.instance_count), provisioned=provisioned)
            for variant in self._all()
        )

    async def change(self, plan: FleetPlan) -> None:
        """Takes over other weights and instance counts of the same variants.

        Raises:
            DeploymentError: A new copy does not become healthy; the weights are then unchanged.
        """
        wanted = {variant.name: variant for variant in (*plan.variants, *plan.shadows)}
        before = {variant: len(variant.replicas) for variant in self._all()}
        try:
            await all_or_first_error(
                variant.scale(max(wanted[variant.plan.name].instance_count, count))
                for variant, count in before.items()
            )
        except BaseException:
            await asyncio.gather(*(variant.scale(count) for variant, count in before.items()))
            raise
        for variant in self._all():
            variant.plan = wanted[variant.plan.name]
            await variant.scale(variant.plan.instance_count)
        self.plan = plan
        self._set_weights()

    async def drain(self, limit_s: float) -> None:
        """Waits until no request is in flight, but not longer than a limit in seconds.

        Nobody waits for the answer to a mirrored request, so those hold up nothing for long.
        """
        await self._requests.ended(limit_s)
        await self._mirrored.ended(min(limit_s, _MIRRORED_LIMIT_S))

    async def close(self) -> None:
        """Ends every model server at once."""
        self.closed = True
        await asyncio.gather(*(replica.stop() for variant in self._all() for replica in variant.replicas))
        for variant in self._all():
            variant.replicas = []

    def request(self) -> contextlib.AbstractContextManager[None]:
        """Counts a request as in flight, so that `drain` waits for it."""
        return self._requests.one()

    def mirrored(self) -> contextlib.AbstractContextManager[None]:
        """Counts a request to a shadow variant as in flight; `drain` waits for it only for a moment."""
        return self._mirrored.one()

    def _set_weights(self) -> None:
        weights = {variant.name: variant.weight for variant in self.plan.variants}
        self.choice = WeightedChoice(weights, f"{self.endpoint}/{self.plan.config_name}")
        total = sum(weights.values())
        self.sampling = {
            shadow.name: Sampling(min(1.0, shadow.weight / total) if total > 0 else 0.0)
            for shadow in self.plan.shadows
        }

    def _all(self) -> list[Variant]:
        return [*self.variants.values(), *self.shadows.values()]


async def all_or_first_error(work: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Runs coroutines at once; the first error cancels the others and is raised once all have ended."""
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in work:
                group.create_task(coroutine)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
