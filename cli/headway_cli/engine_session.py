"""The environment in which plain `pulumi` works on a stack."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headway_cli.errors import HeadwayError
from headway_cli.narration import Narrator
from headway_cli.project import LOCAL_STACK, Project
from headway_sandbox import engine, lifecycle
from headway_sandbox.engine import Engine, EngineError
from headway_sandbox.lifecycle import SandboxRecord

MISLEADING = (
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_PROFILE",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_STACK",
)
"""Variables of a real environment that would lead a tool past the sandbox."""


@dataclass(frozen=True)
class Session:
    """All that is needed to work on one stack.

    Args:
        project: The checkout.
        stack: The stack's name.
        engine: The Pulumi CLI.
        variables: What is set over the process's own environment.
        sandbox: The running sandbox; None for a stack in the cloud.
    """

    project: Project
    stack: str
    engine: Engine
    variables: Mapping[str, str]
    sandbox: SandboxRecord | None

    @property
    def is_local(self) -> bool:
        """Whether the stack lives in the sandbox."""
        return self.stack == LOCAL_STACK

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment for a child process."""
        dropped = MISLEADING if self.is_local else ()
        kept = {name: value for name, value in os.environ.items() if name not in dropped}
        return {**kept, **self.variables}


def find_engine(cache: Path, narrator: Narrator) -> Engine:
    """The Pulumi CLI: found, or built once, with progress.

    Raises:
        HeadwayError: There is none and none can be built; the message says what to install.
    """
    try:
        found = engine.locate(cache)
        if found is not None:
            return found
        with narrator.step("Building the Pulumi engine, once for this machine") as step:
            return engine.ensure(cache, step.update)
    except EngineError as error:
        raise HeadwayError(str(error)) from error


def open_session(project: Project, stack: str, narrator: Narrator, sandbox: SandboxRecord | None) -> Session:
    """Makes the engine ready for a stack.

    Args:
        project: The checkout.
        stack: The stack's name.
        narrator: Told about what takes long.
        sandbox: The running sandbox, for the local stack.

    Raises:
        HeadwayError: The engine cannot be had.
    """
    found = find_engine(project.cache, narrator)
    try:
        prepared = engine.prepare(found, project.home, Path(sys.executable))
    except EngineError as error:
        raise HeadwayError(str(error)) from error
    variables = session_variables(stack, prepared, sandbox)
    return Session(project=project, stack=stack, engine=found, variables=variables, sandbox=sandbox)


def session_variables(
    stack: str, prepared: Mapping[str, str], sandbox: SandboxRecord | None
) -> dict[str, str]:
    """What to set for a stack.

    A stack in the cloud keeps the person's own backend, plugins and credentials: of what was prepared it gets
    the PATH, on which the engine is.

    Args:
        stack: The stack's name.
        prepared: What the engine asks for when it works on the sandbox.
        sandbox: The running sandbox.
    """
    if stack != LOCAL_STACK:
        return {"PATH": prepared["PATH"]}
    return {**prepared, **({} if sandbox is None else lifecycle.aws_environment(sandbox))}
