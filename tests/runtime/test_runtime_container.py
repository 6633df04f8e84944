"""The recipe of the runtime image: pinned, without root, without secrets, and complete for what it runs."""

import ast
import contextlib
import json
import os
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
CONTAINER = ROOT / "runtime/container"


class Instruction(NamedTuple):
    word: str
    text: str


def instructions() -> list[Instruction]:
    lines = [
        line
        for line in (CONTAINER / "Dockerfile").read_text("utf-8").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    return [
        Instruction(word.upper(), text.strip()) for word, _, text in (line.partition(" ") for line in joined)
    ]


def texts(word: str) -> list[str]:
    return [instruction.text for instruction in instructions() if instruction.word == word]


def test_every_stage_starts_from_a_base_that_only_a_digest_can_name() -> None:
    bases = [text.split(" ")[0] for text in texts("FROM")]
    (guard,) = [text for text in texts("RUN") if "BASE_IMAGE" in text]

    assert set(bases) == {"${BASE_IMAGE}"}
    assert {text for text in texts("ARG") if text.startswith("BASE_IMAGE")} == {"BASE_IMAGE"}
    for image, status in {
        "python@sha256:" + "a" * 64: 0,
        "registry/python:3.11@sha256:" + "0" * 64: 0,
        "": 1,
        "python": 1,
        "python:3.11-slim": 1,
        "python@sha256:abc": 1,
    }.items():
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", guard],
            env={"PATH": os.environ["PATH"], "BASE_IMAGE": image},
            capture_output=True,
            check=False,
        )
        assert done.returncode == status, image


def test_the_image_does_not_run_as_root_unless_told_to() -> None:
    assert texts("USER") == ["${RUN_AS}"]
    (user,) = [text.partition("=")[2] for text in texts("ARG") if text.startswith("RUN_AS")]
    assert int(user) > 1_000
    last_root = max(i for i, found in enumerate(instructions()) if found.word in ("RUN", "COPY"))
    assert last_root < next(i for i, found in enumerate(instructions()) if found.word == "USER")


def test_nothing_is_fetched_by_address_and_no_secret_goes_in() -> None:
    recipe = (CONTAINER / "Dockerfile").read_text("utf-8")

    assert texts("ADD") == []
    assert re.search(r"curl|wget|https?://(?!127\.0\.0\.1)", recipe) is None
    assert re.search(r":latest\b", recipe) is None
    names = [name for text in texts("ENV") + texts("ARG") for name in re.findall(r"(\w+)=?", text)]
    assert [
        name for name in names if re.search(r"secret|token|password|credential|api_?key", name, re.IGNORECASE)
    ] == []


def test_packages_are_pinned_and_leave_no_cache() -> None:
    installs = [text for text in texts("RUN") if "pip install" in text or "apt-get install" in text]
    pip, apt = installs

    assert pip.count("--no-cache-dir") == pip.count("pip install")
    assert "--constraint /build/constraints.txt" in pip
    assert "--only-binary :all:" in pip
    assert "--no-install-recommends" in apt
    assert apt.endswith("rm -rf /var/lib/apt/lists/*")


def test_what_is_copied_is_let_into_the_build() -> None:
    allowed = {
        line.removeprefix("!")
        for line in (CONTAINER / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    copied = {path for text in texts("COPY") if not text.startswith("--from") for path in text.split()[:-1]}

    assert copied == allowed
    assert all((ROOT / path).is_file() for path in copied if "*" not in path)


def test_the_command_is_the_one_that_the_sandbox_runs() -> None:
    assert [json.loads(text) for text in texts("ENTRYPOINT")] == [["python", "-m", "headway_runtime"]]
    assert [json.loads(text) for text in texts("CMD")] == [["serve"]]


def imported(files: list[Path]) -> set[str]:
    found = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
                found.add(node.module.partition(".")[0])
    return found


def requirements() -> set[str]:
    lines = (CONTAINER / "requirements.txt").read_text("utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def test_the_image_holds_what_the_runtime_and_the_reference_system_import() -> None:
    sources = [*(ROOT / "runtime/headway_runtime").rglob("*.py")]
    sources += [ROOT / "stacks/flight_delay/data.py", ROOT / "stacks/flight_delay/features.py"]
    outside = imported(sources) - set(sys.stdlib_module_names) - {"headway_runtime", "flight_delay"}
    # boto3 brings botocore.
    assert outside - {"botocore"} <= requirements()


def test_every_package_of_the_image_has_one_version() -> None:
    pinned = {
        name.lower().replace("_", "-")
        for name, equals, _ in (
            line.partition("==") for line in (ROOT / "constraints.txt").read_text().splitlines()
        )
        if equals
    }
    waiting, seen = set(requirements()), set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for text in requires(name) or []:
            needed = re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0].lower().replace("_", "-")
            other_python = "python_version <" in text or "sys_platform" in text
            if "extra ==" not in text and not other_python and needed not in seen:
                waiting.add(needed)

    assert seen - pinned == set()


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    with contextlib.chdir(CONTAINER):
        done = subprocess.run([str(hadolint), "Dockerfile"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")
