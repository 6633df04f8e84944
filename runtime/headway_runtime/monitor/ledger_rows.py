"""The rows of a ledger: as values where a look touches them, as columns where they only wait.

A ledger holds months of predictions, and a look touches what came since the last one. So the rest stays in
columns: a million rows wait in a tenth of the memory, and none of them costs time of its own.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from headway_runtime.monitor.labels import Label

Key = tuple[str, int]
"""Inference id and place in the request."""


class Prediction(NamedTuple):
    """An answer that waits for its label, or has it.

    Attributes:
        key: Inference id and place in the request.
        answer: Probability of the positive class.
        asked_at: When it was asked, as captured, seconds since the epoch.
        entity: What it is about; empty where no entity is declared.
        slices: Values of the columns that quality is measured by.
        seen_at: When a look saw it first, by the monitor's own clock.
        label: 0 or 1; None while it waits.
        label_at: When the outcome happened; NaN where unknown.
        judged: Whether it was part of a judged window.
    """

    key: Key
    answer: float
    asked_at: float
    entity: str = ""
    slices: tuple[str, ...] = ()
    seen_at: float = 0.0
    label: int | None = None
    label_at: float = math.nan
    judged: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A label whose prediction was not seen yet, and when the label was seen first."""

    label: Label
    seen_at: float


SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("place", pa.int64()),
        ("entity", pa.string()),
        ("answer", pa.float64()),
        ("asked_at", pa.float64()),
        ("slices", pa.list_(pa.string())),
        ("seen_at", pa.float64()),
        ("label", pa.int8()),
        ("label_at", pa.float64()),
        ("judged", pa.bool_()),
    ]
)


def prediction_table(rows: Collection[Prediction]) -> pa.Table:
    """Predictions as columns."""
    columns: list[list[object]] = [
        [item.key[0] for item in rows],
        [item.key[1] for item in rows],
        [item.entity for item in rows],
        [item.answer for item in rows],
        [item.asked_at for item in rows],
        [item.slices for item in rows],
        [item.seen_at for item in rows],
        [item.label for item in rows],
        [item.label_at for item in rows],
        [item.judged for item in rows],
    ]
    return _table(columns)


def waiting_table(rows: Collection[Waiting]) -> pa.Table:
    """Labels that wait, as columns: rows without an answer."""
    nothing: list[object] = [None] * len(rows)
    columns: list[list[object]] = [
        [item.label.id for item in rows],
        [item.label.place for item in rows],
        [item.label.entity for item in rows],
        nothing,
        nothing,
        [()] * len(rows),
        [item.seen_at for item in rows],
        [item.label.value for item in rows],
        [item.label.at for item in rows],
        [False] * len(rows),
    ]
    return _table(columns)


def waiting_rows(table: pa.Table) -> list[Waiting]:
    """The labels that wait, of a table that may hold predictions too."""
    found = table.filter(pc.is_null(table["answer"]))
    return [
        Waiting(Label(id_, place, entity, label_at, label), seen_at)
        for id_, place, entity, label_at, label, seen_at in zip(
            *_lists(found, "id", "place", "entity", "label_at", "label", "seen_at"), strict=True
        )
    ]


@dataclass(frozen=True)
class Resting:
    """Predictions that no look has touched since they were written, in columns."""

    table: pa.Table

    @classmethod
    def of(cls, table: pa.Table) -> "Resting":
        """The predictions of a table that may hold waiting labels too."""
        return cls(table.filter(pc.is_valid(table["answer"])))

    def wake(self, ids: Iterable[str], entities: Iterable[str]) -> tuple[list[Prediction], "Resting"]:
        """Take out what a look may touch: what it names, and what has a label and waits for a judgement.

        Args:
            ids: Inference ids of what came.
            entities: Entities of what came; the empty one names nothing.
        """
        if not self.table.num_rows:
            return [], self
        touched = pc.and_(pc.is_valid(self.table["label"]), pc.invert(self.table["judged"]))
        for column, names in (("id", set(ids)), ("entity", set(entities) - {""})):
            if names:
                touched = pc.or_(touched, pc.is_in(self.table[column], pa.array(sorted(names), pa.string())))
        return _predictions(self.table.filter(touched)), Resting(self.table.filter(pc.invert(touched)))

    def parted(self, now: float, age_s: float) -> tuple["Resting", "Resting"]:
        """Those that a look saw first so long ago, and the others; by the monitor's clock, as everywhere."""
        old = pc.greater_equal(pc.subtract(now, self.table["seen_at"]), age_s)
        return Resting(self.table.filter(old)), Resting(self.table.filter(pc.invert(old)))

    @property
    def rows(self) -> int:
        """How many there are."""
        return int(self.table.num_rows)

    @property
    def unlabelled(self) -> int:
        """How many of them have no label."""
        return int(self.table["label"].null_count)

    @property
    def labelled_until(self) -> float:
        """Time of the newest outcome; NaN without any."""
        times = self.table["label_at"].drop_null()
        latest = pc.max(times.filter(pc.invert(pc.is_nan(times)))).as_py()
        return math.nan if latest is None else float(latest)


def _predictions(table: pa.Table) -> list[Prediction]:
    # Slices and entities are few beside the rows: one value of each is kept, however many rows have it.
    slices: dict[tuple[str, ...], tuple[str, ...]] = {}
    entities: dict[str, str] = {}
    found = []
    for id_, place, entity, answer, asked_at, sliced, seen_at, label, label_at, judged in zip(
        *_lists(table, *SCHEMA.names), strict=True
    ):
        named = tuple(sliced)
        found.append(
            Prediction(
                (id_, place),
                answer,
                asked_at,
                entities.setdefault(entity, entity),
                slices.setdefault(named, named),
                seen_at,
                label,
                label_at,
                judged,
            )
        )
    return found


def _lists(table: pa.Table, *names: str) -> list[list[Any]]:
    return [table[name].to_pylist() for name in names]


def _table(columns: Sequence[list[object]]) -> pa.Table:
    arrays = [pa.array(values, item.type) for values, item in zip(columns, SCHEMA, strict=True)]
    return pa.table(arrays, schema=SCHEMA)
