"""Processor time and memory of model servers, as the metrics that SageMaker publishes for instances.

Names, units and dimensions: "Amazon SageMaker AI job and endpoint metrics" in the Amazon SageMaker AI
Developer Guide. CPUUtilization sums over the cores, so 200 means two busy cores; MemoryUtilization is a share
of the machine's memory. What processes use is read from /proc; where there is none, nothing is published.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from headway_sandbox.dataplane.fleet import Fleet
from headway_sandbox.dataplane.metrics import Document, PutMetrics, dimensions

NAMESPACE = "/aws/sagemaker/Endpoints"
INTERVAL_S = 1.0

_PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MEMORY_BYTES = _PAGE_BYTES * os.sysconf("SC_PHYS_PAGES")

Usage = tuple[float, int]
"""Seconds of processor time since the start, and resident bytes."""


@dataclass(frozen=True)
class _Copy:
    """One copy of a variant: its name, its containers' processes, and its endpoint and variant."""

    name: str
    processes: tuple[int, ...]
    variant: tuple[str, str]


class WorkerUsage:
    """Publishes what the model servers of every copy use.

    Args:
        fleets: The fleets that serve now.
        put: Publishes metrics: a namespace, and data as PutMetricData takes them.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, fleets: Callable[[], list[Fleet]], put: PutMetrics, clock: Callable[[], float]
    ) -> None:
        self._fleets = fleets
        self._put = put
        self._clock = clock
        self._before: dict[str, tuple[float, float]] = {}

    async def run(self) -> None:
        """Publishes until it is cancelled."""
        if not (_PROC / "self" / "stat").exists():
            return
        while True:
            await asyncio.sleep(INTERVAL_S)
            copies = list(_copies(self._fleets()))
            # Dozens of small files: in a thread, so that no call waits for them.
            used = await asyncio.to_thread(_usages, copies)
            data = list(self._data(copies, used, self._clock()))
            if data:
                self._put(NAMESPACE, data)

    def _data(self, copies: list[_Copy], used: list[Usage], now: float) -> Iterator[Document]:
        values: dict[tuple[str, tuple[str, str]], list[float]] = defaultdict(list)
        seen: dict[str, tuple[float, float]] = {}
        for copy, (used_s, resident_bytes) in zip(copies, used, strict=True):
            values["MemoryUtilization", copy.variant].append(round(100 * resident_bytes / _MEMORY_BYTES, 4))
            before = self._before.get(copy.name)
            # A restarted server starts over: what it used before is not known any more.
            if before is not None and now > before[0] and used_s >= before[1]:
                share = (used_s - before[1]) / (now - before[0])
                values["CPUUtilization", copy.variant].append(round(100 * share, 1))
            seen[copy.name] = (now, used_s)
        self._before = seen
        for (name, variant), numbers in values.items():
            yield {
                "MetricName": name,
                "Dimensions": dimensions(*variant),
                "Timestamp": now,
                "Unit": "Percent",
                "Values": numbers,
                "Counts": [1.0] * len(numbers),
            }


def _copies(fleets: list[Fleet]) -> Iterator[_Copy]:
    for fleet in fleets:
        for variant in (*fleet.variants.values(), *fleet.shadows.values()):
            for replica in variant.replicas:
                processes = tuple(item.pid for item in replica.containers if item.pid is not None)
                yield _Copy(replica.name, processes, (fleet.endpoint, variant.plan.name))


def _usages(copies: list[_Copy]) -> list[Usage]:
    return [_usage(copy.processes) for copy in copies]


def _usage(processes: tuple[int, ...]) -> Usage:
    found = [
        usage
        for leader in processes
        for process in _with_descendants(leader)
        if (usage := process_usage(process)) is not None
    ]
    return sum(used_s for used_s, _ in found), sum(resident_bytes for _, resident_bytes in found)


def _with_descendants(process: int) -> Iterator[int]:
    yield process
    for children in (_PROC / str(process) / "task").glob("*/children"):
        try:
            text = children.read_text("ascii")
        except OSError:
            continue  # the thread has ended
        for child in text.split():
            yield from _with_descendants(int(child))


def process_usage(process: int) -> Usage | None:
    """What a process has used, or None if it has ended.

    Args:
        process: Its id.
    """
    try:
        stat = (_PROC / str(process) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The name, in brackets, may hold anything; what follows it is counted from the state, field 3.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S, int(fields[21]) * _PAGE_BYTES
