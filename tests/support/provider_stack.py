"""Drives the real CLI with the provider stand-in and a sandbox, and reads the engine's own events."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headway_sandbox import lifecycle
from headway_sandbox.engine import Engine, prepare
from headway_sandbox.provider.paths import top_of
from support import sandboxes

TESTS = Path(__file__).resolve().parents[1]
_IGNORED = frozenset({"same", "read", "refresh"})


@contextlib.contextmanager
def sandboxed(engine: Engine, base: Path) -> Iterator[dict[str, str]]:
    """The environment of the CLI with the stand-in and a sandbox of its own."""
    record = lifecycle.start(base / "sandbox", 0)
    prepared = prepare(engine, base / "home", Path(sys.executable))
    try:
        yield {**os.environ, **prepared, **lifecycle.aws_environment(record)}
    finally:
        lifecycle.stop(base / "sandbox")


def client(environment: Mapping[str, str], service: str) -> Any:
    """A client of the sandbox."""
    return sandboxes.client(environment["AWS_ENDPOINT_URL"], service)


@dataclass
class Outcome:
    """What a command of the CLI did.

    Attributes:
        code: exit code.
        text: everything that it printed.
        operations: logical name to operation, of resources that were not the same.
        properties: logical name to the properties that differ.
    """

    code: int
    text: str
    operations: dict[str, str]
    properties: dict[str, set[str]] = field(default_factory=dict)


@dataclass
class Stack:
    """One stack of a Python program in a directory of its own.

    Attributes:
        directory: project directory.
        environment: environment of every command.
        name: stack name.
    """

    directory: Path
    environment: dict[str, str]
    name: str = "dev"
    settings: dict[str, str] = field(default_factory=dict)

    def create(self, program: str) -> None:
        """Writes the project and makes the stack."""
        self.directory.mkdir(parents=True, exist_ok=True)
        project = f"name: {self.directory.name}\nruntime:\n  name: python\n"
        (self.directory / "Pulumi.yaml").write_text(project)
        self.write(program)
        self._run("stack", "init", self.name)

    def write(self, program: str) -> None:
        """Writes another program for the same stack."""
        header = f"import sys\nsys.path.insert(0, {str(TESTS)!r})\n"
        (self.directory / "__main__.py").write_text(header + program)

    def configure(self, **values: str) -> None:
        """Sets configuration; a key that ends in an underscore is a secret."""
        plain = [f"--plaintext={key}={value}" for key, value in values.items() if not key.endswith("_")]
        secret = [f"--secret={key[:-1]}={value}" for key, value in values.items() if key.endswith("_")]
        self._run("config", "set-all", *plain, *secret)

    def preview(self, *, refresh: bool = False) -> Outcome:
        """What an update would do, if asked after a look at what is there."""
        return self._operate("preview", f"--refresh={str(refresh).lower()}")

    def up(self, *, refresh: bool = False) -> Outcome:
        """Updates without a preview, if asked after a look at what is there."""
        return self._operate("up", "--yes", "--skip-preview", f"--refresh={str(refresh).lower()}")

    def refresh(self) -> Outcome:
        """Takes the live state over."""
        return self._operate("refresh", "--yes", "--skip-preview")

    def destroy(self) -> Outcome:
        """Deletes everything."""
        return self._operate("destroy", "--yes", "--skip-preview")

    def import_all(self, entries: Sequence[Mapping[str, str]]) -> Outcome:
        """Imports live resources: type, name and id of each."""
        listed = self.directory / "import.json"
        listed.write_text(json.dumps({"resources": entries}))
        return self._operate(
            "import",
            f"--file={listed}",
            f"--out={self.directory / 'imported.py'}",
            "--protect=false",
            "--generate-code=false",
            "--yes",
            "--skip-preview",
        )

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets shown."""
        text = self._run("stack", "output", "--json", "--show-secrets").stdout
        outputs: dict[str, Any] = json.loads(text)
        return outputs

    def state(self) -> dict[str, dict[str, Any]]:
        """Logical name to resource in the state, without stacks and providers."""
        deployment = json.loads(self._run("stack", "export").stdout)["deployment"]
        return {
            item["urn"].rpartition("::")[2]: item
            for item in deployment.get("resources", [])
            if item["type"].startswith("aws:")
        }

    def _operate(self, *arguments: str) -> Outcome:
        log = self.directory / "events.jsonl"
        log.unlink(missing_ok=True)
        done = self._run(*arguments, "--event-log", str(log), "--diff", check=False)
        return Outcome(done.returncode, done.stdout + done.stderr, _operations(log), _properties(log))

    def _run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color=never"],
            cwd=self.directory,
            env={**self.environment, "PULUMI_DEBUG_COMMANDS": "1", **self.settings},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done


def _steps(log: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Logical name and metadata of what was done to resources."""
    for line in log.read_text().splitlines() if log.exists() else []:
        event: Mapping[str, Any] = json.loads(line)
        for kind in ("resourcePreEvent", "resOutputsEvent"):
            metadata = event.get(kind, {}).get("metadata", {})
            if metadata.get("op") not in {None, *_IGNORED} and metadata["type"].startswith("aws:"):
                yield metadata["urn"].rpartition("::")[2], metadata


def _operations(log: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, metadata in _steps(log):
        # The steps of one replacement share a name; what the plan calls it is the one to keep.
        if found.get(name) != "replace":
            found[name] = metadata["op"]
    return found


def _properties(log: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, metadata in _steps(log):
        paths = metadata.get("detailedDiff") or {}
        found.setdefault(name, set()).update(top_of(path) for path in paths)
    return found
