"""By what a row says that it is about the subject: expressions over its columns, for many rows at once."""

import functools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import duckdb
import pyarrow as pa

from headway_runtime.erasure.subject import Subject
from headway_runtime.features.right_in_time import RightInTime
from headway_runtime.features.transformation import Transformation
from headway_runtime.quality.database import quoted

_T = TypeVar("_T")
_WORD = re.compile(r"\w+")
_ROWS = "headway_rows"


@functools.cache
def _database() -> duckdb.DuckDBPyConnection:
    # A name in SQL is a column, never a variable of this program.
    connection = duckdb.connect(config={"python_enable_replacements": False, "threads": 1})
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """Where expressions are computed; opened once, because that takes longer than a small file does."""
    with _database().cursor() as cursor:
        yield cursor


@dataclass(frozen=True)
class Sign:
    """One way in which a row of a table says that it is about the subject.

    Attributes:
        expressions: The value that each expression has; all of them have it.
        columns: Columns that the expressions read, each with the type that it is read as; None for its own.
        source: What the expressions call the table.
    """

    expressions: Mapping[str, str]
    columns: Mapping[str, str | None]
    source: str = "row"

    @classmethod
    def named(cls, keys: Mapping[str, str]) -> "Sign":
        """Columns that have the names of the keys."""
        return cls({quoted(name): value for name, value in keys.items()}, dict.fromkeys(keys))

    def fits(self, columns: Collection[str]) -> bool:
        """Whether a table has what the expressions read."""
        return set(self.columns) <= set(columns)

    def marks(self, connection: duckdb.DuckDBPyConnection, rows: pa.Table) -> list[bool]:
        """Which rows are about the subject, in their order.

        Raises:
            duckdb.Error: The expressions cannot be computed.
        """
        read = ", ".join(
            f"{quoted(name)}" if kind is None else f"TRY_CAST({quoted(name)} AS {kind}) AS {quoted(name)}"
            for name, kind in self.columns.items()
        )
        # A whole number is held by its digits, because a double cannot tell the long ones apart.
        same = " AND ".join(
            f"coalesce(CASE WHEN typeof({sql}) IN ('DOUBLE', 'FLOAT') OR typeof({sql}) LIKE 'DECIMAL%' "
            f"THEN TRY_CAST({sql} AS DOUBLE) = TRY_CAST(? AS DOUBLE) "
            f"ELSE CAST({sql} AS VARCHAR) = ? END, false)"
            for sql in self.expressions
        )
        values = [value for value in self.expressions.values() for _ in range(2)]
        connection.register(_ROWS, rows.select(list(self.columns)))
        try:
            found = connection.execute(
                f"SELECT {same} FROM (SELECT {read} FROM {_ROWS}) AS {quoted(self.source)}",  # noqa: S608
                values,
            ).fetchall()
        finally:
            connection.unregister(_ROWS)
        return [bool(mark) for (mark,) in found]


def marked(connection: duckdb.DuckDBPyConnection, rows: pa.Table, signs: Sequence[Sign]) -> list[bool]:
    """Which rows have one of the signs that they can have.

    Raises:
        duckdb.Error: An expression cannot be computed.
    """
    marks = [False] * rows.num_rows
    for sign in signs:
        if rows.num_rows and sign.fits(rows.column_names):
            marks = [a or b for a, b in zip(marks, sign.marks(connection, rows), strict=True)]
    return marks


@dataclass(frozen=True)
class Signs:
    """How the subject is told in each kind of place.

    Attributes:
        requests: Inputs of a request, or columns of a row that a model learns from, with their values.
        tables: By raw table, what its rows are held to.
        ids: Values that an inference id begins with.
        named: Columns by the keys' own names, for what has no better.
    """

    requests: tuple[Mapping[str, str], ...]
    tables: Mapping[str, tuple[Sign, ...]] = field(default_factory=dict)
    ids: tuple[tuple[str, ...], ...] = ()
    named: tuple[Sign, ...] = ()

    def of_table(self, name: str) -> tuple[Sign, ...]:
        """What the rows of a raw table are held to; for one that nobody declared, everything."""
        if name in self.tables:
            return self.tables[name]
        return (*self.named, *(sign for signs in self.tables.values() for sign in signs))

    @property
    def rows(self) -> tuple[Sign, ...]:
        """What rows of requests are held to."""
        return tuple(map(Sign.named, self.requests))


def signs_of(subject: Subject, plan: RightInTime | None, asked: Mapping[str, Sequence[str]]) -> Signs:
    """How a subject is told, from what the system declares.

    A key goes by other names elsewhere: a raw table computes it, and what is labelled has it as a column.

    Args:
        subject: The subject.
        plan: The system's own code for features; None where it has none.
        asked: Columns of the entity by `<name>-v<version>` of each contract that is computed on request.
    """
    plain = [dict(identity.keys) for identity in subject.identities]
    named = tuple(Sign.named(keys) for keys in plain)
    ids = [tuple(found.keys.values()) for found in subject.identities if found.contract in asked]
    if plan is None:
        return Signs(_once(plain), ids=tuple(dict.fromkeys(ids)), named=named)
    joined = [
        {column: identity.keys[key] for key, column in group.keys.items()}
        for group in plan.stored
        for identity in subject.identities
        if set(group.keys) <= set(identity.keys)
    ]
    requests = _once([*plain, *joined])
    tables: dict[str, list[Sign]] = {}
    for item in (plan.labels, *(group.transformation for group in plan.stored)):
        found = [sign for keys in requests if (sign := _computed(item, keys)) is not None]
        tables[item.source] = [*tables.get(item.source, ()), *found]
    # Where the code says how a table has the key, a column that happens to have its name says nothing.
    return Signs(
        requests,
        {name: _once(found) if found else named for name, found in tables.items()},
        tuple(dict.fromkeys(ids)),
        named,
    )


def _computed(item: Transformation, keys: Mapping[str, str]) -> Sign | None:
    """Keys as the expressions that compute them from a raw table; None where it does not."""
    made = {**item.keys, **{feature.name: feature.sql for feature in item.features}}
    if not set(keys) <= set(made):
        return None
    expressions = {made[name]: value for name, value in keys.items()}
    words = {word for sql in expressions for word in _WORD.findall(sql)}
    return Sign(
        expressions, {name: kind for name, kind in item.columns.items() if name in words}, item.source
    )


def _once(items: Iterable[_T]) -> tuple[_T, ...]:
    found: list[_T] = []
    for item in items:
        if item not in found:
            found.append(item)
    return tuple(found)
