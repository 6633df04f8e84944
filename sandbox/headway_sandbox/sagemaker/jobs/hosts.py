"""The hosts of a job: for each a directory, a root, a Python environment and a name in the network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway_sandbox.container_root import ContainerRoot, mounts_allowed
from headway_sandbox.sagemaker.jobs.container import Outcome
from headway_sandbox.toolkits.python_environment import make_environment

MOST_HOSTS = 20
"""A bound on the processes of one job; hosts share this machine."""


@dataclass(frozen=True)
class JobHost:
    """One host of a job.

    Attributes:
        name: ``algo-1``, ``algo-2``, ...
        root: Its files.
        programs: Its ``python`` and ``pip``.
    """

    name: str
    root: ContainerRoot
    programs: Path

    @property
    def base(self) -> Path:
        """What stands for /opt/ml on this machine."""
        return self.root.directory


def host_names(count: int) -> list[str]:
    """The names of so many hosts, as SageMaker gives them."""
    return [f"algo-{number}" for number in range(1, count + 1)]


def host_problems(where: str, cluster: Mapping[str, Any]) -> Iterator[str]:
    """What this sandbox cannot do about the hosts of a job.

    Args:
        where: The member that declares them.
        cluster: Its content: ``InstanceCount``, ``InstanceType``, ...
    """
    if "InstanceGroups" in cluster:
        yield f"{where}.InstanceGroups is not emulated by this sandbox; give InstanceType and InstanceCount"
        return
    count = cluster.get("InstanceCount")
    if not isinstance(count, int):
        yield f"{where}.InstanceCount is required"
    elif count > MOST_HOSTS:
        yield (
            f"{where}.InstanceCount is {count}; this sandbox runs the hosts of a job as processes on one "
            f"machine, {MOST_HOSTS} at most"
        )
    elif count > 1 and not mounts_allowed():
        yield (
            f"{where}.InstanceCount is {count}; hosts find each other by name, for which this sandbox needs "
            "mount namespaces, and this system does not allow them, so it must be 1"
        )


def make_hosts(directory: Path, count: int, *, mounted: bool, isolated: bool) -> tuple[JobHost, ...]:
    """Makes the directories of a job's hosts. Blocks.

    Each host is reached under its name at an address of its own in the loopback range, where it has mounts.

    Args:
        directory: The job's own directory.
        count: How many hosts.
        mounted: Whether containers see their files at /opt/ml.
        isolated: Whether they are to reach nothing; hosts of one job still reach each other, and then, as
            they share this machine's network, everything on it.
    """
    names = host_names(count)
    directory.mkdir(parents=True)
    hosts = directory / "hosts"
    addresses = [f"127.0.0.{number} {name}" for number, name in enumerate(names, start=1)]
    hosts.write_text("\n".join(["127.0.0.1 localhost", *addresses, ""]), encoding="ascii")
    made = []
    for name in names:
        base = directory / name / "ml"
        base.mkdir(parents=True)
        root = ContainerRoot(base, mounted, hosts, isolated=isolated and count == 1)
        made.append(JobHost(name, root, make_environment(directory / name / "python")))
    return tuple(made)


def resource_config(host: JobHost, hosts: Sequence[JobHost], instance_type: str | None) -> dict[str, Any]:
    """``resourceconfig.json`` of a host: who else is there.

    Args:
        host: Whose it is.
        hosts: All hosts of the job.
        instance_type: Type of the instances.
    """
    names = [each.name for each in hosts]
    group = "homogeneousCluster"
    return {
        "current_host": host.name,
        "current_instance_type": instance_type,
        "current_group_name": group,
        "hosts": names,
        "instance_groups": [{"instance_group_name": group, "instance_type": instance_type, "hosts": names}],
        "network_interface_name": "lo" if len(names) > 1 else "eth0",
    }


async def run_on(
    hosts: Sequence[JobHost],
    run: Callable[[JobHost, asyncio.Event], Awaitable[Outcome]],
    stop: asyncio.Event,
) -> tuple[JobHost, Outcome]:
    """Runs the containers of all hosts at once; when one fails, the others are stopped.

    Args:
        hosts: The hosts.
        run: Runs one host's container until it ends or the event asks it to stop.
        stop: Asks all of them to stop.

    Returns:
        The host that decides how the job ended, the first that failed or else the first, and its outcome.
    """
    asked = asyncio.Event()
    running: dict[asyncio.Task[Outcome], JobHost] = {
        asyncio.ensure_future(run(host, asked)): host for host in hosts
    }
    waiting = asyncio.ensure_future(stop.wait())
    first_failure: tuple[JobHost, Outcome] | None = None
    pending: set[asyncio.Future[Any]] = {*running, waiting}
    try:
        while pending & running.keys():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if waiting in done:
                asked.set()
            for task in (task for task in done if task in running):
                outcome = running[task], task.result()
                if not outcome[1].succeeded and not asked.is_set():
                    first_failure = outcome
                    asked.set()
    finally:
        for task in (*running, waiting):
            task.cancel()
        await asyncio.gather(*running, waiting, return_exceptions=True)
    if first_failure is not None:
        return first_failure
    outcomes = {host: task.result() for task, host in running.items()}
    return _decisive(hosts, outcomes)


def _decisive(hosts: Sequence[JobHost], outcomes: Mapping[JobHost, Outcome]) -> tuple[JobHost, Outcome]:
    """Being asked to stop counts before an end by itself: other hosts may have ended before."""
    stopped = [host for host in hosts if outcomes[host].stopped]
    host = stopped[0] if stopped else hosts[0]
    return host, outcomes[host]
