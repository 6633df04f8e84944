"""What a training set is made of: labels, and features of some groups as they were known at each label."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headway_runtime.canonical import digest
from headway_runtime.describe import shown

FEATURE_TYPES = ("string", "integer", "number")
EVENT_TIME_TYPES = ("String", "Fractional")
KNOWN_BY = ("event_time", "write_time")
LABEL_ROW = "label_row"
STATE_SUFFIX = "_state"
ADDED_COLUMNS = ("write_time", "api_invocation_time", "is_deleted")
"""Columns that the offline store adds to the features of a group."""

RESERVED = ("label_ms", "event_ms", "write_ms", "invoked_ms", "known_ms", "at_ms", "newness", "place")
"""Columns that the query makes on its way."""

_NAME = re.compile(r"[A-Za-z0-9](?:[_-]*[A-Za-z0-9]){0,63}")
_KEY = re.compile(r"key_[0-9]+")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_TTL_S = 100 * 366 * 86_400


class DefinitionError(ValueError):
    """A definition is wrong; the message has every problem."""


@dataclass(frozen=True, kw_only=True)
class GroupFeature:
    """One feature of a group.

    Attributes:
        name: Column of the training set.
        type: string, integer or number.
        column: Column of the offline store.
    """

    name: str
    type: str
    column: str


@dataclass(frozen=True, kw_only=True)
class GroupView:
    """The features that are taken from one feature group.

    Attributes:
        name: Name of the feature group.
        version: Version of its contract, from 1.
        keys: Column of the labels by column of the offline store; together they identify the entity.
        event_time: Column of the offline store with the event time.
        event_time_type: Its type in the group: `String` (ISO 8601, UTC) or `Fractional` (seconds since 1970).
        features: The features.
        known_by: `event_time`: a value is known from its event time on. `write_time`: only from when it was
            in the offline store too, so that late data count from their arrival.
        ttl_s: How long a value counts after its event time, in seconds; None for ever. As in the online
            store, at its end the value is gone.
        contract_digest: Digest of the group's contract; None when the definition does not say.
    """

    name: str
    version: int
    keys: Mapping[str, str]
    event_time: str
    event_time_type: str
    features: tuple[GroupFeature, ...]
    known_by: str = "event_time"
    ttl_s: float | None = None
    contract_digest: str | None = None

    @property
    def state(self) -> str:
        """Column of the training set that says why a value is there or is missing."""
        return f"{self.name}{STATE_SUFFIX}"

    def document(self) -> dict[str, Any]:
        """The group as JSON; what was not declared is absent."""
        features = [vars(feature).copy() for feature in self.features]
        document = vars(self) | {"keys": dict(self.keys), "features": features}
        return {key: value for key, value in document.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class TrainingSetDefinition:
    """A training set.

    Attributes:
        name: Its name.
        label_time: Column of the labels with the moment at which the features have to be known.
        groups: Where the features come from.
    """

    name: str
    label_time: str
    groups: tuple[GroupView, ...]

    @property
    def digest(self) -> str:
        """Identifies the definition."""
        return digest(self.document())

    def document(self) -> dict[str, Any]:
        """The definition as JSON."""
        groups = [group.document() for group in self.groups]
        return {"name": self.name, "label_time": self.label_time, "groups": groups}

    @classmethod
    def from_document(cls, document: object) -> "TrainingSetDefinition":
        """Reads a definition.

        Args:
            document: `name`, `label_time`, and `groups` with the attributes of `GroupView`; `version`,
                `event_time`, `event_time_type`, `known_by`, `ttl_s`, a feature's `column` may be left out.

        Raises:
            DefinitionError: With every problem.
        """
        problems = list(_problems(document))
        if problems:
            raise DefinitionError("; ".join(problems))
        assert isinstance(document, Mapping)
        groups = tuple(_group(item) for item in document["groups"])
        problems = list(_clashes(groups))
        if problems:
            raise DefinitionError("; ".join(problems))
        return cls(name=document["name"], label_time=document["label_time"], groups=groups)


def _group(item: Mapping[str, Any]) -> GroupView:
    features = [{"column": feature["name"]} | feature for feature in item["features"]]
    defaults = {"version": 1, "event_time": "event_time", "event_time_type": "String"}
    values: dict[str, Any] = (
        defaults | dict(item) | {"features": tuple(GroupFeature(**feature) for feature in features)}
    )
    return GroupView(**values)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _is_objects(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(isinstance(item, Mapping) for item in value)


def _is_keys(value: object) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    return all(_is_name(name) for pair in value.items() for name in pair)


def _is_ttl(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0.001 <= value <= _MAX_TTL_S  # type: ignore[operator]


def _is_version(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


_NAME_WORDS = "a name of letters, digits, - and _, up to 64 of them and no sign at its ends"
_Check = tuple[Callable[[object], bool], str, bool]
"""Whether a value is accepted, what is allowed in words, and whether the field must be there."""

_CHECKS: dict[str, dict[str, _Check]] = {
    "set": {
        "name": (_is_name, _NAME_WORDS, True),
        "label_time": (_is_name, _NAME_WORDS, True),
        "groups": (_is_objects, "a list of feature groups, at least one", True),
    },
    "group": {
        "name": (_is_name, _NAME_WORDS, True),
        "keys": (_is_keys, "label column by key column of the store, at least one", True),
        "features": (_is_objects, "a list of features, at least one", True),
        "version": (_is_version, "an integer from 1", False),
        "event_time": (_is_name, _NAME_WORDS, False),
        "event_time_type": (EVENT_TIME_TYPES.__contains__, f"one of {', '.join(EVENT_TIME_TYPES)}", False),
        "known_by": (KNOWN_BY.__contains__, f"one of {', '.join(KNOWN_BY)}", False),
        "ttl_s": (_is_ttl, "a number of seconds from 0.001 to 100 years", False),
        "contract_digest": (_is_digest, "sha256: and 64 hexadecimal digits", False),
    },
    "feature": {
        "name": (_is_name, _NAME_WORDS, True),
        "type": (FEATURE_TYPES.__contains__, f"one of {', '.join(FEATURE_TYPES)}", True),
        "column": (_is_name, _NAME_WORDS, False),
    },
}


def _problems(document: object) -> Iterator[str]:
    if not isinstance(document, Mapping):
        yield f"a definition is an object, not {shown(document)}"
        return
    yield from _fields(document, "set", "")
    groups = document.get("groups")
    if not isinstance(groups, list):
        return
    for number, group in enumerate(groups):
        if not isinstance(group, Mapping):
            continue
        where = f"groups[{number}]."
        yield from _fields(group, "group", where)
        features = group.get("features")
        for position, feature in enumerate(features if isinstance(features, list) else ()):
            if isinstance(feature, Mapping):
                yield from _fields(feature, "feature", f"{where}features[{position}].")


def _fields(item: Mapping[str, Any], kind: str, where: str) -> Iterator[str]:
    checks = _CHECKS[kind]
    for field, (accepts, words, needed) in checks.items():
        if field not in item:
            if needed:
                yield f"{where}{field} is missing; it must be {words}"
        elif not accepts(item[field]):
            yield f"{where}{field} is {shown(item[field])}; it must be {words}"
    for field in sorted(set(map(str, item)) - set(checks)):
        yield f"{where}{field} is not known; the fields are {', '.join(checks)}"


def _clashes(groups: tuple[GroupView, ...]) -> Iterator[str]:
    # Athena and Glue know no case, so that names which differ in case only would be one column there.
    names = [group.name.lower() for group in groups]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"group {name} comes more than once; take all its features in one"
    columns = [feature.name for group in groups for feature in group.features]
    columns += [LABEL_ROW, *(group.state for group in groups)]
    lowered = [column.lower() for column in columns]
    for column in sorted({column for column in lowered if lowered.count(column) > 1}):
        yield f"two columns of the set are called {column}; give one feature another name, and its column"
    named = {feature.name for group in groups for feature in group.features}
    named |= {label for group in groups for label in group.keys.values()}
    for name in sorted(name for name in named if name.lower() in RESERVED or _KEY.fullmatch(name.lower())):
        yield f"{name} is a column that the query makes itself; give yours another name"
    for group in groups:
        own = [*group.keys, group.event_time, *(feature.column for feature in group.features)]
        for column in sorted(set(own) & set(ADDED_COLUMNS)):
            yield f"{group.name} takes {column}, which the offline store adds itself; it is no feature"
