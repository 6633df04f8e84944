"""What was agreed on before, from a Git revision: the exceptions and the stack's intent of then."""

import subprocess
from pathlib import Path
from typing import Final

import yaml

from headway_cli.errors import WrongUseError
from headway_cli.gate.rulebooks import POLICIES
from headway_cli.gate.stack_settings import without_secrets
from headway_policies.exceptions import PolicyException, parse_exceptions
from headway_policies.intent import Intent, read_intent
from headway_policies.lanes import Base
from headway_policies.settings import EXCEPTIONS_NAME
from headway_policies.toml_tables import DataFileError

_DEPTH: Final = "a shallow clone holds no other revisions, so fetch it first (in CI: fetch-depth: 0)"


def read_base(root: Path, revision: str, settings: Path | None) -> Base:
    """What was agreed on at a revision.

    Args:
        root: The folder with `Pulumi.yaml`.
        revision: The revision, for example `origin/main`.
        settings: The stack's settings file; None where no stack was planned.

    Raises:
        WrongUseError: There is no Git, no such revision, or a file of then cannot be read.
    """
    if (
        revision.startswith("-")
        or _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is None
    ):
        raise WrongUseError(f"Git knows no revision {revision!r} in {root}; {_DEPTH}")
    return Base(
        exceptions=_exceptions(root, revision),
        intent=None if settings is None else _intent(root, revision, settings),
        name=revision,
    )


def _exceptions(root: Path, revision: str) -> tuple[PolicyException, ...]:
    text = _file(root, revision, root / POLICIES / EXCEPTIONS_NAME)
    if text is None:
        return ()
    try:
        return parse_exceptions(text, f"{EXCEPTIONS_NAME} of {revision}")
    except DataFileError as error:
        raise WrongUseError(str(error)) from None


def _intent(root: Path, revision: str, settings: Path) -> Intent | None:
    text = _file(root, revision, settings)
    if text is None:
        return None
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WrongUseError(f"{settings.name} of {revision} is not YAML: {error}") from None
    configuration = without_secrets(document).get("config") if isinstance(document, dict) else None
    return read_intent(configuration) if isinstance(configuration, dict) else None


def _file(root: Path, revision: str, path: Path) -> str | None:
    return _git(root, "show", f"{revision}:./{path.relative_to(root).as_posix()}")


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError:
        raise WrongUseError("--base needs Git, and there is none on PATH") from None
    return done.stdout if done.returncode == 0 else None
