"""The small parts that jobs and answers are made of."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from headway_sandbox.durability import StateWriter
from headway_sandbox.processes import ProcessGroups
from headway_sandbox.sagemaker.conformance import ServiceModel
from headway_sandbox.sagemaker.events import event_detail
from headway_sandbox.sagemaker.images import ImageError, ImageTable, repository_name
from headway_sandbox.sagemaker.jobs.container import local_path, pack
from headway_sandbox.sagemaker.jobs.metrics import MetricScanner
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import ServiceError
from headway_sandbox.sagemaker.s3_files import S3FileError, S3Location, relative_path
from headway_sandbox.sagemaker.store import Store
from headway_sandbox.tasks import TaskRegistry
from support.control import until


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("headway-runtime", "headway-runtime"),
        ("headway-runtime:1.2", "headway-runtime"),
        ("headway-runtime@sha256:00", "headway-runtime"),
        ("localhost:5000/team/headway-runtime:1@sha256:00", "headway-runtime"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/headway-runtime", "headway-runtime"),
    ],
)
def test_an_image_is_known_by_its_repository(tmp_path: Path, image: str, name: str) -> None:
    table = ImageTable.load(tmp_path / "images.toml", python="/venv/python")

    assert repository_name(image) == name
    assert table.command(image, ["train"]) == ["/venv/python", "-m", "headway_runtime", "train"]


def test_the_table_of_images_is_extended_and_entry_points_replace_it(tmp_path: Path) -> None:
    path = tmp_path / "images.toml"
    path.write_text('[images]\nmine = ["{python}", "-u", "serve.py"]\n')
    table = ImageTable.load(path, python="/venv/python")

    assert table.command("team/mine:2", ["serve"]) == ["/venv/python", "-u", "serve.py", "serve"]
    assert table.command("unknown", ["a"], ["python3", "x.py"]) == ["/venv/python", "x.py", "a"]
    assert table.command("unknown", [], ["/bin/sh", "-c", "true"]) == ["/bin/sh", "-c", "true"]
    with pytest.raises(ImageError, match=r"registry/unknown:1 is not known.*headway-runtime, mine"):
        table.command("registry/unknown:1", [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [("[images", "cannot be read"), ("a = 1", "no section"), ("[images]\na = 'b'\nc = []", "a = 'b'; c = ")],
)
def test_a_table_of_images_that_is_none_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "images.toml"
    path.write_text(text)

    with pytest.raises(ImageError, match=problem):
        ImageTable.load(path)


@pytest.mark.parametrize(
    ("key", "prefix", "path"),
    [
        ("data/train/part-0.csv", "data/train", "part-0.csv"),
        ("data/train/part-0.csv", "data/train/", "part-0.csv"),
        ("data/train/a/b.csv", "data/train", "a/b.csv"),
        ("data/train.csv", "data/train.csv", "train.csv"),
        ("data/train-2.csv", "data/train", "train-2.csv"),
        ("train.csv", "", "train.csv"),
        ("a/b.csv", "", "a/b.csv"),
        ("ab/c", "a", "ab/c"),
    ],
)
def test_objects_lie_where_sagemaker_puts_them(key: str, prefix: str, path: str) -> None:
    assert relative_path(key, prefix) == path


def test_locations_are_read_and_extended() -> None:
    assert str(S3Location.parse("s3://bucket/a/b/").child("c", "d")) == "s3://bucket/a/b/c/d"
    assert str(S3Location.parse("s3://bucket").child("c")) == "s3://bucket/c"
    for text in ("bucket/a", "https://bucket/a", "s3:///a"):
        with pytest.raises(S3FileError, match="is not an S3 URI"):
            S3Location.parse(text)


def test_metrics_are_found_in_lines() -> None:
    now = iter(range(100))
    scanner = MetricScanner(
        [{"Name": "loss", "Regex": r"loss=([0-9.einf-]+)"}, {"Name": "auc", "Regex": "auc=([0-9.]+)"}],
        lambda: float(next(now)),
    )

    for line in ("loss=0.5 auc=0.7", "nothing", "loss=1e-3", "loss=inf", "loss=1-2"):
        scanner.scan(line)

    assert {item["MetricName"]: item["Value"] for item in scanner.final()} == {"loss": 0.001, "auc": 0.7}
    assert [item["Value"] for item in scanner.take("job")] == [0.5, 0.7, 0.001]
    assert scanner.take("job") == []


def test_metric_definitions_that_are_none_are_all_named() -> None:
    definitions = [{"Name": "a", "Regex": "("}, {"Name": "b", "Regex": "x"}, {"Name": "c", "Regex": "(x)"}]

    with pytest.raises(ValueError, match=r"a: '\('.*; b: 'x' \(it captures no group\)$"):
        MetricScanner(definitions, lambda: 0.0)


def test_paths_of_a_container_stay_in_its_directory(tmp_path: Path) -> None:
    assert local_path(tmp_path, "/opt/ml/processing/input/data") == tmp_path / "processing/input/data"
    for path in ("/opt/ml/../../etc", "/etc/passwd", "relative"):
        with pytest.raises(ValueError, match="is not below /opt/ml"):
            local_path(tmp_path, path)


def test_an_archive_depends_on_content_alone(tmp_path: Path) -> None:
    archives = []
    for number in range(2):
        directory = tmp_path / f"model-{number}"
        (directory / "nested").mkdir(parents=True)
        for name in ("b", "nested/c", "a")[:: 1 if number else -1]:
            (directory / name).write_text(name)
            os.utime(directory / name, (number, number))
        archives.append(tmp_path / f"{number}.tar.gz")
        pack(directory, archives[-1])

    assert archives[0].read_bytes() == archives[1].read_bytes()
    with tarfile.open(archives[0]) as archive:
        assert archive.getnames() == ["a", "b", "nested", "nested/c"]


def test_events_carry_times_in_milliseconds_and_tags_as_a_map() -> None:
    document = {
        "CreationTime": 1.5,
        "TrainingTimeInSeconds": 7,
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": 2.25}],
        "FinalMetricDataList": [{"Value": 0.5, "Timestamp": 3.0}],
    }

    assert event_detail(document, [{"Key": "a", "Value": "b"}]) == {
        "CreationTime": 1500,
        "TrainingTimeInSeconds": 7,
        "SecondaryStatusTransitions": [{"Status": "Starting", "StartTime": 2250}],
        "FinalMetricDataList": [{"Value": 0.5, "Timestamp": 3000}],
        "Tags": {"a": "b"},
    }


MODEL = ServiceModel()


@pytest.mark.parametrize(
    ("operation", "request_", "problems"),
    [
        ("DescribeModel", {"ModelName": "a"}, []),
        (
            "DescribeModel",
            {},
            ["Value 'null' at 'modelName' failed to satisfy constraint: Member must not be null"],
        ),
        ("DescribeModel", {"ModelName": "a b"}, ["must satisfy regular expression pattern"]),
        ("DescribeModel", {"ModelName": "a" * 64}, ["length less than or equal to 63"]),
        ("DescribeModel", {"ModelName": 1}, ["must be a string, not int"]),
        ("DescribeModel", {"ModelName": "a", "Extra": 1}, ["Unknown parameter 'Extra'"]),
        (
            "ListModels",
            {"MaxResults": 101, "SortOrder": "Up"},
            ["value less than or equal to 100", "enum value set"],
        ),
        ("ListModels", {"MaxResults": True}, ["must be an integer, not bool"]),
        (
            "AddTags",
            {
                "ResourceArn": "arn:aws:sagemaker:us-east-1:000000000000:model/a",
                "Tags": [{"Key": "é-1", "Value": ""}],
            },
            [],
        ),
        (
            "CreateModel",
            {"ModelName": "a", "Containers": [{"Image": "x", "Environment": {"A B": "c"}}]},
            ["'containers.1.member.environment.key'"],
        ),
        (
            "CreateModel",
            {"ModelName": "a", "VpcConfig": {"SecurityGroupIds": [], "Subnets": ["s"]}},
            ["'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must have length"],
        ),
    ],
)
def test_requests_are_held_against_the_service_model(
    operation: str, request_: dict[str, Any], problems: list[str]
) -> None:
    found = MODEL.request_problems(operation, request_)

    assert len(found) == len(problems), found
    for part, problem in zip(problems, found, strict=True):
        assert part in problem


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        ({"ModelName": "a", "ModelArn": "b", "CreationTime": 1.5}, None),
        ({"ModelName": "a", "ModelArn": "b"}, "'creationTime' failed to satisfy constraint"),
        ({"ModelName": "a", "ModelArn": "b", "CreationTime": 1.5, "Extra": 1}, "unknown member extra"),
        (
            {"ModelName": "a", "ModelArn": "b", "CreationTime": 1.5, "VpcConfig": None},
            "member vpcConfig is null",
        ),
        ({"ModelName": "a", "ModelArn": 2, "CreationTime": 1.5}, "must be a string, not int"),
    ],
)
def test_answers_are_held_against_the_service_model(response: dict[str, Any], problem: str | None) -> None:
    found = MODEL.response_problems("DescribeModel", response)

    assert (not found) if problem is None else any(problem in text for text in found)


def test_lists_are_filtered_sorted_and_paged() -> None:
    documents = [
        {"Name": f"Job-{number}", "CreationTime": float(number), "Status": "ab"[number % 2]}
        for number in range(5)
    ]

    def names(**request: Any) -> list[str]:
        found = select(
            documents, request, name="Name", equal={"StatusEquals": "Status"}, sort_keys={"Name": "Name"}
        )
        return [document["Name"][-1] for document in found]

    assert names() == list("43210")
    assert names(SortOrder="Ascending", NameContains="jOB") == list("01234")
    assert names(CreationTimeAfter=1.0, CreationTimeBefore=3.0) == list("321")
    assert names(StatusEquals="b", SortBy="Name", SortOrder="Ascending") == list("13")
    with pytest.raises(ServiceError, match="Invalid NextToken"):
        page(documents, {"NextToken": "nonsense"})


@given(st.integers(0, 40), st.integers(1, 15))
def test_pages_together_are_the_list(count: int, size: int) -> None:
    items = list(range(count))
    collected: list[int] = []
    request: dict[str, Any] = {"MaxResults": size}
    while True:
        found, token = page(items, request)
        assert len(found) <= size
        collected += found
        if not token:
            break
        request = {"MaxResults": size, **token}

    assert collected == items


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
