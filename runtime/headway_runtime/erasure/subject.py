"""Who is erased: the values of entity keys as feature contracts declare them."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway_runtime.canonical import canonical_json

ERASED = "(erased)"
"""What stands in a name where the subject stood."""


class SubjectError(ValueError):
    """The subject cannot be looked for; the message has every problem."""


@dataclass(frozen=True)
class Identity:
    """One way in which a feature contract tells the subject from everybody else.

    Attributes:
        contract: `<name>-v<version>` of the contract.
        keys: Value of each of its entity's columns, in its order.
    """

    contract: str
    keys: Mapping[str, str]


@dataclass(frozen=True)
class Subject:
    """A person, or whatever else features are kept about.

    Attributes:
        keys: Value by column, as it was given.
        identities: What the contracts make of it; at least one.
    """

    keys: Mapping[str, str]
    identities: tuple[Identity, ...]

    def fingerprint(self, secret: bytes) -> str:
        """A keyed hash, which tells that two erasures were of one subject and not of whom.

        Args:
            secret: The key; whoever does not have it cannot try all customers' numbers.
        """
        return hmac.new(secret, canonical_json(dict(self.keys)), hashlib.sha256).hexdigest()

    def masked(self, text: str) -> str:
        """A text in which the subject's values are replaced."""
        for value in sorted(self.keys.values(), key=len, reverse=True):
            text = _word(value).sub(ERASED, text)
        return text

    def is_in(self, text: str) -> bool:
        """Whether one of the subject's values stands in a text as a word of its own."""
        return any(_word(value).search(text) for value in self.keys.values())


def read_subject(words: Sequence[str], entities: Mapping[str, Sequence[str]]) -> Subject:
    """The subject that `KEY=VALUE` words name.

    Args:
        words: The words.
        entities: Columns of the entity by `<name>-v<version>` of each feature contract of the system.

    Raises:
        SubjectError: A word is none, names a key that no contract has or comes twice, or leaves part of an
            entity unsaid.
    """
    keys: dict[str, str] = {}
    problems = []
    known = sorted({column for columns in entities.values() for column in columns})
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals and value):
            # Not shown: it may hold the very value that nobody wants in a log.
            problems.append("a subject is written as KEY=VALUE, with neither part empty")
        elif name not in known:
            problems.append(
                f"{name!r} is the key of no feature contract; "
                f"{'there is ' + ', '.join(known) if known else 'the system declares no feature contract'}"
            )
        elif name in keys and keys[name] != value:
            problems.append(f"{name} has two values; erase one subject after the other")
        keys[name] = value
    if not words:
        problems.append("no subject is given; write it as KEY=VALUE")
    identities = tuple(
        Identity(label, {column: keys[column] for column in columns})
        for label, columns in entities.items()
        if all(column in keys for column in columns)
    )
    used = {column for identity in identities for column in identity.keys}
    for name in [name for name in keys if name in known and name not in used]:
        wanted = sorted({", ".join(columns) for columns in entities.values() if name in columns})
        problems.append(f"{name} alone tells nobody apart; give {' or '.join(wanted)} together")
    if problems:
        raise SubjectError("; ".join(dict.fromkeys(problems)))
    return Subject(keys, identities)


def is_value(found: object, value: str) -> bool:
    """Whether a value of a row is the one that was given as text.

    >>> is_value(42, "42"), is_value(42.0, "42"), is_value("042", "42"), is_value(True, "1")
    (True, True, False, False)
    """
    if isinstance(found, float):
        try:
            return found == float(value)
        except ValueError:
            return False
    return found is not None and str(found) == value


def is_about(row: Mapping[str, Any], signs: Iterable[Mapping[str, str]]) -> bool:
    """Whether a row has all values of any of the signs."""
    return any(
        all(name in row and is_value(row[name], value) for name, value in sign.items()) for sign in signs
    )


def _word(value: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![^\W_]){re.escape(value)}(?![^\W_])")
