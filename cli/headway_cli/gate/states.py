"""What is judged where somebody hands in an exported state."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from headway_cli.errors import WrongUseError
from headway_policies.intent import FRAMEWORKS, Intent, configuration_of_tags, read_intent
from headway_policies.resource import Resource
from headway_policies.state_file import StateError, StateFile, read_state
from headway_policies.verdict import Moment, Subject


@dataclass(frozen=True, kw_only=True)
class Handed:
    """What was handed in.

    Args:
        subject: What is judged.
        digests: The SHA-256 of each file, by name.
    """

    subject: Subject
    digests: dict[str, str]


def read_state_file(path: Path) -> tuple[StateFile, str]:
    """An exported state, and the SHA-256 of its file.

    Raises:
        WrongUseError: It is not there, or no state.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WrongUseError(
            f"{path} cannot be read: {error.strerror or error}; "
            "give the file that `pulumi stack export --file` wrote"
        ) from None
    try:
        return read_state(content), hashlib.sha256(content).hexdigest()
    except StateError as error:
        raise WrongUseError(f"{path}: {error}") from None


def handed_in(path: Path, config_file: Path | None, framework_folders: tuple[Path, ...]) -> Handed:
    """What is judged: a state, and what the stack is meant to be.

    Args:
        path: The exported state.
        config_file: The stack's settings file; the tags of the resources tell where it is left out.
        framework_folders: Folders with frameworks of the team's own.

    Raises:
        WrongUseError: A file is not there, or not what it should be.
    """
    state, digest = read_state_file(path)
    digests = {"state": digest}
    if config_file is None:
        configuration: Mapping[str, object] = configuration_of_tags(map(_tags, state.resources))
    else:
        # Imported here: YAML takes a while to load, and a state needs none.
        from headway_cli.gate.stack_settings import read_configuration  # noqa: PLC0415

        configuration, digests["config"] = read_configuration(config_file)
    region = configuration.get("aws:region")
    subject = Subject(
        stack=state.stack,
        resources=state.resources,
        intent=read_intent(configuration, framework_ids(framework_folders)),
        moment=Moment.STATE,
        region=region if isinstance(region, str) else None,
        secret_texts=state.secret_texts,
    )
    return Handed(subject=subject, digests=digests)


def intent_of(resources: Iterable[Resource]) -> Intent:
    """What the tags of deployed resources say that their stack is meant to be."""
    return read_intent(configuration_of_tags(map(_tags, resources)))


def framework_ids(folders: tuple[Path, ...]) -> frozenset[str]:
    """The ids of Headway's frameworks and of those in a team's own folders."""
    return frozenset({*FRAMEWORKS, *(path.stem for folder in folders for path in folder.glob("*.toml"))})


def _tags(resource: Resource) -> Mapping[str, object]:
    found = resource.properties.get("tags")
    return found if isinstance(found, Mapping) else {}
