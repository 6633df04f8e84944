"""The row that a model is asked with: features of the request, and the newest stored ones that count."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from headway_runtime.features.on_request import OnRequest
from headway_runtime.features.queries import EXPIRED, FOUND, NONE
from headway_runtime.features.records import Value, from_record
from headway_runtime.features.right_in_time import RightInTime
from headway_runtime.features.transformation import Transformation


class RecordReader(Protocol):
    """The one call of the feature store's runtime that is needed."""

    def get_record(self, **request: Any) -> Mapping[str, Any]:  # noqa: ANN401 - AWS's own names
        """Answers the newest record of an entity."""


@dataclass(frozen=True)
class Assembled:
    """A row for the model.

    Attributes:
        at: The moment that the request asks about.
        keys: What identifies what is asked about.
        values: The features, those of the request first.
        states: Whether each group had a value that counts, by `<name>-v<version>`.
    """

    at: datetime
    keys: dict[str, str]
    values: dict[str, Value]
    states: dict[str, str]


class FeatureRows:
    """Makes rows for a model from requests; it answers what a training set would hold for them.

    Args:
        plan: What a training set is made of.
        group_names: Name of the feature group by `<name>-v<version>`.
        store: Client for the feature store's runtime.
    """

    def __init__(self, plan: RightInTime, group_names: Mapping[str, str], store: RecordReader) -> None:
        self._plan, self._group_names, self._store = plan, group_names, store
        self._request = OnRequest(plan.labels)

    def close(self) -> None:
        """Frees what the computing holds."""
        self._request.close()

    def row(self, request: Mapping[str, Any]) -> Assembled:
        """The row of a request.

        Args:
            request: What is asked about, in the columns of the source of the request's features.

        Raises:
            RequestError: Features cannot be computed from it.
            RecordError: A record of the store is damaged.
        """
        at, values = self._request.compute(request)
        keys = {name: str(values.pop(name)) for name in self._plan.labels.keys}
        states = {}
        for group in self._plan.stored:
            transformation = group.transformation
            (label_column,) = group.keys.values()
            key = values.get(label_column, keys.get(label_column))
            state, found = self._stored(transformation, key, at)
            states[transformation.label] = state
            values |= found
        return Assembled(at, keys, values, states)

    def _stored(
        self, transformation: Transformation, key: Value, at: datetime
    ) -> tuple[str, dict[str, Value]]:
        nothing: dict[str, Value] = {feature.name: None for feature in transformation.features}
        if key is None:
            return NONE, nothing
        answer = self._store.get_record(
            FeatureGroupName=self._group_names[transformation.label],
            RecordIdentifierValueAsString=str(key),
        )
        if not answer.get("Record"):
            return NONE, nothing
        known_at, values = from_record(transformation, answer["Record"])
        age_ms = round((at - known_at).total_seconds() * 1000)
        if age_ms < 0:
            # Known only after the moment that is asked about: as good as not there.
            return NONE, nothing
        if transformation.ttl_s is not None and age_ms >= transformation.ttl_s * 1000:
            return EXPIRED, nothing
        return FOUND, values
