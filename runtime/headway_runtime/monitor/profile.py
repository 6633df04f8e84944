"""What is remembered of a table: bounded sketches of its columns, enough to compare another table with it.

A number's sketch is the count of values between quantiles of the training rows, so its size does not grow
with the rows, and two sketches over the same edges add up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

EDGES = 500
"""Quantiles that a number is remembered by: a distance between distributions is exact to 1/500."""
CATEGORIES = 1_000
"""Categories that are counted one by one; rarer ones are counted together."""
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class NumberProfile:
    """What is remembered of a column of numbers.

    Attributes:
        edges: Rising values; the counts are of what lies at or below each and above the last.
        counts: Number of values between the edges, one more than there are edges.
        missing: Number of missing values.
        mean: Mean of the values; NaN where there are none.
        deviation: Standard deviation of the values.
        smallest: Smallest value.
        largest: Largest value.
    """

    edges: Floats
    counts: Counts
    missing: int
    mean: float
    deviation: float
    smallest: float
    largest: float

    @property
    def present(self) -> int:
        """Number of values that are there."""
        return int(self.counts.sum())


@dataclass(frozen=True)
class CategoryProfile:
    """What is remembered of a column of categories.

    Attributes:
        counts: Number of rows by category, the most frequent ones.
        other: Number of rows with a rarer category.
        missing: Number of missing values.
    """

    counts: Mapping[str, int]
    other: int
    missing: int

    @property
    def present(self) -> int:
        """Number of values that are there."""
        return sum(self.counts.values()) + self.other


Profile = NumberProfile | CategoryProfile


def profile_column(column: pa.ChunkedArray, like: Profile | None = None) -> Profile:
    """Remember a column.

    Args:
        column: Numbers, truth values or text.
        like: The profile that it will be compared with; its edges are used. None for a baseline.
    """
    if isinstance(like, NumberProfile) or (like is None and _is_number(column.type)):
        return _numbers(column, like if isinstance(like, NumberProfile) else None)
    return _categories(column)


def profile_table(
    table: pa.Table, columns: Sequence[str], like: Mapping[str, Profile] | None = None
) -> dict[str, Profile]:
    """Remember columns of a table.

    Args:
        table: The rows.
        columns: The columns; one that the table has not is left out.
        like: The profiles that they will be compared with; None for a baseline.
    """
    known = {} if like is None else like
    return {
        name: profile_column(table[name], known.get(name)) for name in columns if name in table.column_names
    }


def document(profile: Profile) -> dict[str, Any]:
    """A profile as JSON values."""
    if isinstance(profile, CategoryProfile):
        return {
            "kind": "categories",
            "counts": dict(profile.counts),
            "other": profile.other,
            "missing": profile.missing,
        }
    empty = not profile.present
    return {
        "kind": "numbers",
        "edges": profile.edges.tolist(),
        "counts": profile.counts.tolist(),
        "missing": profile.missing,
        **{
            name: None if empty else getattr(profile, name)
            for name in ("mean", "deviation", "smallest", "largest")
        },
    }


def from_document(value: Mapping[str, Any]) -> Profile:
    """The profile that JSON values describe.

    Raises:
        KeyError: Something is missing.
    """
    if value["kind"] == "categories":
        return CategoryProfile(counts=value["counts"], other=value["other"], missing=value["missing"])
    numbers = {
        name: float("nan") if value[name] is None else float(value[name])
        for name in ("mean", "deviation", "smallest", "largest")
    }
    return NumberProfile(
        edges=np.asarray(value["edges"], np.float64),
        counts=np.asarray(value["counts"], np.int64),
        missing=value["missing"],
        **numbers,
    )


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _numbers(column: pa.ChunkedArray, like: NumberProfile | None) -> NumberProfile:
    values = column.cast(pa.float64()).drop_null().to_numpy()
    values = values[~np.isnan(values)]
    missing = len(column) - len(values)
    edges = _quantiles(values) if like is None else like.edges
    places = np.searchsorted(edges, values, side="left")
    counts = np.bincount(places, minlength=len(edges) + 1).astype(np.int64)
    nothing = float("nan")
    return NumberProfile(
        edges=edges,
        counts=counts,
        missing=missing,
        mean=float(values.mean()) if len(values) else nothing,
        deviation=float(values.std()) if len(values) else nothing,
        smallest=float(values.min()) if len(values) else nothing,
        largest=float(values.max()) if len(values) else nothing,
    )


def _quantiles(values: Floats) -> Floats:
    """Values that split the rows into equal parts.

    A value that many rows share, and the smallest of all, has an edge just below it as well: else what comes
    to lie below it would count as equal to it.
    """
    if not len(values):
        return np.empty(0, np.float64)
    ordered = np.sort(values)
    places = np.unique(np.linspace(0, len(ordered) - 1, EDGES).round().astype(np.int64))
    edges, shared = np.unique(ordered[places], return_counts=True)
    shared[0] = 2
    return np.unique(np.concatenate([edges, np.nextafter(edges[shared > 1], -np.inf)]))


def _categories(column: pa.ChunkedArray) -> CategoryProfile:
    texts = column.cast(pa.string()).drop_null()
    counted = pc.value_counts(texts.combine_chunks() if texts.num_chunks > 1 else texts)
    names = counted.field("values").to_pylist()
    numbers = counted.field("counts").to_pylist()
    ordered = sorted(zip(names, numbers, strict=True), key=lambda pair: (-pair[1], pair[0]))
    return CategoryProfile(
        counts=dict(sorted(ordered[:CATEGORIES])),
        other=sum(number for _, number in ordered[CATEGORIES:]),
        missing=len(column) - len(texts),
    )
