"""What a feature group holds: its features, and whether a record fits them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headway_sandbox.sagemaker.feature_store.event_time import parse_event_time

Document = dict[str, Any]

ONLINE = "OnlineStore"
OFFLINE = "OfflineStore"
CREATED = "Created"
RECORD_LIMIT_BYTES = 350 * 1024

UNIT_MS = {
    "Seconds": 1_000,
    "Minutes": 60_000,
    "Hours": 3_600_000,
    "Days": 86_400_000,
    "Weeks": 604_800_000,
}

_INTEGRAL = re.compile(r"[+-]?\d+", re.ASCII)
_FRACTIONAL = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|Infinity)", re.ASCII)
_INTEGRAL_RANGE = range(-(2**63), 2**63)


class RecordError(Exception):
    """A record or a request for one that does not fit its feature group; the message has every reason."""


@dataclass(frozen=True)
class Record:
    """A record that fits its group.

    Attributes:
        identifier: Value of the record identifier.
        event_time_ms: Event time, milliseconds since the epoch.
        values: Value by feature name, in the order of the group's features.
    """

    identifier: str
    event_time_ms: int
    values: dict[str, str]


@dataclass(frozen=True)
class FeatureGroup:
    """A feature group, as far as its records need it.

    Attributes:
        name: Its name.
        group_id: Unique over all groups that ever were, so that a group that is made again starts empty.
        status: ``FeatureGroupStatus``.
        types: Feature type by feature name, in the order of the definitions.
        identifier: Name of the record identifier feature.
        event_time: Name of the event time feature.
        stores: Which of ``OnlineStore`` and ``OfflineStore`` it has.
        ttl_ms: How long its records live by default, in milliseconds; None for ever.
    """

    name: str
    group_id: str
    status: str
    types: dict[str, str]
    identifier: str
    event_time: str
    stores: tuple[str, ...]
    ttl_ms: int | None

    @classmethod
    def from_document(cls, document: Document) -> FeatureGroup:
        """Reads a group's stored document."""
        online = document.get("OnlineStoreConfig", {})
        stores = [ONLINE] if online.get("EnableOnlineStore", False) else []
        stores += [OFFLINE] if "OfflineStoreConfig" in document else []
        return cls(
            name=document["FeatureGroupName"],
            group_id=document["GroupId"],
            status=document["FeatureGroupStatus"],
            types={item["FeatureName"]: item["FeatureType"] for item in document["FeatureDefinitions"]},
            identifier=document["RecordIdentifierFeatureName"],
            event_time=document["EventTimeFeatureName"],
            stores=tuple(stores),
            ttl_ms=ttl_milliseconds(online.get("TtlDuration")),
        )

    @property
    def event_time_type(self) -> str:
        """``String`` or ``Fractional``."""
        return self.types[self.event_time]

    def targets(self, asked: Sequence[str] | None) -> tuple[str, ...]:
        """The stores that a call is for.

        Args:
            asked: The call's ``TargetStores``; None for all that the group has.

        Raises:
            RecordError: If the group lacks one of them, or one comes twice.
        """
        if asked is None:
            return self.stores
        if len(set(asked)) != len(asked):
            raise RecordError(f"TargetStores names a store twice: {', '.join(asked)}")
        missing = [store for store in asked if store not in self.stores]
        if missing:
            raise RecordError(
                f"The feature group {self.name} has no {' and no '.join(missing)}; it has "
                f"{' and '.join(self.stores)}"
            )
        return tuple(asked)

    def record(self, features: Sequence[Document]) -> Record:
        """A record for this group.

        Args:
            features: ``FeatureValue`` items.

        Raises:
            RecordError: If they do not fit; with every reason.
        """
        problems = list(self._problems(features))
        if problems:
            raise RecordError("; ".join(problems))
        given = {item["FeatureName"]: item["ValueAsString"] for item in features}
        return Record(
            identifier=given[self.identifier],
            event_time_ms=parse_event_time(given[self.event_time], self.event_time_type),
            values={name: given[name] for name in self.types if name in given},
        )

    def chosen(self, names: Sequence[str] | None) -> frozenset[str] | None:
        """The features that a reader asks for; None for all.

        Raises:
            RecordError: If the group has no such feature.
        """
        if names is None:
            return None
        unknown = sorted(set(names) - set(self.types))
        if unknown:
            raise RecordError(f"The feature group {self.name} has no feature {', '.join(unknown)}")
        return frozenset(names)

    def _problems(self, features: Sequence[Document]) -> Iterator[str]:
        names = [item["FeatureName"] for item in features]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"The feature {name} comes more than once"
        for name in (self.identifier, self.event_time):
            if name not in names:
                yield f"The record must have the feature {name}"
        size = 0
        for item in features:
            name, value = item["FeatureName"], item.get("ValueAsString")
            if name not in self.types:
                yield f"The feature group {self.name} has no feature {name}"
            elif "ValueAsStringList" in item:
                yield f"The feature {name} is no collection; give ValueAsString instead of ValueAsStringList"
            elif value is None:
                yield f"The feature {name} has no ValueAsString; leave the feature out if it has no value"
            else:
                size += len(name) + len(value.encode())
                yield from self._value_problems(name, value)
        if size > RECORD_LIMIT_BYTES:
            yield f"The record has {size} bytes; it can have {RECORD_LIMIT_BYTES}"

    def _value_problems(self, name: str, value: str) -> Iterator[str]:
        kind = self.types[name]
        if name == self.identifier and value == "":
            yield f"The record identifier {name} must not be empty"
        elif name == self.event_time:
            try:
                parse_event_time(value, kind)
            except ValueError as error:
                yield f"Feature {name}: {error}"
        elif not fits(value, kind):
            yield f"The value {value[:100]!r} of the feature {name} is not {kind}"


def fits(value: str, kind: str) -> bool:
    """Whether a value is of a feature type.

    >>> fits("-9223372036854775808", "Integral"), fits("1.0", "Integral"), fits("1e3", "Fractional")
    (True, False, True)
    """
    match kind:
        case "Integral":
            # A number of more than 20 characters is out of range in any case, and slow to read.
            return bool(_INTEGRAL.fullmatch(value)) and len(value) <= 20 and int(value) in _INTEGRAL_RANGE
        case "Fractional":
            return bool(_FRACTIONAL.fullmatch(value))
        case _:
            return True


def ttl_milliseconds(duration: Document | None) -> int | None:
    """A ``TtlDuration`` in milliseconds; None if there is none."""
    if duration is None or "Unit" not in duration or "Value" not in duration:
        return None
    return UNIT_MS[duration["Unit"]] * int(duration["Value"])
