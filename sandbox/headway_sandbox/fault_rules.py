"""What a fault may say: three kinds, each a table of members with their bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]

ANY = "*"
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9._]{0,127}")


@dataclass(frozen=True)
class Member:
    """One member of a fault.

    Attributes:
        allowed: What it may be, for the error.
        accepts: Whether a value is allowed.
        default: What it is where it is not given; None leaves it out.
        required: Whether it must be given.
    """

    allowed: str
    accepts: Callable[[object], bool]
    default: object = None
    required: bool = False


class FaultError(Exception):
    """A fault that cannot be; the message names every problem, the value given and what is allowed."""


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 256


def _code(value: object) -> bool:
    return isinstance(value, str) and _CODE.fullmatch(value) is not None


def _rate(value: object) -> bool:
    return _number(value) and 0 <= value <= 1  # type: ignore[operator]


def _seconds(value: object) -> bool:
    return _number(value) and 0 <= value <= 3600  # type: ignore[operator]


def _lasting(value: object) -> bool:
    return _number(value) and 0 < value <= 86_400  # type: ignore[operator]


def _whole(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


_RATE = Member("a number from 0 to 1", _rate, 0.0)
_LIMITS: dict[str, Member] = {
    "times": Member("a whole number from 1 to 1000000: how many calls it meets", _whole(1, 10**6)),
    "rate": Member("a number from 0 to 1: the share of calls that it meets", _rate, 1.0),
    "seed": Member("a whole number", _whole(-(2**63), 2**63), 0),
}
_LASTS: dict[str, Member] = {
    "for_s": Member("seconds above 0, 86400 at most: how long it lasts", _lasting),
}
_NAME_OR_ANY = "a name, or * for all"

KINDS: Mapping[str, Mapping[str, Member]] = {
    "api": {
        "service": Member("a service as AWS's SDKs name it, for example sagemaker", _text, required=True),
        "operation": Member("an operation's name, or * for all", _text, ANY),
        "error": Member(
            "throttle, or an error's code as AWS names it, for example ResourceLimitExceeded", _code
        ),
        "message": Member("text", _text),
        "status": Member("an HTTP status from 400 to 599", _whole(400, 599)),
        "delay_s": Member("seconds from 0 to 3600", _seconds, 0.0),
        **_LIMITS,
        **_LASTS,
    },
    "worker": {
        "endpoint": Member(_NAME_OR_ANY, _text, ANY),
        "variant": Member(_NAME_OR_ANY, _text, ANY),
        "delay_s": Member("seconds from 0 to 3600", _seconds, 0.0),
        "error_rate": _RATE,
        "wrong_rate": _RATE,
        "crash_rate": _RATE,
        "silent_rate": _RATE,
        "body_has": Member("text that a request's body must contain for the fault to meet it", _text, ""),
        **_LASTS,
    },
    "capacity": {
        "instance_type": Member("an instance type, or * for all", _text, ANY),
        "times": _LIMITS["times"],
        **_LASTS,
    },
}
_EFFECTS: Mapping[str, tuple[str, ...]] = {
    "api": ("error", "delay_s"),
    "worker": ("delay_s", "error_rate", "wrong_rate", "crash_rate", "silent_rate"),
}


def checked(request: object) -> Document:
    """A fault with its defaults filled in.

    Args:
        request: What somebody asked for: ``kind`` and the members of that kind.

    Raises:
        FaultError: All that is wrong with it.
    """
    if not isinstance(request, dict):
        raise FaultError(f"A fault must be a JSON object, not {type(request).__name__}.")
    kind = request.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise FaultError(f"kind is {kind!r}; it must be one of {', '.join(KINDS)}.")
    problems = list(_problems(kind, request))
    if problems:
        raise FaultError(" ".join(problems))
    defaults = {name: member.default for name, member in KINDS[kind].items() if member.default is not None}
    return {**defaults, **{name: value for name, value in request.items() if value is not None}}


def _problems(kind: str, request: Document) -> Iterator[str]:
    members = KINDS[kind]
    for name in sorted(set(request) - set(members) - {"kind"}):
        yield f"{name} is no member of a fault of kind {kind}; its members are {', '.join(members)}."
    for name, member in members.items():
        value = request.get(name)
        if value is None and member.required:
            yield f"{name} is missing; it must be {member.allowed}."
        elif value is not None and not member.accepts(value):
            yield f"{name} is {value!r}; it must be {member.allowed}."
    effects = _EFFECTS.get(kind, ())
    if effects and not any(request.get(name) for name in effects):
        yield f"The fault does nothing; give at least one of {', '.join(effects)}."
