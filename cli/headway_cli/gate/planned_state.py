"""A plan as the state that it would lead to, so that another plan can be compared with it. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from headway_policies.resource import UNKNOWN, Resource
from headway_policies.values import UNKNOWN_TEXT

_EVENTS: Final = ("resourcePreEvent", "resOutputsEvent")
_KEPT: Final = ("urn", "type", "custom", "id", "parent", "provider", "inputs", "outputs", "protect")
_PLANNED: Final = "planned"
_HIDDEN: Final = "[secret]"
_MANIFEST: Final = {"time": "2000-01-01T00:00:00Z", "magic": "", "version": ""}


def deployment(events: Iterable[Mapping[str, Any]], resources: Iterable[Resource]) -> dict[str, Any]:
    """The deployment that a plan would lead to, as a state file holds it.

    Args:
        events: What the engine told of the plan.
        resources: The planned resources, which know the secrets that the engine's events hide.
    """
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        for name in _EVENTS:
            metadata = event.get(name, {}).get("metadata", {})
            state = metadata.get("new")
            if isinstance(state, dict) and metadata.get("op") != "delete":
                item = found.setdefault(str(state.get("urn")), {})
                item.update({key: state[key] for key in _KEPT if key in state})
    properties = {item.urn: item.properties for item in resources}
    for urn, item in found.items():
        _complete(item, properties.get(urn, {}))
    return {"manifest": dict(_MANIFEST), "resources": list(found.values())}


def _complete(item: dict[str, Any], known: Mapping[str, object]) -> None:
    if item.get("custom"):
        # The engine takes no state whose ids are not known.
        item["id"] = item["id"] if item.get("id") not in ("", None, UNKNOWN_TEXT) else _PLANNED
    if isinstance(item.get("provider"), str):
        item["provider"] = item["provider"].replace(UNKNOWN_TEXT, _PLANNED)
    for part in ("inputs", "outputs"):
        held = item.get(part) or {}
        item[part] = {
            name: _written(known[name]) if name in known and _is_hidden(value) else value
            for name, value in held.items()
        }


def _is_hidden(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_is_hidden, value.values()))
    if isinstance(value, list):
        return any(map(_is_hidden, value))
    return value == _HIDDEN


def _written(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _written(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    return UNKNOWN_TEXT if value is UNKNOWN else value
