"""The running copies of every variant behind an endpoint, under one configuration."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import uuid
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway_sandbox.dataplane.choice import Sampling, WeightedChoice
from headway_sandbox.dataplane.container import Container, Host
from headway_sandbox.dataplane.errors import DeploymentError, UnhealthyError
from headway_sandbox.dataplane.log_stream import LogStream, group_name
from headway_sandbox.dataplane.plan import ContainerPlan, FleetPlan, VariantPlan
from headway_sandbox.dataplane.publisher import Publisher
from headway_sandbox.tasks import TaskRegistry

MAX_COPIES = 2
"""Copies of a variant that really run, whatever its instance count: a laptop is no cluster."""


@dataclass(frozen=True)
class Workshop:
    """What it takes to run model servers.

    Attributes:
        host: The machine.
        work_dir: Where their files go.
        tasks: Runs their supervision.
        publisher: Carries their output away.
        clock: Seconds since the epoch.
        startup_timeout_s: Seconds until a model server must be healthy when its variant does not say.
    """

    host: Host
    work_dir: Path
    tasks: TaskRegistry
    publisher: Publisher
    clock: Callable[[], float]
    startup_timeout_s: float


class Replica:
    """One copy of a variant: its containers, in order."""

    def __init__(self, workshop: Workshop, endpoint: str, plan: VariantPlan) -> None:
        self.name = uuid.uuid4().hex[:12]
        self.in_flight = 0
        self.mode = plan.mode
        self._workshop = workshop
        self._endpoint = endpoint
        self._plan = plan
        self._base_dir = workshop.work_dir / "endpoints" / endpoint / plan.name / self.name
        self.containers = [self._container(container) for container in plan.containers]

    @property
    def healthy(self) -> bool:
        """Whether every container is healthy."""
        return all(container.healthy for container in self.containers)

    async def start(self) -> None:
        """Starts every container and waits until all are healthy.

        Raises:
            DeploymentError: One of them does not become healthy.
        """
        await asyncio.gather(*(self._start(container) for container in self.containers))
        for container in self.containers:
            name = f"model-server/{self._endpoint}/{self.name}/{container.plan.hostname}"
            self._workshop.tasks.start(name, container.supervise())

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
        timeout_s = self._plan.startup_timeout_s
        return Container(
            self._workshop.host,
            plan,
            self._base_dir / plan.hostname,
            log,
            isolated=self._plan.isolated,
            role_arn=self._plan.role_arn,
            startup_timeout_s=self._workshop.startup_timeout_s if timeout_s is None else timeout_s,
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

    async def scale(self, instance_count: int) -> None:
        """Starts or ends copies until as many run as asked for, at most `MAX_COPIES`.

        Raises:
            DeploymentError: A new copy does not become healthy; then none of the new ones stays.
        """
        wanted = min(instance_count, MAX_COPIES)
        new = [Replica(self._workshop, self._endpoint, self.plan) for _ in range(wanted - len(self.replicas))]
        try:
            await all_or_first_error(replica.start() for replica in new)
        except BaseException:
            await asyncio.gather(*(replica.stop() for replica in new))
            raise
        surplus = self.replicas[wanted:]
        self.replicas = self.replicas[:wanted] + new
        await asyncio.gather(*(replica.stop() for replica in surplus))

    def next_replica(self) -> Replica:
        """The copy with the fewest requests in flight, healthy ones first.

        Raises:
            LookupError: The variant has been scaled to nothing.
        """
        if not self.replicas:
            raise LookupError(f"variant {self.plan.name} has no instances")
        return min(self.replicas, key=lambda replica: (not replica.healthy, replica.in_flight))

    @property
    def healthy_count(self) -> int:
        """Copies that are healthy."""
        return sum(replica.healthy for replica in self.replicas)


class Fleet:
    """All variants of one deployment.

    Args:
        workshop: What it takes to run model servers.
        endpoint: Name of the endpoint.
        plan: What to run.
    """

    def __init__(self, workshop: Workshop, endpoint: str, plan: FleetPlan) -> None:
        self.endpoint = endpoint
        self.plan = plan
        self.variants = {variant.name: Variant(workshop, endpoint, variant) for variant in plan.variants}
        self.shadows = {variant.name: Variant(workshop, endpoint, variant) for variant in plan.shadows}
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._set_weights()

    async def start(self) -> None:
        """Starts everything; when this returns, every variant is healthy.

        Raises:
            DeploymentError: Some variant does not become healthy; then everything has been ended again.
        """
        try:
            await all_or_first_error(variant.scale(variant.plan.instance_count) for variant in self._all())
        except BaseException:
            await self.close()
            raise

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
        """Waits until no request is in flight, but not longer than a limit in seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), limit_s)

    async def close(self) -> None:
        """Ends every model server at once."""
        await asyncio.gather(*(replica.stop() for variant in self._all() for replica in variant.replicas))
        for variant in self._all():
            variant.replicas = []

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """Counts a request as in flight, so that `drain` waits for it."""
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if self._in_flight == 0:
                self._idle.set()

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
