"""Reads a stack's exported state: what `pulumi stack export` prints, of any stack of any program. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headway_policies.resource import Resource
from headway_policies.stack_graph import identity_names
from headway_policies.values import Values, merged

VERSIONS: Final = (3, 4)
"""The versions of a state that are read: 4 is 3 with features that change nothing about resources."""

_EXPORT: Final = "export the state with `pulumi stack export --stack NAME --file FILE`"


class StateError(ValueError):
    """A state cannot be read; the message is for a person."""


@dataclass(frozen=True, kw_only=True)
class StateFile:
    """A state.

    Args:
        version: The version of its format.
        engine: The version of the engine that wrote it; empty where it does not say.
        stack: The stack's name; empty where the state holds no resource.
        resources: Its resources, without those that are about to be deleted.
        secret_texts: The plain texts of secrets in it.
    """

    version: int
    engine: str
    stack: str
    resources: tuple[Resource, ...]
    secret_texts: frozenset[str]


def read_state(text: str | bytes) -> StateFile:
    """Reads a state.

    Args:
        text: The file's content.

    Raises:
        StateError: It is no state, a damaged one, or one of a version that is not read.
    """
    document = _document(text)
    version = document.get("version")
    if version not in VERSIONS or isinstance(version, bool):
        known = " and ".join(map(str, VERSIONS))
        raise StateError(
            f"the state's version is {_shown(version)}; versions {known} are read. If Pulumi wrote it, "
            f"{_EXPORT} with a current Pulumi CLI (3.229 or newer)"
        )
    assert isinstance(version, int)
    deployment = _deployment(document)
    manifest = deployment.get("manifest")
    engine = manifest.get("version") if isinstance(manifest, Mapping) else None
    raw = deployment.get("resources")
    if raw is None:
        raw = []
    if not isinstance(raw, list):
        raise StateError(f"the state's `resources` is {_shown(raw)}, want a list; {_EXPORT} again")
    values = Values()
    try:
        resources = tuple(
            _resource(item, position, values) for position, item in enumerate(raw) if not _is_leaving(item)
        )
    except RecursionError:
        raise _too_deep() from None
    return StateFile(
        version=version,
        engine=engine if isinstance(engine, str) else "",
        stack=_stack_of(resources),
        resources=resources,
        secret_texts=frozenset(values.secret_texts),
    )


def _document(text: str | bytes) -> Mapping[str, object]:
    try:
        document = json.loads(text)
    except UnicodeDecodeError:
        raise StateError(f"the state is not text in UTF-8; {_EXPORT}") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise StateError(f"the state is not JSON ({error.msg} at {place}); {_EXPORT} again") from None
    except ValueError:
        # Python reads no number of thousands of digits.
        raise StateError(f"the state holds a number that is none; {_EXPORT} again") from None
    except RecursionError:
        raise _too_deep() from None
    if not isinstance(document, Mapping):
        raise StateError(f"the state is {_shown(document)}, want a JSON object; {_EXPORT}")
    return document


def _too_deep() -> StateError:
    return StateError(f"the state is nested too deeply to be one; {_EXPORT} again")


def _deployment(document: Mapping[str, object]) -> Mapping[str, object]:
    # A file backend keeps the same thing one level deeper.
    checkpoint = document.get("checkpoint")
    found = checkpoint.get("latest") if isinstance(checkpoint, Mapping) else document.get("deployment")
    if found is None and ("deployment" in document or "checkpoint" in document):
        return {}
    if not isinstance(found, Mapping):
        raise StateError(f"the state holds no `deployment`; {_EXPORT}")
    return found


def _is_leaving(item: object) -> bool:
    # A resource that was replaced stays in the state until the old one is deleted.
    return isinstance(item, Mapping) and bool(item.get("delete") or item.get("pendingReplacement"))


def _resource(item: object, position: int, values: Values) -> Resource:
    where = f"resources[{position}]"
    if not isinstance(item, Mapping):
        raise StateError(f"the state's {where} is {_shown(item)}, want an object; {_EXPORT} again")
    urn, type_ = item.get("urn"), item.get("type")
    if not isinstance(urn, str) or not isinstance(type_, str) or "::" not in urn:
        raise StateError(f"the state's {where} has no `urn` or no `type`; {_EXPORT} again")
    inputs, secrets = values.properties(_mapping(item, "inputs", where))
    raw_outputs = _mapping(item, "outputs", where)
    extra, more = values.properties({name: raw_outputs[name] for name in raw_outputs if name not in inputs})
    identity = item.get("id")
    if isinstance(identity, str) and identity and "id" not in extra:
        extra["id"] = identity
    parent = item.get("parent")
    return Resource(
        type=type_,
        name=urn.rsplit("::", 1)[-1],
        urn=urn,
        properties=merged(inputs, extra, identity_names(type_)),
        references=_references(item.get("propertyDependencies")),
        secrets=secrets | more,
        parent=parent if isinstance(parent, str) else "",
        source=_source(item),
        is_custom=item.get("custom") is not False,
    )


def _mapping(item: Mapping[str, object], name: str, where: str) -> Mapping[str, object]:
    found = item.get(name)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise StateError(f"the state's {where}.{name} is {_shown(found)}, want an object; {_EXPORT} again")
    return found


def _references(raw: object) -> Mapping[str, frozenset[str]]:
    if not isinstance(raw, Mapping):
        return {}
    return {
        str(name): frozenset(urn for urn in urns if isinstance(urn, str))
        for name, urns in raw.items()
        if isinstance(urns, list) and urns
    }


def _source(item: Mapping[str, object]) -> str:
    position = item.get("sourcePosition")
    return source_place(position) if isinstance(position, str) else ""


def source_place(position: str) -> str:
    """`PATH:LINE` of a position such as `project:///stacks/__main__.py#9`; empty for one elsewhere."""
    if not position.startswith("project:///"):
        return ""
    path, _, place = position.removeprefix("project:///").partition("#")
    line = place.split(",", 1)[0]
    return f"{path}:{line}" if path and line.isdigit() else ""


def _stack_of(resources: tuple[Resource, ...]) -> str:
    # urn:pulumi:STACK::PROJECT::TYPE::NAME
    return resources[0].urn.removeprefix("urn:pulumi:").split("::", 1)[0] if resources else ""


def _shown(value: object) -> str:
    """A value that is not what it should be, without showing what may be a secret."""
    if value is None:
        return "missing"
    return str(value) if isinstance(value, bool | int | float) else f"a {type(value).__name__}"
