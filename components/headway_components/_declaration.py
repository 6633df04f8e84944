"""The base of every declaration: a frozen value with a digest and errors that say what to change."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from headway_runtime.contract import digest

SHOWN_VALUE_CHARACTERS = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a declaration."""

    field: str
    """Dotted path of the field, empty for the declaration as a whole."""
    value: str
    """The value given, as it was written, shortened; empty where there was none."""
    message: str
    """What is wrong."""
    fix: str
    """What to change."""

    def __str__(self) -> str:
        place = f"{self.field}: " if self.field else ""
        given = f", got {self.value}" if self.value else ""
        return f"{place}{self.message}{given}; {self.fix}"


class DeclarationError(Exception):
    """A declaration that cannot be used; the message lists every problem with its fix."""

    def __init__(self, declaration: str, problems: Sequence[Problem]) -> None:
        self.declaration = declaration
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{declaration} is not valid, {count}:\n{lines}")


def refuse(problems: Iterable[Problem]) -> None:
    """Ends a validator with all the problems it found; does nothing when there are none."""
    found = tuple(problems)
    if found:
        raise PydanticCustomError("declaration", "{count} problems", {"count": len(found), "problems": found})


def problem(field: str, value: object, message: str, fix: str) -> Problem:
    """A problem with its value shown the way a person wrote it."""
    return Problem(field, shown(value), message, fix)


def shown(value: object) -> str:
    """A value as text for an error, shortened to one readable line."""
    text = repr(value)
    return text if len(text) <= SHOWN_VALUE_CHARACTERS else f"{text[: SHOWN_VALUE_CHARACTERS - 1]}…"


_FIXES: Mapping[str, str] = {
    "missing": "add it",
    "enum": "use one of {expected}",
    "string_type": "give text in quotes",
    "int_type": "give a whole number",
    "int_parsing": "give a whole number",
    "int_from_float": "give a whole number",
    "float_type": "give a number",
    "float_parsing": "give a number",
    "bool_type": "give true or false",
    "bool_parsing": "give true or false",
    "greater_than": "give more than {gt}",
    "greater_than_equal": "give {ge} or more",
    "less_than": "give less than {lt}",
    "less_than_equal": "give {le} or less",
    "string_too_short": "give at least {min_length} characters",
    "string_too_long": "give at most {max_length} characters",
    "string_pattern_mismatch": "match the pattern {pattern}",
    "too_short": "give at least {min_length}",
    "too_long": "give at most {max_length}",
    "model_type": "give a mapping with its fields",
    "is_instance_of": "give a list",
}
_DEFAULT_FIX = "correct the value"


def _allowed_fields(model: type[BaseModel], path: Sequence[int | str]) -> tuple[str, ...]:
    """The fields of the declaration that an error's path leads to; empty when it leaves the models."""
    current: Any = model
    for part in path:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part)
        if field is None:
            return ()
        current = _model_in(field.annotation)
        if current is None:
            return ()
    return tuple(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found is not None:
            return found
    return None


def _problems_of(model: type[BaseModel], error: ErrorDetails) -> Iterable[Problem]:
    path = tuple(error["loc"])
    place = ".".join(str(part) for part in path)
    context: Mapping[str, Any] = error.get("ctx", {})
    if error["type"] == "declaration":
        for found in context["problems"]:
            inner = ".".join(part for part in (place, found.field) if part)
            yield Problem(inner, found.value, found.message, found.fix)
        return
    if error["type"] == "extra_forbidden":
        allowed = _allowed_fields(model, path[:-1])
        near = difflib.get_close_matches(str(path[-1]), allowed, n=1)
        fix = f"did you mean {near[0]!r}?" if near else f"remove it; the fields are {', '.join(allowed)}"
        yield problem(place, error["input"], "is not a field", fix)
        return
    given = "" if error["type"] == "missing" else shown(error["input"])
    message = "is required" if error["type"] == "missing" else error["msg"][0].lower() + error["msg"][1:]
    yield Problem(place, given, message, _FIXES.get(error["type"], _DEFAULT_FIX).format(**context))


def _declaration_error(model: type[BaseModel], error: ValidationError) -> DeclarationError:
    problems = [found for detail in error.errors() for found in _problems_of(model, detail)]
    return DeclarationError(model.__name__, problems)


if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    # pydantic does not export its metaclass.
    ModelMetaclass = type(BaseModel)


class _DeclarationMeta(ModelMetaclass):
    """Turns pydantic's error into ours where a declaration is written in Python."""

    if not TYPE_CHECKING:

        def __call__(cls, *args: Any, **fields: Any) -> Any:  # noqa: ANN401, N805 - a metaclass's own
            try:
                return super().__call__(*args, **fields)
            except ValidationError as error:
                raise _declaration_error(cls, error) from None


class Declaration(BaseModel, metaclass=_DeclarationMeta):
    """A plain value that says what a system is; it holds no Pulumi type and touches nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def load(cls, value: Self | Mapping[str, Any]) -> Self:
        """The declaration itself, or the one that a mapping (YAML, stack configuration) describes.

        Raises:
            DeclarationError: with every problem of the mapping.
        """
        if isinstance(value, cls):
            return value
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise _declaration_error(cls, error) from None

    def plain(self) -> dict[str, Any]:
        """The declaration as JSON values, without what is nothing because it was left out."""
        return _without_left_out(self, self.model_dump(mode="json"))

    def digest(self) -> str:
        """`sha256:` and the digest that identifies this version of the declaration."""
        return digest(self.plain())


def _without_left_out(declaration: Declaration, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without those that are nothing by default; a null that somebody wrote stays one."""
    kept = {}
    for name, field in type(declaration).model_fields.items():
        value = getattr(declaration, name)
        if value is None and field.default is None:
            continue
        kept[name] = _inner(value, values[name])
    return kept


def _inner(value: object, dumped: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Declaration):
        return _without_left_out(value, dumped)
    if isinstance(value, list | tuple):
        return [_inner(item, plain) for item, plain in zip(value, dumped, strict=True)]
    return dumped
