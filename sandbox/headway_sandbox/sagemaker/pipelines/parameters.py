"""Parameters of a pipeline: declared in the definition, given as text when it starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_ABSENT = object()


@dataclass(frozen=True)
class Parameter:
    """One declared parameter.

    Attributes:
        name: Its name.
        type: ``String``, ``Integer``, ``Float`` or ``Boolean``.
        default: Its value when none is given; `required` if there is none.
        allowed: The only values it may have; empty if any.
    """

    name: str
    type: str
    default: Any
    allowed: tuple[Any, ...]

    @property
    def required(self) -> bool:
        """Whether an execution must give a value."""
        return self.default is _ABSENT


def parse_parameters(value: Any, problems: list[str]) -> dict[str, Parameter]:  # noqa: ANN401 - any JSON value
    """The parameters of a definition.

    Args:
        value: ``Parameters`` as it is in the definition.
        problems: Gets a sentence for everything that is wrong.
    """
    parameters: dict[str, Parameter] = {}
    if not isinstance(value, list):
        problems.append(f"Parameters must be a list, not {value!r}")
        return parameters
    for item in value:
        name = item.get("Name") if isinstance(item, dict) else None
        if not isinstance(name, str) or not name:
            problems.append(f"Parameters: {item!r} has no Name")
            continue
        if name in parameters:
            problems.append(f"parameter {name}: the name is used twice")
        kind = item.get("Type")
        if kind not in _READERS:
            problems.append(f"parameter {name}: Type is {kind!r}; it must be one of {', '.join(_READERS)}")
            continue
        allowed = tuple(item.get("EnumValues", ()))
        default = item.get("DefaultValue", _ABSENT)
        if default is not _ABSENT and not isinstance(default, _TYPES[kind]):
            problems.append(f"parameter {name}: DefaultValue is {default!r}, which is no {kind}")
        if default is not _ABSENT and allowed and default not in allowed:
            problems.append(
                f"parameter {name}: DefaultValue is {default!r}; EnumValues allow "
                f"{', '.join(map(str, allowed))}"
            )
        parameters[name] = Parameter(name, kind, default, allowed)
    return parameters


def bind(
    parameters: Mapping[str, Parameter], given: Sequence[Mapping[str, str]]
) -> tuple[dict[str, Any], list[str]]:
    """The values of an execution's parameters.

    Args:
        parameters: What the definition declares.
        given: ``PipelineParameters`` of the request: name and value, all text.

    Returns:
        The values by name, and a sentence for everything that is wrong.
    """
    problems = []
    texts = {item["Name"]: item["Value"] for item in given}
    for name in sorted(set(texts) - set(parameters)):
        declared = ", ".join(sorted(parameters))
        problems.append(
            f"Parameter [{name}] is not declared in the pipeline; it declares {declared or 'none'}"
        )
    values: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name not in texts:
            if parameter.required:
                problems.append(
                    f"Parameter [{name}] is required, but no value was given and it has no default"
                )
            else:
                values[name] = parameter.default
            continue
        value = _READERS[parameter.type](texts[name])
        if value is None:
            problems.append(f"Parameter [{name}] value [{texts[name]}] is no {parameter.type}")
        elif parameter.allowed and value not in parameter.allowed:
            allowed = ", ".join(map(str, parameter.allowed))
            problems.append(f"Parameter [{name}] value [{value}] is not allowed; allowed are {allowed}")
        else:
            values[name] = value
    return values, problems


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _float(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


_READERS: dict[str, Callable[[str], Any]] = {
    "String": lambda text: text,
    "Integer": _integer,
    "Float": _float,
    "Boolean": lambda text: {"true": True, "false": False}.get(text.lower()),
}
_TYPES: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}
