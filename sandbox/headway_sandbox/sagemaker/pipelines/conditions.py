"""Conditions of a pipeline's Condition steps."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from headway_sandbox.sagemaker.pipelines.values import Value, parse_value


class ConditionError(ValueError):
    """A condition that cannot be decided, such as a text that is compared with a number."""


@dataclass(frozen=True)
class Comparison:
    """``Equals`` and the orderings.

    Attributes:
        type: Name of the comparison.
        left: Left value.
        right: Right value.
    """

    type: str
    left: Value
    right: Value


@dataclass(frozen=True)
class In:
    """Whether a value is one of several."""

    value: Value
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    condition: Condition


@dataclass(frozen=True)
class Combination:
    """Several conditions, of which all or at least one must hold."""

    conditions: tuple[Condition, ...]
    all_of: bool


Condition = Comparison | In | Not | Combination

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
TYPES = ("And", "Equals", *_ORDERINGS, "In", "Not", "Or")


def parse_conditions(value: Any, where: str, problems: list[str]) -> Combination:  # noqa: ANN401 - any JSON value
    """The list of conditions of a step, all of which must hold.

    Args:
        value: ``Arguments.Conditions`` as it is in the definition.
        where: The step, for messages.
        problems: Gets a sentence for everything that is wrong.
    """
    if not isinstance(value, list) or not value:
        problems.append(f"{where}: Conditions must be a list of one or more conditions")
        return Combination((), all_of=True)
    parsed = [_parse(item, where, problems) for item in value]
    return Combination(tuple(item for item in parsed if item is not None), all_of=True)


def operands(condition: Condition) -> Iterator[Value]:
    """All values that a condition looks at."""
    match condition:
        case Comparison(left=left, right=right):
            yield left
            yield right
        case In(value=value, values=values):
            yield value
            yield from values
        case Not(condition=inner):
            yield from operands(inner)
        case Combination(conditions=conditions):
            for inner in conditions:
                yield from operands(inner)


def holds(condition: Condition, resolve: Callable[[Value], Any]) -> bool:
    """Whether a condition is true.

    Args:
        condition: The condition.
        resolve: Replaces references by what they lead to.

    Raises:
        ConditionError: If values cannot be compared.
    """
    match condition:
        case Comparison(type="Equals", left=left, right=right):
            return _equal(resolve(left), resolve(right))
        case Comparison(type=kind, left=left, right=right):
            return _ordered(kind, resolve(left), resolve(right))
        case In(value=value, values=values):
            wanted = resolve(value)
            return any(_equal(wanted, resolve(item)) for item in values)
        case Not(condition=inner):
            return not holds(inner, resolve)
        case Combination(conditions=conditions, all_of=all_of):
            return (all if all_of else any)(holds(inner, resolve) for inner in conditions)


def _equal(left: object, right: object) -> bool:
    # In JSON true is no number, in Python it is 1.
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _ordered(kind: str, left: Any, right: Any) -> bool:  # noqa: ANN401
    for types in ((int, float), (str,)):
        if all(isinstance(value, types) and not isinstance(value, bool) for value in (left, right)):
            return _ORDERINGS[kind](left, right)
    raise ConditionError(f"{kind} compares two numbers or two strings, not {left!r} and {right!r}")


def _parse(value: Any, where: str, problems: list[str]) -> Condition | None:  # noqa: ANN401
    kind = value.get("Type") if isinstance(value, dict) else None
    members = _MEMBERS.get(kind) if isinstance(kind, str) else None
    if members is None:
        problems.append(f"{where}: {value!r} is not a condition; its Type must be one of {', '.join(TYPES)}")
        return None
    if set(value) != {"Type", *members}:
        found = ", ".join(sorted(set(value) - {"Type"}))
        problems.append(
            f"{where}: a condition {kind} has the members {', '.join(members)}; found {found or 'none'}"
        )
        return None
    match kind:
        case "In":
            values = value["Values"] if isinstance(value["Values"], list) else []
            if not values:
                problems.append(f"{where}: Values of a condition In must be a list of one or more values")
            parsed = tuple(parse_value(item, where, problems) for item in values)
            return In(parse_value(value["QueryValue"], where, problems), parsed)
        case "Not":
            inner = _parse(value["Expression"], where, problems)
            return None if inner is None else Not(inner)
        case "And" | "Or":
            combined = parse_conditions(value["Conditions"], where, problems)
            return Combination(combined.conditions, all_of=kind == "And")
        case _:
            left, right = (parse_value(value[side], where, problems) for side in ("LeftValue", "RightValue"))
            return Comparison(str(kind), left, right)


_MEMBERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("Equals", *_ORDERINGS), ("LeftValue", "RightValue")),
    "In": ("QueryValue", "Values"),
    "Not": ("Expression",),
    "And": ("Conditions",),
    "Or": ("Conditions",),
}
