"""What a stack is meant to be: environment, class of its data, frameworks in force, personal data. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from headway_policies.values import UNKNOWN_TEXT

PRODUCTION_ENVIRONMENTS: Final = frozenset({"prod", "production"})
FRAMEWORKS: Final = ("aws-ai-security-v1", "fedramp-moderate", "gdpr", "hipaa", "nist-800-53-r5", "soc2")
"""The frameworks that Headway maps to rules; each is a file in `frameworks/`."""

ENVIRONMENT: Final = "headway:environment"
DATA_CLASSIFICATION: Final = "headway:dataClassification"
FRAMEWORKS_KEY: Final = "headway:frameworks"
PERSONAL_DATA: Final = "headway:personalData"

_BOOLEANS: Final = {"true": True, "false": False}
_ENCRYPTED: Final = "encrypted, which nobody can review"

_TAGS: Final = {
    "headway:environment": ENVIRONMENT,
    "headway:data-classification": DATA_CLASSIFICATION,
    "headway:frameworks": FRAMEWORKS_KEY,
    "headway:personal-data": PERSONAL_DATA,
}


class DataClassification(IntEnum):
    """How sensitive data is; a higher class compares as greater."""

    PUBLIC = 0
    INTERNAL = 1
    CONFIDENTIAL = 2
    RESTRICTED = 3

    @property
    def word(self) -> str:
        """The class as configuration and tags spell it."""
        return self.name.lower()


_CLASSES: Final = {item.word: item for item in DataClassification}


@dataclass(frozen=True, kw_only=True)
class IntentProblem:
    """What is wrong with a declared intent.

    Args:
        key: The key of the stack's configuration.
        got: What is there; None where nothing is.
        want: What should be there, in words.
    """

    key: str
    got: object
    want: str


@dataclass(frozen=True, kw_only=True)
class Intent:
    """What a stack is meant to be. None stands for what nobody declared.

    Args:
        environment: For example `prod`.
        data_classification: The highest class of the data in it.
        frameworks: Ids of the frameworks in force.
        personal_data: Whether data about people is in it.
        problems: What is wrong with the declaration.
    """

    environment: str | None = None
    data_classification: DataClassification | None = None
    frameworks: frozenset[str] = field(default_factory=frozenset)
    personal_data: bool | None = None
    problems: tuple[IntentProblem, ...] = ()

    @property
    def is_production(self) -> bool:
        """Whether it serves real users: the environment is `prod` or `production`, in any case."""
        return self.environment is not None and self.environment.lower() in PRODUCTION_ENVIRONMENTS


PRODUCTION: Final = Intent(environment="prod", data_classification=DataClassification.CONFIDENTIAL)
DEVELOPMENT: Final = Intent(environment="dev", data_classification=DataClassification.INTERNAL)


def read_intent(
    configuration: Mapping[str, object], frameworks: frozenset[str] = frozenset(FRAMEWORKS)
) -> Intent:
    """The intent that a stack's configuration declares, with all that is wrong with it.

    Args:
        configuration: Keys with their namespace, such as `headway:environment`; values as the stack's file
            holds them, or as the engine passes them on (lists and booleans as JSON text), or `UNKNOWN_TEXT`
            where they are encrypted: that is a problem, and never an environment of that name.
        frameworks: The ids of all frameworks that are known.
    """
    problems: list[IntentProblem] = []
    environment = _text(configuration.get(ENVIRONMENT))
    if environment is None:
        problems.append(_problem(configuration, ENVIRONMENT, "the environment's name, for example prod"))
    word = _text(configuration.get(DATA_CLASSIFICATION))
    classification = None if word is None else _CLASSES.get(word.lower())
    if classification is None:
        problems.append(_problem(configuration, DATA_CLASSIFICATION, "one of " + ", ".join(_CLASSES)))
    chosen = _listed(configuration.get(FRAMEWORKS_KEY))
    if chosen is None or not chosen <= frameworks:
        want = "a list of any of " + ", ".join(sorted(frameworks))
        problems.append(_problem(configuration, FRAMEWORKS_KEY, want))
    personal = _text(configuration.get(PERSONAL_DATA))
    is_hidden = configuration.get(PERSONAL_DATA) == UNKNOWN_TEXT
    if is_hidden or (personal is not None and personal.lower() not in _BOOLEANS):
        problems.append(_problem(configuration, PERSONAL_DATA, "true or false"))
    return Intent(
        environment=environment,
        data_classification=classification,
        frameworks=(chosen or frozenset()) & frameworks,
        personal_data=None if personal is None else _BOOLEANS.get(personal.lower()),
        problems=tuple(problems),
    )


def configuration_of_tags(tag_sets: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """The configuration that the tags of a deployed stack's resources tell.

    Where resources disagree on a class the highest counts, and frameworks add up; where they disagree on the
    environment there is none.

    Args:
        tag_sets: The tags of each resource.
    """
    told: dict[str, set[str]] = {key: set() for key in _TAGS.values()}
    for tags in tag_sets:
        for tag, key in _TAGS.items():
            value = tags.get(tag)
            if isinstance(value, str) and value:
                told[key].add(value)
    found: dict[str, object] = {}
    if len(told[ENVIRONMENT]) == 1:
        found[ENVIRONMENT] = next(iter(told[ENVIRONMENT]))
    classes = [_CLASSES[word] for word in told[DATA_CLASSIFICATION] if word in _CLASSES]
    if classes:
        found[DATA_CLASSIFICATION] = max(classes).word
    if told[FRAMEWORKS_KEY]:
        found[FRAMEWORKS_KEY] = sorted({item for text in told[FRAMEWORKS_KEY] for item in text.split()})
    if told[PERSONAL_DATA]:
        found[PERSONAL_DATA] = "true" if "true" in told[PERSONAL_DATA] else "false"
    return found


def _problem(configuration: Mapping[str, object], key: str, want: str) -> IntentProblem:
    found = configuration.get(key)
    return IntentProblem(key=key, got=_ENCRYPTED if found == UNKNOWN_TEXT else found, want=want)


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return value.strip() or None if isinstance(value, str) and value != UNKNOWN_TEXT else None


def _listed(value: object) -> frozenset[str] | None:
    """The list's texts; empty where nothing is declared, None where it is no list of texts."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if value is None:
        return frozenset()
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return frozenset(value)
    return None
