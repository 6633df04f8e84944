"""Checks of one value that many rules share."""

import math
from collections.abc import Hashable
from dataclasses import replace

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers

_KEY_TYPES = frozenset(
    {
        "aws:kms/key:Key",
        "aws:kms/alias:Alias",
        "aws:kms/externalKey:ExternalKey",
        "aws:kms/replicaKey:ReplicaKey",
        "aws:kms/replicaExternalKey:ReplicaExternalKey",
        "aws-native:kms:Key",
        "aws-native:kms:ReplicaKey",
    }
)
_SPELLED = {"true": True, "enabled": True, "false": False, "disabled": False}


def type_of(urn: str) -> str:
    """The type token in a URN."""
    return urn.split("::")[2].rsplit("$", 1)[-1] if urn.count("::") > 2 else ""


def truth(value: object) -> object:
    """A switch in any spelling as a boolean; everything else as it is."""
    return _SPELLED.get(value.strip().lower(), value) if isinstance(value, str) else value


def is_on(resource: Resource, path: str, want: str = "True") -> Answers:
    """A switch that must be on; what is left out is off."""
    value = resource.value(path)
    if value is UNKNOWN:
        yield Undecided(path=path)
    elif truth(value) is not True:
        yield Finding(path=path, got=value, want=want)


def is_off(resource: Resource, path: str, want: str = "False", absent_is: bool = False) -> Answers:
    """A switch that must be off.

    Args:
        resource: The resource.
        path: The switch.
        want: What to say that it should be.
        absent_is: What AWS takes where it is left out.
    """
    value = resource.value(path)
    if value is UNKNOWN:
        yield Undecided(path=path)
    elif truth(absent_is if value is None else value) is not False:
        yield Finding(path=path, got=value, want=want)


def is_set(resource: Resource, path: str, want: str) -> Answers:
    """Something must be there that is not empty; that it is not known yet says that it is set."""
    value = resource.value(path)
    around = path.rpartition(".")[0]
    if value is UNKNOWN and around and resource.value(around) is UNKNOWN:
        # What it would be in is not known itself, so nobody knows whether it is in there.
        yield Undecided(path=path)
    elif value is not UNKNOWN and (value is None or (isinstance(value, str | list | dict) and not value)):
        yield Finding(path=path, got=value, want=want)


def is_own_key(value: object) -> bool:
    """Whether a known value names a key that its owner manages: a key or alias, but none of AWS's."""
    if not isinstance(value, str) or not value.strip():
        return False
    # An alias of one's own may hold AWS's words anywhere but at its beginning.
    return not value.rsplit(":", 1)[-1].startswith("alias/aws/")


def own_key(resource: Resource, path: str, want: str = "a customer-managed KMS key") -> Answers:
    """A key must be the owner's; one that the same stack creates counts before its ARN is known."""
    value = resource.value(path)
    if value is UNKNOWN:
        if not made_of_key(resource, path):
            yield Undecided(path=path)
    elif not is_own_key(value):
        yield Finding(path=path, got=value, want=want)


def made_of_key(resource: Resource, path: str) -> bool:
    """Whether a property is made of the output of a KMS key."""
    root = path.replace("[", ".").partition(".")[0]
    return any(type_of(urn) in _KEY_TYPES for urn in resource.references.get(root, ()))


def number(value: object) -> float | None:
    """A finite number, also where it is written as text; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


NOT_PRODUCTION = NotApplicable(reason="the stack is not a production one")


def is_strict(intent: Intent, *frameworks: str) -> bool:
    """Whether what is asked of production is asked here.

    Args:
        intent: What the stack is meant to be; where it declares no environment, the strict reading holds.
        frameworks: Frameworks that ask it of every environment.
    """
    return intent.environment is None or intent.is_production or bool(intent.frameworks & set(frameworks))


def about(urn: str | None, answers: Answers) -> Answers:
    """Answers about another resource than the one that is judged; None for the judged one."""
    for answer in answers:
        if urn is None or isinstance(answer, NotApplicable):
            yield answer
        else:
            yield replace(answer, urn=urn)


def plain(value: object) -> Hashable:
    """A value as it is where it is text, a number, nothing or not known yet; elsewhere what kind it is.

    A list in the place of a name must not break a rule that looks the name up.
    """
    if value is None or value is UNKNOWN or isinstance(value, str | int | float):
        return value
    return f"a {type(value).__name__}"
