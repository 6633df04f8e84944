"""Releases through the real engine while what moves them is killed: they end all the same, nobody is robbed.

One small stack; its state machine moves the endpoint in a sandbox of its own, users ask all the time, and at
a random moment of each release something is killed: the sandbox, the function that takes the steps, a model
server, or the execution. `make test` kills two; for the full proof, with a table of what came of it:

    HEADWAY_CHAOS_KILLS=50 pytest tests/system/test_release_chaos.py -k killed -n 0 -s
"""

import http.client
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from headway_runtime.release.records import LOCK, Release
from headway_sandbox import lifecycle
from headway_sandbox.engine import Engine
from support import rehearsed_model
from support.live_callers import HEADERS
from support.project import succeeded
from support.rehearsed_model import artifact
from support.release_stage import ENDPOINT, SYSTEM, ReleaseStage, deployed, way
from support.release_world import until

ROWS = ("12.5,UA", "8.0,DL", "99.0,AA")
CALLERS = 3
PAUSE_S = 0.03
KILLS = int(os.environ.get("HEADWAY_CHAOS_KILLS", "2"))
FIRST_SEED = int(os.environ.get("HEADWAY_CHAOS_SEED", "0"))
LONGEST_DELAY_S = 1.5
LONGEST_STEP_S = 0.3
LONGEST_RELEASE_S = 300.0
"""More than the plan allows, so that it is the machine that gives up."""
PLACES = ("baseline", "shadow", "25", "100", "promote")
"""Where a release that nothing is wrong with goes."""
PLAN = """ReleasePlan(
    shadow=ShadowStage(sampling_pct=100, samples=30, time_limit_s=60),
    # What a stage rules out is no matter here: a few requests are enough to go on.
    ladder=[
        LadderStage(percent=25, samples=20, time_limit_s=60, rule_out_ratio=20),
        LadderStage(percent=100, samples=20, time_limit_s=60, rule_out_ratio=20),
    ],
    acceptable_latency_ms=250,
    maximum_duration_s=240,
)"""

Time = tuple[float, float]


@dataclass
class Users:
    """Users that ask all the time, one request at a time each; a request that nobody took is made again.

    Attributes:
        answered: How many requests were answered.
        lost: Requests that were given to the sandbox and never answered: when, and what was said.
        failed: Requests that were answered with an error.
    """

    port: int
    answered: int = 0
    lost: list[tuple[Time, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self) -> Iterator["Users"]:
        threads = [threading.Thread(target=self._ask) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        for row in cycle(ROWS):
            if self._stop.wait(PAUSE_S):
                return
            begun = time.monotonic()
            try:
                connection.request("POST", f"/endpoints/{ENDPOINT}/invocations", row, HEADERS)
                response = connection.getresponse()
                body = response.read()
            except ConnectionRefusedError:
                connection.close()  # nobody listens: the request was never given to anybody
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(((begun, time.monotonic()), repr(error)))
                connection.close()
            else:
                self.answered += 1
                if response.status != 200:
                    self.failed.append(f"{response.status}: {body.decode('utf-8', 'replace')}")


@dataclass
class Stage(ReleaseStage):
    """The deployed system and the users in front of it."""

    users: Users

    @property
    def state_dir(self) -> Path:
        """Where the sandbox keeps its state."""
        return self.project.root / ".headway/sandbox"

    def item(self, key: str) -> dict[str, Any]:
        """What DynamoDB answers for an item of the record."""
        place = {"system": {"S": SYSTEM}, "release_id": {"S": key}}
        found: dict[str, Any] = self.project.client("dynamodb").get_item(
            TableName=self.system["release_table_name"], Key=place
        )
        return found

    def when(self, package: str, holds: Callable[[Release], bool]) -> Release:
        """The release of a package, once something holds for it."""
        found: list[Release] = []

        def look() -> bool:
            release = self.release_of(package)
            found[:] = [] if release is None else [release]
            return release is not None and holds(release)

        until(look, LONGEST_RELEASE_S)
        return found[0]

    def settled(self, package: str) -> Release:
        """The release of a package, once it is over and nothing moves it any more."""
        self.when(package, lambda release: release.is_over)
        until(lambda: self.executions("RUNNING") == [])
        return self.when(package, lambda release: release.is_over)

    def executions(self, status: str) -> list[str]:
        """The executions of the release machine with a status."""
        listed = self.project.client("stepfunctions").list_executions(
            stateMachineArn=self.system["release_state_machine_arn"], statusFilter=status
        )
        return [item["executionArn"] for item in listed["executions"]]

    def is_stepping(self) -> bool:
        """Whether a step is under way."""
        states = self.project.client("stepfunctions")
        newest = [
            states.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=1)["events"][0]
            for arn in self.executions("RUNNING")
        ]
        return any(event["type"] == "TaskScheduled" for event in newest)

    def audited(self, release: Release) -> dict[str, Any]:
        """What auditors find of a release."""
        place = f"releases/{ENDPOINT}/{release.release_id.replace(':', '')}/release.json"
        answer = self.project.client("s3").get_object(Bucket=self.system["buckets"]["audit"], Key=place)
        found: dict[str, Any] = json.loads(answer["Body"].read())
        return found


@pytest.fixture(scope="module")
def stage(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stack of one system with a placeholder, deployed, and users who ask it all the time."""
    assert engine.pulumi.exists()
    root = tmp_path_factory.mktemp("release-chaos") / "payments"
    with deployed(root, PLAN) as there, Users(there.project.port).asking() as users:
        yield Stage(there.project, there.system, users)


def _processes(parent: int, text: str) -> list[int]:
    """Processes below another one whose command contains a text."""
    found = []
    parents = {parent}
    listed = sorted(int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    for pid in listed:
        try:
            above = int(Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[1])
            command = Path(f"/proc/{pid}/cmdline").read_text("utf-8")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if above in parents:
            parents.add(pid)
            if text in command:
                found.append(pid)
    return found


def _sandbox_pid(stage: Stage) -> int:
    record = lifecycle.find(stage.state_dir)
    assert record is not None
    return record.pid


def _kill_sandbox(stage: Stage, choose: random.Random) -> bool:
    lifecycle.kill(stage.state_dir)
    lifecycle.start(stage.state_dir, stage.project.port)
    return True


def _kill_one(stage: Stage, choose: random.Random, text: str) -> bool:
    there = _processes(_sandbox_pid(stage), text)
    if not there:
        return False
    os.kill(choose.choice(there), signal.SIGKILL)
    return True


def _kill_task(stage: Stage, choose: random.Random) -> bool:
    """Kills the function while it takes a step; a moment later where none is under way."""
    until(lambda: stage.is_stepping() or not stage.executions("RUNNING"))
    time.sleep(choose.uniform(0, LONGEST_STEP_S))
    return _kill_one(stage, choose, "_worker.py")


def _kill_model(stage: Stage, choose: random.Random) -> bool:
    return _kill_one(stage, choose, Path(rehearsed_model.__file__).name)


def _end_execution(stage: Stage, choose: random.Random) -> bool:
    running = stage.executions("RUNNING")
    for arn in running:
        stage.project.client("stepfunctions").stop_execution(executionArn=arn, cause="chaos")
    return bool(running)


KINDS: Sequence[tuple[str, Callable[[Stage, random.Random], bool]]] = (
    ("sandbox", _kill_sandbox),
    ("task", _kill_task),
    ("model", _kill_model),
    ("execution", _end_execution),
)


def _is_at(release: Release, place: str) -> bool:
    return release.is_over or place in ("begin", *way(release))


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + KILLS))
def test_a_release_in_which_something_is_killed_ends_well(stage: Stage, seed: int) -> None:
    choose = random.Random(seed)
    kind, kill = KINDS[seed % len(KINDS)]
    place, delay_s = choose.choice(("begin", *PLACES)), choose.uniform(0, LONGEST_DELAY_S)
    users = stage.users
    lost_before, failed_before, answered_before = len(users.lost), len(users.failed), users.answered
    begun = time.monotonic()

    package = stage.publish(f"model-{seed}", artifact("none", answer=0.2 + seed / 1_000))
    stage.when(package, lambda release: _is_at(release, place))
    time.sleep(delay_s)
    killed_at = time.monotonic()
    hit = kill(stage, choose)
    outage = (killed_at, time.monotonic())
    release = stage.settled(package)
    answered = users.answered
    until(lambda: users.answered > answered + 2 * CALLERS)
    lost, failed = users.lost[lost_before:], users.failed[failed_before:]
    after_s = killed_at - begun
    print(
        f"\n| {seed} | {kind} | {place} + {delay_s:.2f} s ({after_s:.1f} s) | {'yes' if hit else 'no'} | "
        f"{release.status} | {len(lost)} of {users.answered - answered_before} | "
        f"{time.monotonic() - begun:.1f} s | {release.why[:90]} |"
    )

    _assert_settled(stage, release)
    assert failed == []
    assert len(lost) <= (CALLERS if kind == "sandbox" else 0), lost
    assert [said for (from_, to), said in lost if to < outage[0] or from_ > outage[1]] == []


def test_a_person_takes_over_a_release_that_has_lost_its_execution(stage: Stage) -> None:
    """Where nobody watches, a word of a person is enough; the release goes on where it was."""
    events = stage.project.client("events")
    (watch,) = (rule["Name"] for rule in events.list_rules()["Rules"] if "-watch" in rule["Name"])
    events.disable_rule(Name=watch)
    package = stage.publish("taken-over", artifact("none", answer=0.15))
    stage.when(package, lambda release: _is_at(release, "shadow"))
    assert _end_execution(stage, random.Random(0))

    said = succeeded(
        stage.project.headway("release", "resume", "--why", "it was stopped by mistake", "--by", "ada")
    )
    release = stage.settled(package)
    events.enable_rule(Name=watch)

    assert said.startswith(f"told {release.release_id}: resume")
    assert "25" in way(release)
    assert "could not go on" not in release.why
    _assert_settled(stage, release)


def _assert_settled(stage: Stage, release: Release) -> None:
    """One owner of the weights, a whole record, nothing held against the model, and nothing left over."""
    records = stage.records
    assert release.status in ("promoted", "rolled_back"), release
    if release.cause == "abandoned":
        assert records.rejection(release.model_digest) is None
    serving = release.desired if release.status == "promoted" else release.previous
    # Alone, a variant answers everybody, whatever its weight.
    configuration, weights = stage.live()
    assert [stage.endpoint()["EndpointStatus"], configuration, *weights] == ["InService", serving, "champion"]
    assert [release.serving, *release.weights] == [serving, "champion"]
    assert records.find("current") == release
    until(lambda: "Item" not in stage.item(LOCK))
    assert way(release) in _ways(release.status), release.history
    assert [item["at"] for item in release.history] == sorted(item["at"] for item in release.history)
    assert [item["what"] for item in release.history].count(release.status) == 1
    assert release.history[-1]["what"] == release.status
    assert stage.audited(release)["history"] == list(release.history)


def _ways(status: str) -> list[list[str]]:
    if status == "promoted":
        return [list(PLACES)]
    return [[*PLACES[:length], "roll_back"] for length in range(1, len(PLACES) + 1)]
