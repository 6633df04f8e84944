"""Values of a pipeline definition that are only known when it runs: ``Get``, ``Std:Join``, ``Std:JsonGet``.

Parsing and resolving are apart, so that a definition's references are checked before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headway_sandbox.sagemaker.pipelines.paths import PathError, Token, follow, parse_path

ROOTS = ("Parameters", "Steps", "Execution")
PROPERTY_FILES = "PropertyFiles"

Value = Any
"""A JSON value in which some parts are `Get`, `Join` or `JsonGet`."""


@dataclass(frozen=True)
class Get:
    """A parameter, a variable of the execution, or a property of a step.

    Attributes:
        root: ``Parameters``, ``Steps`` or ``Execution``.
        name: The parameter, variable or step.
        path: Steps into it.
        text: As written.
    """

    root: str
    name: str
    path: tuple[Token, ...]
    text: str


@dataclass(frozen=True)
class Join:
    """Several values as one string.

    Attributes:
        on: What is between them.
        values: The values.
    """

    on: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class JsonGet:
    """A value in a property file that a processing step wrote.

    Attributes:
        step: The step.
        property_file: The name under the step's ``PropertyFiles``.
        path: Where in the file.
        text: As written.
    """

    step: str
    property_file: str
    path: tuple[Token, ...]
    text: str


@dataclass(frozen=True)
class Scope:
    """What references lead to while a pipeline runs.

    Attributes:
        parameters: Parameter values by name.
        execution: Variables of the execution by name.
        properties: What each step that has ended left: the answer of its Describe call.
        property_files: Content of property files, by step and property file.
    """

    parameters: Mapping[str, Any]
    execution: Mapping[str, Any]
    properties: Mapping[str, Any]
    property_files: Mapping[tuple[str, str], Any]


def parse_value(value: Any, where: str, problems: list[str]) -> Value:  # noqa: ANN401 - any JSON value
    """A JSON value with its references parsed.

    Args:
        value: The value as it is in the definition.
        where: What it belongs to, for messages.
        problems: Gets a sentence for everything that is wrong.
    """
    if isinstance(value, list):
        return [parse_value(item, where, problems) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (key,) = value
        parse = _FUNCTIONS.get(key)
        if parse is not None:
            return parse(value[key], where, problems)
        if key.startswith("Std:"):
            problems.append(
                f"{where}: {key} is not a function of pipelines; known are {', '.join(_FUNCTIONS)}"
            )
    return {key: parse_value(item, where, problems) for key, item in value.items()}


def leaves(value: Value) -> Iterator[Get | JsonGet]:
    """All references in a parsed value."""
    if isinstance(value, Get | JsonGet):
        yield value
    elif isinstance(value, Join):
        yield from leaves(list(value.values))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()))


def resolve(value: Value, scope: Scope) -> Any:  # noqa: ANN401 - any JSON value
    """A parsed value with every reference replaced by what it leads to.

    Raises:
        PathError: If a reference leads nowhere.
    """
    if isinstance(value, Get):
        return follow(_roots(scope)[value.root], (value.name, *value.path), f"the reference {value.text}")
    if isinstance(value, JsonGet):
        content = scope.property_files[(value.step, value.property_file)]
        return follow(
            content, value.path, f"the path {value.text} in the property file {value.property_file}"
        )
    if isinstance(value, Join):
        return value.on.join(_as_text(resolve(item, scope)) for item in value.values)
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    if isinstance(value, dict):
        return {key: resolve(item, scope) for key, item in value.items()}
    return value


def _roots(scope: Scope) -> dict[str, Mapping[str, Any]]:
    return {"Parameters": scope.parameters, "Steps": scope.properties, "Execution": scope.execution}


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _get(value: Any, where: str, problems: list[str]) -> Value:  # noqa: ANN401
    shape = "Parameters.NAME, Execution.NAME or Steps.NAME.PROPERTY"
    if not isinstance(value, str):
        problems.append(f"{where}: Get is {value!r}; it must be a string of the form {shape}")
        return None
    try:
        path = parse_path(value)
    except PathError as error:
        problems.append(f"{where}: {error}")
        return None
    needed = 3 if path[0] == "Steps" else 2
    if path[0] not in ROOTS or len(path) < needed or (path[0] != "Steps" and len(path) > needed):
        problems.append(f"{where}: Get is {value!r}; it must be of the form {shape}")
        return None
    return Get(str(path[0]), str(path[1]), path[2:], value)


def _join(value: Any, where: str, problems: list[str]) -> Value:  # noqa: ANN401
    if not (
        isinstance(value, dict)
        and isinstance(value.get("Values"), list)
        and isinstance(value.get("On", ""), str)
    ):
        problems.append(f"{where}: Std:Join is {value!r}; it must have a list Values and a string On")
        return None
    return Join(value.get("On", ""), tuple(parse_value(item, where, problems) for item in value["Values"]))


def _json_get(value: Any, where: str, problems: list[str]) -> Value:  # noqa: ANN401
    shape = '{"PropertyFile": {"Get": "Steps.STEP.PropertyFiles.FILE"}, "Path": "..."}'
    if not (
        isinstance(value, dict) and set(value) == {"PropertyFile", "Path"} and isinstance(value["Path"], str)
    ):
        problems.append(f"{where}: Std:JsonGet is {value!r}; it must be of the form {shape}")
        return None
    file = parse_value(value["PropertyFile"], where, problems)
    if file is None:
        return None
    if not (
        isinstance(file, Get)
        and file.root == "Steps"
        and len(file.path) == 2
        and file.path[0] == PROPERTY_FILES
    ):
        problems.append(
            f"{where}: the PropertyFile of Std:JsonGet is {value['PropertyFile']!r}; the form is {shape}"
        )
        return None
    try:
        path = parse_path(value["Path"])
    except PathError as error:
        problems.append(f"{where}: {error}")
        return None
    return JsonGet(file.name, str(file.path[1]), path, value["Path"])


_FUNCTIONS: dict[str, Callable[[Any, str, list[str]], Value]] = {
    "Get": _get,
    "Std:Join": _join,
    "Std:JsonGet": _json_get,
}
