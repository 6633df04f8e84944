"""A stack's settings file (`Pulumi.<stack>.yaml`): read without the key to its secrets, never written."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from headway_cli.errors import HeadwayError, WrongUseError
from headway_policies.values import UNKNOWN_TEXT

_SECURE: Final = "secure"
_ENCRYPTION: Final = ("encryptionsalt", "encryptedkey", "secretsprovider")


def read_configuration(path: Path) -> tuple[Mapping[str, object], str]:
    """The configuration in a stack's settings file, and the file's SHA-256.

    An encrypted value is not known here.

    Raises:
        WrongUseError: The file is not there, or no settings file.
    """
    document, digest = _read(path)
    found = without_secrets(document).get("config") or {}
    if not isinstance(found, Mapping):
        raise WrongUseError(f"{path}: `config` is no table of keys and values")
    return found, digest


def plannable(path: Path) -> tuple[str, Mapping[str, object], str]:
    """A stack's settings as a text to plan with that holds no secret, its configuration, its digest.

    Raises:
        WrongUseError: The file is not there, or no settings file.
    """
    document, digest = _read(path)
    plain = without_secrets(document)
    configuration = plain.get("config") or {}
    if not isinstance(configuration, Mapping):
        raise WrongUseError(f"{path}: `config` is no table of keys and values")
    return yaml.safe_dump(plain, sort_keys=False), configuration, digest


def without_secrets(document: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in which each encrypted value is one that is not known yet.

    What stands for an unknown text on the wire is a text like any other for the program, and becomes unknown
    again where the program passes it to a resource.
    """
    return {name: _plain(value) for name, value in document.items() if name not in _ENCRYPTION}


def settings_file(root: Path, stack: str) -> Path:
    """The settings file of a stack in a project.

    Raises:
        WrongUseError: There is none.
    """
    known = settings_files(root)
    if stack not in known:
        names = ", ".join(known) or "none"
        raise WrongUseError(
            f"the project in {root} has no settings for a stack {stack!r}; it has these: {names}"
        )
    return known[stack]


def settings_files(root: Path) -> dict[str, Path]:
    """The settings files of all stacks of a project, by the stack's name.

    Raises:
        HeadwayError: `Pulumi.yaml` cannot be read.
    """
    project, _ = _read(root / "Pulumi.yaml")
    folder = root / str(project.get("stackConfigDir") or project.get("config-dir") or ".")
    names = {
        path.name.removeprefix("Pulumi.").rsplit(".", 1)[0]: path
        for extension in ("yml", "yaml")
        for path in folder.glob(f"Pulumi.*.{extension}")
    }
    return dict(sorted(names.items()))


def project_name(root: Path) -> str:
    """The project's name.

    Raises:
        HeadwayError: `Pulumi.yaml` holds none.
    """
    project, _ = _read(root / "Pulumi.yaml")
    name = project.get("name")
    if not isinstance(name, str):
        raise HeadwayError(f"{root / 'Pulumi.yaml'} has no `name`; add the project's name")
    return name


def program_folder(root: Path) -> str:
    """The program's folder from the project's, with `/` at its end; empty where it is the project's own."""
    project, _ = _read(root / "Pulumi.yaml")
    main = str(project.get("main") or "").strip("./")
    if not main:
        return ""
    return f"{main}/" if (root / main).is_dir() else f"{Path(main).parent.as_posix()}/".removeprefix("./")


def virtualenv(root: Path) -> str | None:
    """The virtual environment that `Pulumi.yaml` names; None where it names none."""
    project, _ = _read(root / "Pulumi.yaml")
    runtime = project.get("runtime")
    options = runtime.get("options") if isinstance(runtime, Mapping) else None
    named = options.get("virtualenv") if isinstance(options, Mapping) else None
    return named if isinstance(named, str) and named else None


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever YAML holds
    if isinstance(value, Mapping):
        if set(value) == {_SECURE}:
            return UNKNOWN_TEXT
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _read(path: Path) -> tuple[dict[str, Any], str]:
    try:
        text = path.read_bytes()
        document = yaml.safe_load(text)
    except OSError as error:
        raise WrongUseError(f"{path} cannot be read: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise WrongUseError(f"{path} is not YAML: {error}") from None
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise WrongUseError(f"{path} holds no table of settings")
    return document, hashlib.sha256(text).hexdigest()
