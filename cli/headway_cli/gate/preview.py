"""Plans a stack with the plain Pulumi CLI, and takes in all that is planned."""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from headway_cli.errors import HeadwayError
from headway_cli.gate.planned_state import deployment
from headway_cli.gate.recorder import listen
from headway_cli.pulumi_events import Tally
from headway_policies.plan import Change, Operation
from headway_policies.resource import Resource

_OPERATIONS: Final = {
    "create": Operation.CREATE,
    "import": Operation.CREATE,
    "update": Operation.CHANGE,
    "replace": Operation.REPLACE,
    "delete": Operation.DELETE,
}
_REGISTER: Final = "/pulumirpc.ResourceMonitor/RegisterResource"
_LAST_LINES: Final = 15


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What is planned.

    Args:
        resources: All resources as they would be.
        configuration: The stack's configuration, without secrets.
        changes: What would be created, changed, replaced, deleted.
        tally: What the engine said.
        secret_texts: The plain texts of secrets in it.
        deployment: The state that it would lead to.
    """

    resources: tuple[Resource, ...]
    configuration: Mapping[str, str]
    changes: tuple[Change, ...]
    tally: Tally
    secret_texts: frozenset[str]
    deployment: Mapping[str, Any]


def preview(
    pulumi: Path, root: Path, stack: str, environment: Mapping[str, str], program: str, *arguments: str
) -> Preview:
    """Plans a stack.

    Args:
        pulumi: The Pulumi CLI.
        root: The folder with `Pulumi.yaml`.
        stack: The stack's name.
        environment: The whole environment for the engine.
        program: The program's folder from the project's, with `/` at its end.
        arguments: What else to pass.

    Raises:
        HeadwayError: The plan failed; says what the program or the engine said.
    """
    with tempfile.TemporaryDirectory(prefix="headway-gate-") as scratch:
        folder = Path(scratch)
        calls, events = folder / "calls.jsonl", folder / "events.jsonl"
        with listen(folder) as listening:
            done = subprocess.run(
                [
                    *(str(pulumi), "preview", "--stack", stack, "--policy-pack", str(listening.pack)),
                    *("--event-log", str(events), "--non-interactive", "--color", "never", *arguments),
                ],
                cwd=root,
                env={
                    **environment,
                    "PATH": f"{listening.programs}:{environment['PATH']}",
                    "PULUMI_DEBUG_COMMANDS": "1",
                    # The only place where the engine tells which line of the program declared a resource.
                    "PULUMI_DEBUG_GRPC": str(calls),
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                check=False,
            )
        told = _events(events)
        tally = Tally()
        for event in told:
            tally.apply(event)
        shown = listening.recorder.shown
        if done.returncode != 0 or shown is None:
            raise HeadwayError(_failure(stack, tally, done.stdout))
        view = listening.recorder.view
        # The engine plans side by side: the order of what it tells differs from run to run.
        planned = view.resources(shown.resources, _sources(calls, root, program))
        resources = tuple(sorted(planned, key=lambda item: item.urn))
        return Preview(
            resources=resources,
            configuration=view.configuration,
            changes=tuple(sorted(_changes(told), key=lambda item: (item.operation.value, item.urn))),
            tally=tally,
            secret_texts=view.secret_texts,
            deployment=deployment(told, resources),
        )


def _failure(stack: str, tally: Tally, output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    said = tally.errors or lines[-_LAST_LINES:] or ["it said nothing"]
    return "\n".join([f"the stack {stack} could not be planned, so nothing of it was judged:", *said])


def _events(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def _changes(events: Iterable[Mapping[str, Any]]) -> Iterable[Change]:
    for event in events:
        metadata = event.get("resourcePreEvent", {}).get("metadata", {})
        operation = _OPERATIONS.get(metadata.get("op"))
        state = metadata.get("new") or metadata.get("old") or {}
        type_ = str(metadata.get("type", ""))
        if operation is not None and state.get("custom") and not type_.startswith("pulumi:"):
            yield Change(operation=operation, urn=str(metadata["urn"]), type=type_)


def _sources(calls: Path, root: Path, program: str) -> dict[str, str]:
    """Where the program declares each resource: its innermost line in the program, else in the project."""
    found: dict[str, str] = {}
    if not calls.is_file():
        return found
    with calls.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if _REGISTER not in line or '"response"' not in line:
                continue
            try:
                call = json.loads(line)
            except ValueError:
                continue
            urn = (call.get("response") or {}).get("urn")
            if isinstance(urn, str) and call.get("method") == _REGISTER:
                place = _place(call.get("request") or {}, root, program)
                if place:
                    found[urn] = place
    return found


def _place(request: Mapping[str, Any], root: Path, program: str) -> str:
    frames = [item.get("pc") or {} for item in (request.get("stackTrace") or {}).get("frames") or []]
    places = [
        place
        for frame in [request.get("sourcePosition") or {}, *frames]
        if (place := _in_project(frame, root))
    ]
    own = [place for place in places if place.startswith(program)]
    return next(iter([*own, *places]), "")


def _in_project(position: Mapping[str, Any], root: Path) -> str:
    uri, line = position.get("uri"), position.get("line")
    if not isinstance(uri, str) or not uri.startswith("file://"):
        return ""
    path = Path(unquote(urlsplit(uri).path))
    if not path.is_relative_to(root):
        return ""
    relative = path.relative_to(root)
    # An environment inside the project holds other people's lines.
    if "site-packages" in relative.parts or relative.parts[0].startswith("."):
        return ""
    return f"{relative.as_posix()}:{line}"
