"""Features of a group, written once: expressions over one row of a source.

The same expressions compute history in a batch, new rows as they come, and one request. Only the declared
columns of the source are in scope, each in its declared type, so that a feature can read nothing else, and
means the same wherever its row comes from.
"""

# ruff: noqa: S608 - the SQL is the declaration itself

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from headway_runtime.canonical import digest
from headway_runtime.features.definition import GroupFeature, GroupView
from headway_runtime.features.queries import SQL_TYPES, quoted

EVENT_TIME = "event_time"
FRACTIONAL = "Fractional"
"""Event times are stored as seconds since 1970: a number of milliseconds that a double holds exactly."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class TransformationError(ValueError):
    """A transformation is wrong; the message has every problem."""


@dataclass(frozen=True, kw_only=True)
class ComputedFeature:
    """One feature and the expression that computes it.

    Attributes:
        name: Name, with the unit at its end.
        type: string, integer or number.
        sql: Expression over one row of the source.
        nullable: Whether the value may be missing.
        minimum: Smallest value possible; None for no bound.
        maximum: Largest value possible; None for no bound.
        values: Known categories; None when not listed.
        closed: Whether only the listed categories are accepted.
        description: What the value says; None when its name says it all.
        freshness_s: Age in seconds that the newest value does not exceed; None for no promise.
    """

    name: str
    type: str
    sql: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None
    closed: bool = False
    description: str | None = None
    freshness_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class Transformation:
    """A group of features over one source.

    Attributes:
        name: Name of the group: lower case, digits and hyphens.
        version: Version, from 1; what means something else is a new version beside the old one.
        source: Raw table that the expressions read, by this name.
        columns: Columns of the source that the expressions may read, each with its type in DuckDB.
        keys: Columns that identify the entity, each with its expression.
        event_time: Expression for the moment from which the values are known.
        features: The features.
        ttl_s: How long a value counts after its event time, in seconds; None for ever.

    Raises:
        TransformationError: With every problem.
    """

    name: str
    source: str
    columns: Mapping[str, str]
    keys: Mapping[str, str]
    event_time: str
    features: Sequence[ComputedFeature]
    version: int = 1
    ttl_s: int | None = None

    def __post_init__(self) -> None:
        problems = [*self._problems()]
        if problems:
            raise TransformationError(f"the features {self.name!r} are wrong: {'; '.join(problems)}")

    def _problems(self) -> list[str]:
        problems = []
        if _NAME.fullmatch(self.name) is None:
            problems.append(f"name is {self.name!r}; it has lower case, digits and hyphens")
        made = [*self.keys, *(feature.name for feature in self.features)]
        problems += [
            f"{name!r} is no name of a column; it has letters, digits and underscores"
            for name in [self.source, *self.columns, *made]
            if _COLUMN.fullmatch(name) is None
        ]
        lowered = [name.lower() for name in [*made, EVENT_TIME]]
        problems += [
            f"{name} comes more than once; give each column its own name"
            for name in sorted({name for name in lowered if lowered.count(name) > 1})
        ]
        problems += [
            f"{feature.name} has type {feature.type!r}; it is one of {', '.join(SQL_TYPES)}"
            for feature in self.features
            if feature.type not in SQL_TYPES
        ]
        if not self.keys or not self.features:
            problems.append("keys and features each need at least one")
        return problems

    @property
    def label(self) -> str:
        """`<name>-v<version>`, what the group is called in a training set."""
        return f"{self.name}-v{self.version}"

    @property
    def digest(self) -> str:
        """Identifies what is computed, beside the features themselves: source, keys and time."""
        return digest(
            {
                "source": self.source,
                "columns": dict(self.columns),
                "keys": dict(self.keys),
                "event_time": self.event_time,
            }
        )

    def sql(self, **more: str) -> str:
        """The query over the table or view that is called as the source.

        Args:
            more: Further columns of the answer, each with an expression over all columns of the source. No
                feature can read those.
        """
        added = "".join(f", {sql} AS {quoted(name)}" for name, sql in more.items())
        rows = f"SELECT {self._cast(quoted)}{added} FROM {quoted(self.source)}"
        return self._select(rows, *(f"{quoted(self.source)}.{quoted(name)}" for name in more))

    def request_sql(self) -> str:
        """The query over one request, whose columns are its parameters."""
        return self._select(f"SELECT {self._cast(lambda name: f'${name}')}")

    def view(self, keys: Mapping[str, str]) -> GroupView:
        """The group as a training set takes it.

        Args:
            keys: Column of the labels by key column of the group.
        """
        features = [
            GroupFeature(name=feature.name, type=feature.type, column=feature.name)
            for feature in self.features
        ]
        return GroupView(
            name=self.label,
            version=self.version,
            keys=dict(keys),
            event_time=EVENT_TIME,
            event_time_type=FRACTIONAL,
            features=tuple(features),
            ttl_s=self.ttl_s,
        )

    def _cast(self, read: Callable[[str], str]) -> str:
        columns = self.columns.items()
        return ", ".join(f"CAST({read(name)} AS {kind}) AS {quoted(name)}" for name, kind in columns)

    def _select(self, rows: str, *more: str) -> str:
        types = {feature.name: SQL_TYPES[feature.type] for feature in self.features}
        columns = [
            *(f"CAST({sql} AS VARCHAR) AS {quoted(name)}" for name, sql in self.keys.items()),
            f"CAST({self.event_time} AS TIMESTAMPTZ) AS {EVENT_TIME}",
            *(
                f"CAST({feature.sql} AS {types[feature.name]}) AS {quoted(feature.name)}"
                for feature in self.features
            ),
            *more,
        ]
        listed = ",\n  ".join(columns)
        return f"SELECT\n  {listed}\nFROM (\n  {rows}\n) AS {quoted(self.source)}"
