"""IAM policy documents by what they mean, not by how they are written. Pure.

One value or a list of one, `NotAction`, `NotResource`, wildcards anywhere in a name, actions and the names of
elements in any case, principals as text or as an object: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from headway_policies.resource import UNKNOWN, NotJsonError, Resource

Text = object
"""A text, or `UNKNOWN`."""

EVERYBODY = "*"
_ELEMENTS = frozenset(
    {
        *("Version", "Id", "Statement", "Sid", "Effect", "Action", "NotAction"),
        *("Resource", "NotResource", "Principal", "NotPrincipal", "Condition"),
    }
)
"""The elements of a document and of a statement, as AWS spells them."""


@lru_cache(maxsize=8192)
def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    # Runs of `*` are one: without that, a pattern of many of them takes for ever on a text it does not match.
    steps = re.split(r"(\*+|\?)", pattern)
    text = "".join(".*" if step[:1] == "*" else "." if step == "?" else re.escape(step) for step in steps)
    return re.compile(text, (re.IGNORECASE if ignore_case else 0) | re.DOTALL)


def matches_action(pattern: str, action: str) -> bool:
    """Whether an action pattern stands for an action; case makes no difference."""
    return _pattern(pattern, True).fullmatch(action) is not None


def matches_resource(pattern: str, arn: str) -> bool:
    """Whether a resource pattern stands for an ARN; case makes a difference."""
    return _pattern(pattern, False).fullmatch(arn) is not None


def is_every_action(pattern: str) -> bool:
    """Whether an action pattern stands for all actions of all services."""
    parts = pattern.split(":")
    return "*" in pattern and not pattern.strip("*?:") and len(parts) <= 2 and all(parts)


def has_wildcard(pattern: str) -> bool:
    """Whether a pattern stands for more than one name."""
    return "*" in pattern or "?" in pattern


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who a statement is about.

    Args:
        kind: `AWS`, `Service`, `Federated`, `CanonicalUser`; `*` for everybody.
        value: An ARN, an account, a service, `*` or `UNKNOWN`.
    """

    kind: str
    value: Text

    @property
    def is_everybody(self) -> bool:
        """Whether it is anybody at all."""
        return self.value == EVERYBODY and self.kind in {"AWS", EVERYBODY}


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition: an operator, a key and the values, any of which satisfies it.

    Args:
        operator: As it is written, for example `StringEquals`.
        key: The key in lower case: keys have no case.
        values: Each value as text; booleans and numbers as IAM reads them.
    """

    operator: str
    key: str
    values: tuple[Text, ...]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement.

    Args:
        path: Where it is, for example `policy Statement[0]`.
        effect: `Allow`, `Deny`, `UNKNOWN`, or None where it is missing.
        actions: What `Action` lists.
        not_actions: What `NotAction` lists; None where there is no `NotAction`.
        resources: What `Resource` lists.
        not_resources: What `NotResource` lists; None where there is no `NotResource`.
        principals: Who `Principal` lists.
        not_principals: Who `NotPrincipal` lists; None where there is no `NotPrincipal`.
        conditions: The conditions, all of which have to hold.
        is_known: False where the whole statement is not known yet.
    """

    path: str
    effect: Text | None
    actions: tuple[Text, ...] = ()
    not_actions: tuple[Text, ...] | None = None
    resources: tuple[Text, ...] = ()
    not_resources: tuple[Text, ...] | None = None
    principals: tuple[Principal, ...] = ()
    not_principals: tuple[Principal, ...] | None = None
    conditions: tuple[Condition, ...] = ()
    is_known: bool = True

    @property
    def allows(self) -> bool:
        """Whether it can allow: everything but a `Deny`, so that nothing is missed for a misspelt effect."""
        return self.effect != "Deny"

    def covers_action(self, action: str) -> bool | None:
        """Whether an action is among those it is about; None where that depends on what is not known yet."""
        return _covered(action, self.actions, self.not_actions, matches_action)

    def covers_resource(self, arn: str) -> bool | None:
        """Whether an ARN is among those it is about; None where that depends on what is not known yet."""
        return _covered(arn, self.resources, self.not_resources, matches_resource)

    @property
    def is_for_everybody(self) -> bool:
        """Whether it is about anybody at all, save those that a `NotPrincipal` names."""
        return self.not_principals is not None or any(item.is_everybody for item in self.principals)

    def condition(self, key: str, *operators: str) -> tuple[Text, ...]:
        """The values that conditions on a key list; empty where there is no such condition.

        Args:
            key: The key, in any case.
            operators: Only these operators, in any case, also with a `ForAnyValue:` or `ForAllValues:` before
                or an `IfExists` behind; all where they are left out.
        """
        wanted = {operator.lower() for operator in operators}
        return tuple(
            value
            for item in self.conditions
            if item.key == key.lower() and (not wanted or _bare(item.operator) in wanted)
            for value in item.values
        )

    @property
    def unknowns(self) -> tuple[str, ...]:
        """The paths of what is not known yet."""
        if not self.is_known:
            return (self.path,)
        lists = {
            "Effect": (self.effect,),
            "Action": self.actions,
            "NotAction": self.not_actions or (),
            "Resource": self.resources,
            "NotResource": self.not_resources or (),
            "Principal": tuple(item.value for item in self.principals),
            "NotPrincipal": tuple(item.value for item in self.not_principals or ()),
            "Condition": tuple(value for item in self.conditions for value in item.values),
        }
        return tuple(f"{self.path}.{name}" for name, values in lists.items() if UNKNOWN in values)


def statements(resource: Resource, path: str) -> tuple[Statement, ...]:
    """The statements of the policy document at a path, given as JSON text or as an object.

    Raises:
        NotKnownError: The whole document is not known yet.
        NotJsonError: It is no policy document. A rule that lets it through fails with that finding.
    """
    document = resource.json(path)
    if document is None:
        return ()
    if not isinstance(document, Mapping):
        raise NotJsonError(path, resource.urn)
    return tuple(parse(document, path))


def parse(document: Mapping[str, object], path: str = "policy") -> Iterator[Statement]:
    """The statements of a policy document."""
    for position, item in enumerate(_listed(_element(document, "Statement"))):
        where = f"{path} Statement[{position}]"
        if item is UNKNOWN:
            yield Statement(path=where, effect=UNKNOWN, is_known=False)
        elif isinstance(item, Mapping):
            yield _statement(item, where)


def _statement(item: Mapping[str, object], path: str) -> Statement:
    not_principal = _element(item, "NotPrincipal")
    return Statement(
        path=path,
        effect=_element(item, "Effect"),
        actions=_listed(_element(item, "Action")),
        not_actions=_optional(_element(item, "NotAction")),
        resources=_listed(_element(item, "Resource")),
        not_resources=_optional(_element(item, "NotResource")),
        principals=_principals(_element(item, "Principal")),
        not_principals=None if not_principal is None else _principals(not_principal),
        conditions=tuple(_conditions(_element(item, "Condition"))),
    )


def _element(item: Mapping[str, object], name: str) -> object:
    """An element by its name, in any case; what is given twice in two spellings counts together.

    A condition that is given twice counts for nothing: what it narrows is not clear.
    """
    if item.keys() <= _ELEMENTS:
        return item.get(name)
    found = [value for key, value in item.items() if key.lower() == name.lower()]
    if len(found) < 2:
        return found[0] if found else None
    if name == "Condition":
        return None
    if name == "Effect":
        return next((value for value in found if value != "Deny"), "Deny")
    return [each for value in found for each in _listed(value)]


def _principals(value: object) -> tuple[Principal, ...]:
    return tuple(
        Principal(kind=str(kind), value=item)
        for each in _listed(value)
        for kind, held in (each.items() if isinstance(each, Mapping) else ((EVERYBODY, each),))
        for item in _listed(held)
    )


def _conditions(value: object) -> Iterator[Condition]:
    if value is UNKNOWN:
        yield Condition(operator="", key="", values=(UNKNOWN,))
    if not isinstance(value, Mapping):
        return
    for operator, keys in value.items():
        if isinstance(keys, Mapping):
            for key, values in keys.items():
                texts = tuple(_condition_text(item) for item in _listed(values))
                yield Condition(operator=str(operator), key=str(key).lower(), values=texts)
        elif keys is UNKNOWN:
            yield Condition(operator=str(operator), key="", values=(UNKNOWN,))


def _condition_text(value: object) -> Text:
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is UNKNOWN else str(value)


def _bare(operator: str) -> str:
    return operator.lower().rsplit(":", 1)[-1].removesuffix("ifexists")


def _covered(
    name: str,
    listed: tuple[Text, ...],
    excluded: tuple[Text, ...] | None,
    matches: Callable[[str, str], bool],
) -> bool | None:
    patterns = listed if excluded is None else excluded
    hit = any(matches(pattern, name) for pattern in _texts(patterns))
    if not hit and UNKNOWN in patterns:
        return None
    return hit if excluded is None else not hit


def _texts(values: tuple[Text, ...]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _optional(value: object) -> tuple[Text, ...] | None:
    return None if value is None else _listed(value)


def _listed(value: object) -> tuple[Text, ...]:
    """IAM takes one value where it takes a list of one."""
    if isinstance(value, list | tuple):
        return tuple(value)
    return () if value is None else (value,)
