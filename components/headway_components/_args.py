"""Component args: frozen dataclasses of Pulumi inputs, coerced and checked in one place."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Self

import pulumi

from headway_components._declaration import Declaration, DeclarationError, shown


class ArgsError(pulumi.RunError):
    """Arguments of a component that cannot be used; the message lists every problem with its fix."""

    def __init__(self, args: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{args} cannot be used, {count}:\n{lines}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Args:
    """Base of all component args."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the plain values; an Output is left to the policies."""
        return iter(())

    @classmethod
    def of(cls, value: Self | Mapping[str, Any]) -> Self:
        """The args themselves, or those that a mapping describes, which is what other languages pass.

        Raises:
            ArgsError: with every unknown, missing and wrong argument.
        """
        args = (
            value if isinstance(value, cls) else _from_mapping(cls, typing.cast("Mapping[str, Any]", value))
        )
        found = tuple(args.problems())
        if found:
            raise ArgsError(cls.__name__, found)
        return args


_Dataclass = typing.TypeVar("_Dataclass")


def _from_mapping(cls: type[_Dataclass], value: Mapping[str, Any]) -> _Dataclass:
    """Builds a dataclass from a mapping, nested dataclasses, declarations and enumerations included."""
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    problems = [_unknown(name, tuple(fields)) for name in value if name not in fields]
    given: dict[str, Any] = {}
    for name, field in fields.items():
        if value.get(name) is not None:
            try:
                given[name] = _coerce(field.type, value[name])
            except (ArgsError, DeclarationError) as error:
                problems += [f"{name}.{found}" for found in error.problems]
            except ValueError as error:
                problems.append(f"{name}: {error}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            problems.append(f"{name}: is required; add it")
    if problems:
        raise ArgsError(cls.__name__, problems)
    return cls(**given)


def _unknown(name: str, allowed: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, allowed, n=1)
    fix = f"did you mean {near[0]!r}?" if near else f"remove it; the arguments are {', '.join(allowed)}"
    return f"{name}: is not an argument; {fix}"


def _coerce(annotation: Any, value: Any) -> Any:  # noqa: ANN401 - any argument
    kind = _plain_type(annotation)
    if value is None or isinstance(value, pulumi.Output):
        return value
    if typing.get_origin(kind) in (list, Sequence) and isinstance(value, list | tuple):
        return [_coerce(typing.get_args(kind)[0], item) for item in value]
    if not isinstance(kind, type) or isinstance(value, kind):
        return value
    return _converted(kind, value)


def _converted(kind: type, value: Any) -> Any:  # noqa: ANN401 - any argument
    if dataclasses.is_dataclass(kind) and isinstance(value, Mapping):
        return _from_mapping(kind, value)
    if issubclass(kind, Declaration):
        return kind.load(value)
    if issubclass(kind, Enum):
        return _member(kind, value)
    # Numbers arrive as floats from other languages.
    return int(value) if kind is int and isinstance(value, float) and value.is_integer() else value


def _member(kind: type[Enum], value: object) -> Enum:
    try:
        return kind(value)
    except ValueError:
        allowed = ", ".join(repr(member.value) for member in kind)
        raise ValueError(f"is {shown(value)}; use one of {allowed}") from None


def _plain_type(annotation: Any) -> Any:  # noqa: ANN401 - any annotation
    """The type of the value itself: `str` for `Input[str] | None`."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        inner = [part for part in typing.get_args(annotation) if part is not types.NoneType]
        return _plain_type(inner[0]) if inner else None
    return annotation
