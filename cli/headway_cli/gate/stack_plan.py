"""Plans stacks of any environment offline: no credentials, no sandbox, no backend, nothing left behind."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from headway_cli.engine_session import MISLEADING, find_engine
from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.gate.git_tree import commit_of, link_virtualenv, write_tree
from headway_cli.gate.preview import Preview, preview
from headway_cli.gate.rulebooks import folder_digest
from headway_cli.gate.stack_settings import (
    plannable,
    program_folder,
    project_name,
    settings_file,
    settings_files,
)
from headway_cli.gate.states import framework_ids, read_state_file
from headway_cli.narration import Narrator
from headway_cli.project import find_project
from headway_policies.intent import read_intent
from headway_policies.plan import Plan
from headway_policies.verdict import Moment, Subject
from headway_sandbox import engine
from headway_sandbox.engine import EngineError
from headway_sandbox.provider import stand_ins

_CREDENTIALS: Final = "AWS_"
_MARK: Final = "4dabf18193072939515e22adb298388d"
_HIDDEN: Final = "[secret]"
_NOTHING: Final = "an empty stack"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A stack that was planned.

    Args:
        subject: What is judged.
        settings: The stack's settings file.
        digests: The SHA-256 of all that was read, by name.
        program: The program's file, from the project's folder.
    """

    subject: Subject
    settings: Path
    digests: dict[str, str]
    program: str


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What a plan is compared with, where it is not an empty stack.

    Args:
        previous: The exported state of what is deployed of the one stack.
        base: The Git revision whose own plan stands for what is deployed.
    """

    previous: Path | None = None
    base: str | None = None


def plan_stacks(
    root: Path, stacks: list[str], compared: Compared, framework_folders: tuple[Path, ...]
) -> Iterator[Planned]:
    """Plans stacks, one after the other.

    Args:
        root: The folder with `Pulumi.yaml`.
        stacks: Their names; all of the project where there are none.
        compared: What they are compared with.
        framework_folders: Folders with frameworks of the team's own.

    Raises:
        HeadwayError: A plan failed, or there is no engine.
        WrongUseError: There is no such stack or revision, or the state is another stack's.
    """
    known = settings_files(root)
    names = list(dict.fromkeys(stacks)) or list(known)
    if not names:
        raise WrongUseError(f"the project in {root} has no stack; write a Pulumi.<stack>.yaml first")
    files = {name: settings_file(root, name) for name in names}
    if compared.previous is not None and len(names) != 1:
        raise WrongUseError("--previous is the state of one stack; name it with --stack")
    commit = None if compared.base is None else commit_of(root, compared.base)
    narrator = Narrator.on_standard_error()
    found = find_engine(find_project(root).cache, narrator)
    for name, path in files.items():
        if compared.previous is not None:
            before = _deployed_before(name, compared.previous)
        elif compared.base is not None and commit is not None:
            with narrator.step(f"Planning {name} as it is in {compared.base}"):
                before = _base_before(root, name, found, compared.base, commit)
            if before.problem:
                narrator.warn(f"  {compared.base} could not be planned: {before.problem}")
        else:
            before = _Before()
        with narrator.step(f"Planning {name}"):
            yield _plan(root, name, path, found=found, before=before, framework_folders=framework_folders)


@dataclass(frozen=True, kw_only=True)
class _Before:
    """What is there before the update.

    Args:
        deployment: The deployment; None for an empty stack.
        name: How a person calls it.
        digests: The digests of what it was read from, by name.
        problem: Why nothing is known of it; empty where something is.
    """

    deployment: Mapping[str, Any] | None = None
    name: str = _NOTHING
    digests: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def _deployed_before(stack: str, path: Path) -> _Before:
    state, digest = read_state_file(path)
    if state.stack not in {"", stack}:
        raise WrongUseError(f"{path} is the state of the stack {state.stack}, not of {stack}")
    return _Before(deployment=_deployed(path), name=path.name, digests={"previous": digest})


def _base_before(root: Path, stack: str, found: engine.Engine, base: str, commit: str) -> _Before:
    """What the plan of a revision leads to; an empty stack where the revision cannot be planned."""
    digests = {"base": commit}
    with tempfile.TemporaryDirectory(prefix="headway-base-") as scratch:
        tree = Path(scratch) / root.name
        tree.mkdir()
        try:
            write_tree(root, commit, tree)
            link_virtualenv(root, tree)
            if stack not in settings_files(tree):
                return _Before(name=f"{base}, which has no stack {stack}", digests=digests)
            text, _, _ = plannable(settings_file(tree, stack))
            planned, _ = _previewed(tree, stack, text, found, None)
        except HeadwayError as error:
            name = f"{_NOTHING}, since {base} could not be planned"
            return _Before(name=name, digests=digests, problem=str(error))
    return _Before(deployment=planned.deployment, name=base, digests=digests)


def _plan(
    root: Path,
    stack: str,
    settings: Path,
    *,
    found: engine.Engine,
    before: _Before,
    framework_folders: tuple[Path, ...],
) -> Planned:
    text, configuration, digest = plannable(settings)
    planned, program = _previewed(root, stack, text, found, before.deployment)
    return Planned(
        subject=_subject(stack, planned, configuration, before.name, framework_folders),
        settings=settings,
        digests={
            "settings": digest,
            **before.digests,
            "program": folder_digest((root / program,), "*.py"),
        },
        program=f"{program}__main__.py",
    )


def _previewed(
    root: Path, stack: str, settings: str, found: engine.Engine, deployed: Mapping[str, Any] | None
) -> tuple[Preview, str]:
    """The plan of a stack with these settings over what is deployed, and the program's folder."""
    program = program_folder(root)
    with tempfile.TemporaryDirectory(prefix="headway-plan-") as scratch:
        home = Path(scratch)
        try:
            prepared = engine.prepare(found, home, Path(sys.executable))
        except EngineError as error:
            raise HeadwayError(str(error)) from error
        _write_backend(home, project_name(root), stack, deployed)
        own_settings = home / f"Pulumi.{stack}.yaml"
        own_settings.write_text(settings, "utf-8")
        arguments = ("--config-file", str(own_settings))
        return preview(found.pulumi, root, stack, _environment(prepared), program, *arguments), program


def _subject(
    stack: str,
    planned: Preview,
    configuration: Mapping[str, object],
    against: str,
    framework_folders: tuple[Path, ...],
) -> Subject:
    region = configuration.get("aws:region")
    return Subject(
        stack=stack,
        resources=planned.resources,
        intent=read_intent(configuration, framework_ids(framework_folders)),
        moment=Moment.PREVIEW,
        region=region if isinstance(region, str) else None,
        plan=Plan(changes=planned.changes, against=against),
        secret_texts=planned.secret_texts,
    )


def _environment(prepared: Mapping[str, str]) -> dict[str, str]:
    """The environment without anything that could lead to a real account or backend."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in MISLEADING and not name.startswith(_CREDENTIALS)
    }
    # The program is loaded from the project, where nothing shall be left behind.
    return {**kept, **prepared, stand_ins.VARIABLE: "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _write_backend(home: Path, project: str, stack: str, deployed: Mapping[str, Any] | None) -> None:
    # Written as Pulumi's file backend keeps it: making the stack with the CLI would write its settings file.
    state = home / "pulumi" / "state" / ".pulumi"
    folder = state / "stacks" / project
    folder.mkdir(parents=True)
    (state / "meta.yaml").write_text("version: 1\n", "utf-8")
    checkpoint = {"stack": f"organization/{project}/{stack}", "latest": deployed}
    text = json.dumps({"version": 3, "checkpoint": checkpoint})
    (folder / f"{stack}.json").write_text(text, "utf-8")


def _deployed(path: Path) -> dict[str, Any]:
    """A deployed state that can be planned against without the key to its secrets."""
    document = json.loads(path.read_bytes())
    checkpoint = document.get("checkpoint")
    deployment = checkpoint.get("latest") if isinstance(checkpoint, dict) else document.get("deployment")
    kept: dict[str, Any] = _without_secrets(deployment or {})
    kept.pop("secrets_providers", None)
    kept.pop("pending_operations", None)
    return kept


def _without_secrets(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        if _MARK in value and ("ciphertext" in value or "plaintext" in value):
            return _HIDDEN
        return {name: _without_secrets(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value
