"""How far the columns of a table lie from those of the last good version."""

from collections.abc import Mapping
from typing import Any

import duckdb

from headway_runtime.monitor.compare import compare
from headway_runtime.monitor.profile import (
    NumberProfile,
    Profile,
    document,
    from_document,
    profile_column,
)
from headway_runtime.quality.contract import DataContract
from headway_runtime.quality.database import answered, quoted

COMPARED_ROWS = 500
"""Fewer rows say nothing about a distribution: all of them may lie in one bin by chance."""
NUMERIC = ("integer", "number")
SAMPLED_ROWS = 500_000
"""Rows that a distribution is known by; more would not tell two of them better apart."""


def profiles(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    contract: DataContract,
    rows: int,
    like: Mapping[str, Profile],
) -> dict[str, Profile]:
    """Profiles of the columns whose shift is limited.

    Args:
        connection: Where the source can be read.
        source: What stands after FROM.
        contract: The contract.
        rows: Number of rows in the source; of more than `SAMPLED_ROWS`, every so many-th is taken.
        like: Profiles that they will be compared with.
    """
    compared = [column for column in contract.columns if column.maximum_shift is not None]
    if not compared or not rows:
        return {}
    every = -(-rows // SAMPLED_ROWS)
    chosen = source
    if every > 1:
        chosen = f"(SELECT * FROM {source} QUALIFY row_number() OVER () % {every} = 0)"  # noqa: S608
    found = {}
    for column in compared:
        # One column at a time keeps the memory to one column.
        query = f"SELECT {quoted(column.name)} AS value FROM {chosen}"  # noqa: S608
        values = answered(connection, query).to_arrow_table()["value"]
        before = like.get(column.name)
        # A column whose type has changed begins anew.
        fits = isinstance(before, NumberProfile) == (column.type in NUMERIC)
        found[column.name] = profile_column(values, before if fits else None)
    return found


def shifts(before: Mapping[str, Profile], now: Mapping[str, Profile]) -> dict[str, tuple[float, float]]:
    """Population stability index by column, as found and what it is at least with 99 % confidence."""
    found = {}
    for name, profile in now.items():
        if name in before and type(before[name]) is type(profile) and profile.present >= COMPARED_ROWS:
            stability = compare(before[name], profile).stability
            found[name] = (stability.value, stability.at_least)
    return found


def remembered(found: Mapping[str, Profile]) -> dict[str, Any]:
    """Profiles as JSON values."""
    return {name: document(profile) for name, profile in found.items()}


def recalled(values: Mapping[str, Any]) -> dict[str, Profile]:
    """The profiles that JSON values describe.

    Raises:
        KeyError: Something is missing.
    """
    return {name: from_document(value) for name, value in values.items()}
