"""Carries out one update of an endpoint: from the fleet that serves to the one that is to serve.

Blue/green: the new fleet is made ready as a whole, traffic moves to it in steps, and the old one ends last.
Rolling: capacity and traffic move together, batch by batch. After each step the alarms are watched
("baking"); what fails or alarms raises, and `Rollout.undo` brings everything back to the old fleet.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction

from headway_sandbox.dataplane.errors import DeploymentError
from headway_sandbox.dataplane.fleet import Fleet
from headway_sandbox.dataplane.model_call import MODEL_TIMEOUT_S
from headway_sandbox.dataplane.plan import FleetPlan
from headway_sandbox.dataplane.plane import DataPlane, plane_of
from headway_sandbox.sagemaker.endpoint_alarms import tripped
from headway_sandbox.sagemaker.endpoint_guardrails import Guardrails
from headway_sandbox.sagemaker.protocol import SageMaker

BAKING = "Baking"
ACTIVATING = "ActivatingTraffic"

_POLL_S = 0.25


@dataclass(frozen=True)
class Stage:
    """What an update is doing, as DescribeEndpoint says it.

    Attributes:
        status: Value of VariantStatus.
        share: Share of the traffic that the new fleet has.
        wait_s: Seconds that it lasts.
        reason: The member of the deployment configuration that says so.
    """

    status: str
    share: Fraction
    wait_s: float = 0.0
    reason: str = ""


Note = Callable[[Stage], None]


class Rollout(ABC):
    """One update.

    Args:
        service: The running SageMaker.
        old: The fleet that serves.
        plan: What is to serve.
        guardrails: How to get there.
        note: Told about every stage.
    """

    def __init__(
        self,
        service: SageMaker,
        old: Fleet,
        plan: FleetPlan,
        guardrails: Guardrails,
        *,
        note: Note,
    ) -> None:
        self.old = old
        self.new = plane_of(service).new_fleet(old.endpoint, plan)
        self.guardrails = guardrails
        self.share = Fraction(0)
        self._service = service
        self._note = note
        self._spent_s = 0.0

    @abstractmethod
    async def run(self) -> None:
        """Moves capacity and traffic to the new fleet and ends the old one.

        Raises:
            DeploymentError: The new fleet does not become ready, an alarm tripped or the time is up.
        """

    @abstractmethod
    async def undo(self) -> None:
        """Moves everything back to the old fleet and ends the new one."""

    @property
    def plane(self) -> DataPlane:
        """The data plane of both fleets."""
        return plane_of(self._service)

    def move(self, share: Fraction) -> None:
        """Gives the new fleet a share of the traffic, and the old one the rest."""
        self.share = share
        if share == 1:
            self.plane.serve(self.new.endpoint, self.new)
        else:
            self.plane.serve(self.old.endpoint, self.old)
        if 0 < share < 1:
            self.plane.shift(self.new.endpoint, self.new, float(share))

    @asynccontextmanager
    async def within_limit(self) -> AsyncIterator[None]:
        """Work that counts towards the time limit of the update.

        Raises:
            DeploymentError: The time is up.
        """
        begun = asyncio.get_running_loop().time()
        limit_s = self.guardrails.timeout_s
        try:
            async with asyncio.timeout(None if limit_s is None else limit_s - self._spent_s):
                yield
        except TimeoutError:
            raise self._too_long() from None
        self._spent_s += asyncio.get_running_loop().time() - begun

    async def bake(self, wait_s: float, reason: str) -> None:
        """Watches the alarms for a while.

        Args:
            wait_s: Seconds, of the time that schedules go by.
            reason: Where the wait comes from.

        Raises:
            DeploymentError: An alarm is in the state ALARM, or the time is up.
        """
        if wait_s > 0:
            self._note(Stage(BAKING, self.share, wait_s, reason))
        begun = self._service.schedule_time()
        spent_s = self._spent_s
        while True:
            await self.watch()
            passed_s = self._service.schedule_time() - begun
            self._spent_s = spent_s + min(passed_s, wait_s)
            if passed_s >= wait_s:
                return
            if self.guardrails.timeout_s is not None and self._spent_s > self.guardrails.timeout_s:
                raise self._too_long()
            await asyncio.sleep(min(_POLL_S, wait_s - passed_s))

    async def watch(self) -> None:
        """Looks at the alarms once.

        Raises:
            DeploymentError: One of them is in the state ALARM.
        """
        alarms = await tripped(self._service, self.guardrails.alarms)
        if alarms:
            raise DeploymentError(
                "The deployment was rolled back because of the CloudWatch alarm(s) in ALARM state: "
                f"{', '.join(alarms)}."
            )

    async def end(self, fleet: Fleet) -> None:
        """Ends a fleet that gets no more requests, once it has answered the last ones."""
        await fleet.drain(MODEL_TIMEOUT_S)
        await fleet.close()

    def _too_long(self) -> DeploymentError:
        return DeploymentError(
            "The deployment took longer than its MaximumExecutionTimeoutInSeconds of "
            f"{self.guardrails.timeout_s} seconds."
        )


class InPlace(Rollout):
    """The fleet that serves takes over other weights and instance counts."""

    async def run(self) -> None:
        """See `Rollout.run`."""
        await self.old.change(self.new.plan)

    async def undo(self) -> None:
        """See `Rollout.undo`; a change that fails has changed nothing."""


class BlueGreen(Rollout):
    """The new fleet stands beside the old one until all traffic has moved."""

    async def run(self) -> None:
        """See `Rollout.run`."""
        async with self.within_limit():
            await self.new.start()
        await self.watch()
        *steps, everything = self.guardrails.steps
        for share in steps:
            self._note(Stage(ACTIVATING, share))
            self.move(share)
            await self.bake(self.guardrails.wait_s, "WaitIntervalInSeconds")
        self.move(everything)
        await self.bake(self.guardrails.termination_wait_s, "TerminationWaitInSeconds")
        await self.end(self.old)

    async def undo(self) -> None:
        """See `Rollout.undo`."""
        self.move(Fraction(0))
        await self.end(self.new)


class Rolling(Rollout):
    """The new fleet takes over one batch of instances after the other."""

    async def run(self) -> None:
        """See `Rollout.run`."""
        await self.watch()
        for share in self.guardrails.steps:
            async with self.within_limit():
                await (self.new.scale(share) if self.share else self.new.start(share))
            self._note(Stage(ACTIVATING, share))
            self.move(share)
            await self.bake(self.guardrails.wait_s, "WaitIntervalInSeconds")
            if share < 1:
                await self.old.scale(1 - share)
        await self.end(self.old)

    async def undo(self) -> None:
        """See `Rollout.undo`; the old instances come back in the batches that a rollback has."""
        while self.share > 0:
            share = max(Fraction(0), self.share - self.guardrails.rollback_step)
            await self.old.scale(1 - share, provisioned=True)
            self.move(share)
            if share:
                await self.new.scale(share)
        await self.end(self.new)


def rollout_of(guardrails: Guardrails, *, in_place: bool) -> type[Rollout]:
    """The kind of rollout for an update.

    Args:
        guardrails: How it is to be carried out.
        in_place: Whether only weights and instance counts change.
    """
    if in_place:
        return InPlace
    return Rolling if guardrails.rolling else BlueGreen
