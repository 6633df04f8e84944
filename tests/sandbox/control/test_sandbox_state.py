"""What outlives a process and what must not: documents, states of services, children, tasks."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from headway_sandbox.durability import StateWriter
from headway_sandbox.processes import ProcessGroups
from headway_sandbox.sagemaker.store import Store
from headway_sandbox.tasks import TaskRegistry
from support.control import until


class StoreMachine(RuleBasedStateMachine):
    """The store against a dictionary, with reopening at any time."""

    names = st.sampled_from(["a", "b", "c"])

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "state.sqlite"
        self.store = Store(self.path)
        self.expected: dict[str, dict[str, Any]] = {}

    @rule(name=names, value=st.integers())
    def put(self, name: str, value: int) -> None:
        self.store.put("kind", name, {"value": value})
        self.store.put("other", name, {"value": -1})
        self.expected[name] = {"value": value}

    @rule(name=names)
    def delete(self, name: str) -> None:
        assert self.store.delete("kind", name) is (self.expected.pop(name, None) is not None)

    @rule()
    def clear(self) -> None:
        self.store.clear()
        self.expected.clear()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.path)

    @invariant()
    def same(self) -> None:
        assert self.store.list("kind") == list(self.expected.values())
        for name in ("a", "b", "c"):
            assert self.store.get("kind", name) == self.expected.get(name)

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()


StoreMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
TestStore = StoreMachine.TestCase


def test_what_the_store_returns_belongs_to_the_caller(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.sqlite")
    store.put("kind", "a", {"list": []})

    got = store.get("kind", "a")
    assert got is not None
    got["list"].append(1)

    assert store.get("kind", "a") == {"list": []}
    store.close()


class Service:
    """A service whose state changes while it is copied."""

    def __init__(self) -> None:
        self.value = 0
        self.copies = 0
        self.failures = 0

    def state_of_services(self) -> dict[str, Callable[[], object]]:
        return {"service": self.copy, "absent": lambda: None}

    def copy(self) -> object:
        self.copies += 1
        if self.failures:
            self.failures -= 1
            raise RuntimeError("dictionary changed size during iteration")
        return self.value

    def encode_state(self, service: str, state: object) -> str:
        return f"{service}={state}"


def test_changed_states_are_written_soon_and_unchanged_ones_left_alone(tmp_path: Path) -> None:
    service = Service()
    path = tmp_path / "states" / "service.json"

    async def scenario() -> None:
        writer = StateWriter(service, path.parent)
        running = asyncio.ensure_future(writer.run())
        service.value, service.failures = 1, 1
        writer.changed()
        await eventually(lambda: path.exists() and path.read_text() == "service=1")
        path.write_text("touched")
        writer.changed()
        copies = service.copies
        await eventually(lambda: service.copies > copies)
        assert path.read_text() == "touched"
        service.value = 2
        await writer.save(now=True)
        assert path.read_text() == "service=2"
        await writer.forget(path.unlink)
        await writer.save(now=True)
        assert path.read_text() == "service=2"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(scenario())

    assert sorted(item.name for item in path.parent.iterdir()) == ["service.json"]


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_process_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    ignore = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    code = f"{ignore}; print('ready', flush=True); time.sleep(600)"

    async def scenario() -> int:
        groups = ProcessGroups()
        process = await groups.start([sys.executable, "-c", code], environment=dict(os.environ), cwd=tmp_path)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        code_ = await groups.stop(process, 0.1)
        await groups.close()
        return code_

    assert asyncio.run(scenario()) == -signal.SIGKILL


def test_children_and_grandchildren_end_with_their_killed_owner(tmp_path: Path) -> None:
    child = (
        "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    )
    owner = f"""
import asyncio, os, pathlib, sys
from headway_sandbox.processes import ProcessGroups

async def main():
    groups = ProcessGroups()
    command = [sys.executable, "-c", {child!r}]
    process = await groups.start(command, environment=dict(os.environ), cwd=pathlib.Path("."))
    print(process.pid, (await process.stdout.readline()).decode().strip(), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""
    process = subprocess.Popen([sys.executable, "-c", owner], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pids = [int(pid) for pid in process.stdout.readline().split()]

    process.kill()
    process.wait()
    process.stdout.close()

    assert len(pids) == 2
    until(
        lambda: not any(Path(f"/proc/{pid}").exists() and running(pid) for pid in pids), "the end of all", 5
    )


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_background_tasks_have_names_and_end_together(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        tasks = TaskRegistry()
        tasks.start("sleeper", asyncio.sleep(600))
        with pytest.raises(ValueError, match="a task named sleeper is still running"):
            tasks.start("sleeper", asyncio.sleep(0))

        async def broken() -> None:
            raise LookupError("lost")

        tasks.start("broken", broken())
        await tasks.wait("broken")
        await tasks.wait("never started")
        await tasks.cancel("sleeper")
        assert not tasks.running("sleeper")
        tasks.start("sleeper", asyncio.sleep(600))
        await tasks.close()
        assert not tasks.running("sleeper")

    asyncio.run(scenario())

    assert "background task broken failed" in caplog.text
