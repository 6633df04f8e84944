"""What was agreed on before, from a Git revision: the exceptions and the stack's intent of then."""

from pathlib import Path

import yaml

from headway_cli.errors import WrongUseError
from headway_cli.gate.git_tree import commit_of, git
from headway_cli.gate.rulebooks import POLICIES
from headway_cli.gate.stack_settings import without_secrets
from headway_policies.exceptions import PolicyException, parse_exceptions
from headway_policies.intent import Intent, read_intent
from headway_policies.lanes import Base
from headway_policies.settings import EXCEPTIONS_NAME
from headway_policies.toml_tables import DataFileError


def read_base(root: Path, revision: str, settings: Path | None) -> Base:
    """What was agreed on at a revision.

    Args:
        root: The folder with `Pulumi.yaml`.
        revision: The revision, for example `origin/main`.
        settings: The stack's settings file; None where no stack was planned.

    Raises:
        WrongUseError: There is no Git, no such revision, or a file of then cannot be read.
    """
    commit_of(root, revision)
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
    found = git(root, "show", f"{revision}:./{path.relative_to(root).as_posix()}")
    return None if found is None else found.decode("utf-8", "replace")
