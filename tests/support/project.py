"""A project as a user has it: a folder of its own with its own sandbox, driven by commands."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.sandboxes import client

ROOT = Path(__file__).resolve().parents[2]
SEPTEMBER_FLIGHT = json.loads((ROOT / "stacks/flight_delay/september_flight.json").read_text("utf-8"))
ENDPOINT = "flight-delay-local"
PARTS = ("Pulumi.yaml", "stacks", "policies")
HEADWAY = Path(sys.executable).with_name("headway")


def free_port() -> int:
    """A port on 127.0.0.1 that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent to notice does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def succeeded(run: subprocess.CompletedProcess[str]) -> str:
    """What a command printed that has to have succeeded."""
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@dataclass
class Project:
    """A copy of the reference project.

    Args:
        root: The folder with Pulumi.yaml.
        port: The port that its sandbox shall have.
    """

    root: Path
    port: int
    variables: dict[str, str] = field(default_factory=dict)

    @classmethod
    def copy_to(cls, root: Path) -> "Project":
        """Copies the project that a user would clone; the virtual environment is shared."""
        root.mkdir(parents=True)
        for name in PARTS:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, root / name)
        (root / ".venv").symlink_to(Path(sys.executable).parents[1])
        return cls(root, free_port())

    @property
    def environment(self) -> dict[str, str]:
        """What the user's shell has: no cloud account, and another project's settings are not inherited."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "PULUMI_", "HEADWAY_HOME"))
        }
        return {**inherited, "HEADWAY_SANDBOX_PORT": str(self.port), "NO_COLOR": "1", **self.variables}

    def headway(self, *arguments: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs `headway` in the project."""
        return self._run([str(HEADWAY), *arguments], self.environment, timeout_s)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts `headway` in the project and leaves it running, in a process group of its own."""
        return subprocess.Popen(
            [str(HEADWAY), *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def shell(self, command: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs a command in a shell that has read `headway sandbox env`, as the README says."""
        line = f'eval "$({HEADWAY} sandbox env)" && {command}'
        return self._run(["bash", "-c", line], self.environment, timeout_s)

    def client(self, service: str) -> Any:
        """An unmodified boto3 client."""
        return client(f"http://127.0.0.1:{self.port}", service)

    def ask(self, row: Mapping[str, Any] = SEPTEMBER_FLIGHT) -> float:
        """The probability that the live endpoint gives for a flight."""
        return self.ask_together([row])[0]

    def ask_together(self, rows: Sequence[Mapping[str, Any]]) -> list[float]:
        """The probabilities that the live endpoint gives for flights in one request."""
        answer = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=ENDPOINT, ContentType="application/json", Body=json.dumps({"instances": rows})
        )
        return [item["probability"] for item in json.loads(answer["Body"].read())["predictions"]]

    def outputs(self) -> dict[str, Any]:
        """What the deployed stack exports."""
        found: dict[str, Any] = json.loads(succeeded(self.shell("pulumi stack output --json")))
        return found

    def hasten_releases(self) -> None:
        """Lets every stage of a release go on after a fifth of the requests that it sees on a laptop."""
        self.edit("stacks/Pulumi.local.yaml", 'releaseSamplesPct: "5"', 'releaseSamplesPct: "1"')

    def edit(self, path: str, old: str, new: str) -> None:
        """Changes a file of the project as its owner would."""
        file = self.root / path
        text = file.read_text("utf-8")
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        file.write_text(text.replace(old, new), "utf-8")

    def _run(
        self, command: list[str], environment: dict[str, str], timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
