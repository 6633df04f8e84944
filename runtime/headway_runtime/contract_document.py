"""What is wrong with the JSON document of an inference contract: every problem at once, none by exception."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

TASKS = ("binary-classification",)
FIELD_TYPES = ("string", "integer", "number", "boolean")
OUTPUT_TYPES = ("number",)
RESERVED_NAMES = ("label", "event_time")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMERIC = ("integer", "number")


class ContractError(ValueError):
    """A contract document is wrong.

    Attributes:
        problems: Every problem found, one plain sentence each.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_number(value: object) -> bool:
    # A comparison, because a huge integer has no float and NaN compares false.
    return isinstance(value, int | float) and not isinstance(value, bool) and -1e300 < value < 1e300


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_version(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_categories(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(isinstance(item, str) for item in value)


_Check = tuple[Callable[[object], bool], str, bool]
_CONTRACT: dict[str, _Check] = {
    "name": (_is_text, "a text", True),
    "version": (_is_version, "an integer from 1", True),
    "task": (lambda value: value in TASKS, f"one of {', '.join(TASKS)}", True),
    "inputs": (lambda value: isinstance(value, list) and value != [], "a list of at least one field", True),
    "output": (lambda value: isinstance(value, Mapping), "an object", True),
}
_INPUT: dict[str, _Check] = {
    "name": (_is_name, "a name of letters, digits and _", True),
    "type": (lambda value: value in FIELD_TYPES, f"one of {', '.join(FIELD_TYPES)}", True),
    "nullable": (lambda value: isinstance(value, bool), "true or false", False),
    "values": (_is_categories, "a list of at least one text", False),
    "closed": (lambda value: isinstance(value, bool), "true or false", False),
    "minimum": (_is_number, "a finite number", False),
    "maximum": (_is_number, "a finite number", False),
}
_OUTPUT: dict[str, _Check] = {
    "name": (_is_name, "a name of letters, digits and _", True),
    "type": (lambda value: value in OUTPUT_TYPES, f"one of {', '.join(OUTPUT_TYPES)}", True),
    "minimum": (_is_number, "a finite number", False),
    "maximum": (_is_number, "a finite number", False),
    "prior": (_is_number, "a finite number", False),
}


def contract_problems(document: object) -> list[str]:
    """Find everything that is wrong with a contract document.

    Args:
        document: The parsed JSON.

    Returns:
        One plain sentence for each problem, naming the place, the value given and what is allowed.
    """
    problems = list(_object_problems("contract", document, _CONTRACT))
    if not isinstance(document, Mapping):
        return problems
    inputs, output = document.get("inputs"), document.get("output")
    if isinstance(inputs, list):
        for index, field in enumerate(inputs):
            where = f"inputs[{index}]"
            problems += _object_problems(where, field, _INPUT)
            if isinstance(field, Mapping):
                problems += _field_problems(where, field)
        problems += _name_problems(inputs)
    if isinstance(output, Mapping):
        problems += _object_problems("output", output, _OUTPUT)
        problems += _range_problems("output", output)
    return problems


def _object_problems(where: str, value: object, checks: Mapping[str, _Check]) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{where} is {value!r}; it must be an object with {', '.join(checks)}"
        return
    for key, (accepts, allowed, required) in checks.items():
        if key in value:
            if not accepts(value[key]):
                yield f"{where}.{key} is {value[key]!r}; it must be {allowed}"
        elif required:
            yield f"{where}.{key} is missing; it must be {allowed}"
    for key in value:
        if key not in checks:
            yield f"{where}.{key} is unknown; allowed are {', '.join(checks)}"


def _field_problems(where: str, field: Mapping[str, object]) -> Iterator[str]:
    kind = field.get("type")
    if kind in FIELD_TYPES:
        for key in ("values", "closed"):
            if key in field and kind != "string":
                yield f"{where}.{key} is declared for type {kind}; categories belong to type string"
        for key in ("minimum", "maximum"):
            if key in field and kind not in _NUMERIC:
                yield f"{where}.{key} is declared for type {kind}; bounds belong to integer and number"
    if field.get("closed") is True and "values" not in field:
        yield f"{where}.closed is true without values; list the categories that are allowed"
    values = field.get("values")
    if isinstance(values, list):
        repeated = sorted({repr(item) for item in values if values.count(item) > 1})
        if repeated:
            yield f"{where}.values repeats {', '.join(repeated)}; name each category once"
    yield from _range_problems(where, field)


def _range_problems(where: str, field: Mapping[str, object]) -> Iterator[str]:
    minimum, maximum, prior = (field.get(key) for key in ("minimum", "maximum", "prior"))
    low = float(minimum) if isinstance(minimum, int | float) and _is_number(minimum) else -math.inf
    high = float(maximum) if isinstance(maximum, int | float) and _is_number(maximum) else math.inf
    if low > high:
        yield f"{where}.minimum {minimum} is above maximum {maximum}; swap or correct them"
    elif isinstance(prior, int | float) and _is_number(prior) and not low <= prior <= high:
        yield f"{where}.prior is {prior}; it must lie in the output's range from {minimum} to {maximum}"


def _name_problems(inputs: Sequence[object]) -> Iterator[str]:
    names = [
        field["name"] for field in inputs if isinstance(field, Mapping) and isinstance(field.get("name"), str)
    ]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"inputs has {name!r} {names.count(name)} times; a name must be unique"
    for name in RESERVED_NAMES:
        if name in names:
            yield f"inputs has the name {name!r}, which training data uses itself; choose another name"
