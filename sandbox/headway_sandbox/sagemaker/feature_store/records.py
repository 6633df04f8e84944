"""Records on disk: the newest of each identifier for reading, and what waits for the offline store.

Both live in one SQLite file, so that a record gets into both or into none, also when the process is killed.
What waits for the offline store is the store's write-ahead log: a record leaves it only after the file that
holds it lies in the bucket.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headway_sandbox.sagemaker.feature_store.event_time import LATEST_MS, format_event_time
from headway_sandbox.sagemaker.feature_store.schema import OFFLINE, ONLINE, FeatureGroup, Record, RecordError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS online (
    group_id TEXT NOT NULL,
    identifier TEXT NOT NULL,
    event_time_ms INTEGER NOT NULL,
    expires_ms INTEGER,
    content TEXT,
    PRIMARY KEY (group_id, identifier)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS expiring ON online (group_id, expires_ms) WHERE expires_ms IS NOT NULL;
CREATE TABLE IF NOT EXISTS waiting (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id TEXT NOT NULL,
    event_time_ms INTEGER NOT NULL,
    invoked_ms INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    content TEXT NOT NULL,
    file TEXT,
    write_ms INTEGER
);
CREATE INDEX IF NOT EXISTS waiting_in_group ON waiting (group_id, sequence);
"""


@dataclass(frozen=True)
class OnlineRecord:
    """The newest record of an identifier.

    Attributes:
        values: Value by feature name.
        expires_ms: When it expires, milliseconds since the epoch; None for never.
    """

    values: dict[str, str]
    expires_ms: int | None


@dataclass(frozen=True)
class WaitingRecord:
    """A record on its way to the offline store.

    Attributes:
        sequence: Its place in the order of arrival.
        event_time_ms: Event time, milliseconds since the epoch.
        invoked_ms: When the call arrived, milliseconds since the epoch.
        deleted: Whether it says that the record was deleted.
        values: Value by feature name.
        file: The file that it was assigned to; None if to none yet.
        write_ms: When that was, milliseconds since the epoch.
    """

    sequence: int
    event_time_ms: int
    invoked_ms: int
    deleted: bool
    values: dict[str, str]
    file: str | None
    write_ms: int | None


class RecordStore:
    """Records of all feature groups in one file.

    Args:
        path: The database file; its directory is created.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        # A killed process loses nothing in WAL mode; only a power cut could lose the last moment.
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def put(
        self, group: FeatureGroup, record: Record, targets: Sequence[str], ttl_ms: int | None, now_ms: int
    ) -> None:
        """Writes a record; online only if it is newer than what is there, offline always.

        Args:
            group: Its group.
            record: The record.
            targets: The stores it is for.
            ttl_ms: How long it lives after its event time; None for ever.
            now_ms: The time of the call.
        """
        expires_ms = None if ttl_ms is None else min(record.event_time_ms + ttl_ms, LATEST_MS)
        content = json.dumps(record.values, separators=(",", ":"))
        with self._transaction() as connection:
            if ONLINE in targets:
                _expire(connection, group, now_ms)
                _upsert(connection, group, record.identifier, (record.event_time_ms, expires_ms, content))
            if OFFLINE in targets:
                _wait(connection, group, record.event_time_ms, now_ms, content, deleted=False)

    def delete(
        self,
        group: FeatureGroup,
        identifier: str,
        event_time: tuple[str, int],
        targets: Sequence[str],
        now_ms: int,
        *,
        hard: bool,
    ) -> None:
        """Deletes a record.

        Args:
            group: Its group.
            identifier: Its identifier.
            event_time: The deletion's event time as given, and in milliseconds since the epoch.
            targets: The stores that it is deleted from.
            now_ms: The time of the call.
            hard: Whether nothing stays behind online; else a mark stays that keeps older records out.

        Raises:
            RecordError: If a hard deletion is not newer than the record.
        """
        text, at_ms = event_time
        with self._transaction() as connection:
            if ONLINE in targets:
                _expire(connection, group, now_ms)
                if hard:
                    _hard_delete(connection, group, identifier, text, at_ms)
                else:
                    _upsert(connection, group, identifier, (at_ms, None, None))
            if OFFLINE in targets:
                content = json.dumps({group.identifier: identifier, group.event_time: text})
                _wait(connection, group, at_ms, now_ms, content, deleted=True)

    def get(self, group: FeatureGroup, identifier: str, now_ms: int) -> OnlineRecord | None:
        """The newest record of an identifier; None if there is none, or it was deleted or has expired."""
        with self._lock:
            row = self._connection.execute(
                "SELECT content, expires_ms FROM online WHERE group_id = ? AND identifier = ?",
                (group.group_id, identifier),
            ).fetchone()
        if row is None or row[0] is None or (row[1] is not None and row[1] <= now_ms):
            return None
        return OnlineRecord(json.loads(row[0]), row[1])

    def identifiers(
        self, group: FeatureGroup, after: str | None, limit: int, now_ms: int, *, deleted: bool
    ) -> list[str]:
        """Identifiers of a group's records in their order.

        Args:
            group: The group.
            after: The identifier that the last page ended with; None for the first page.
            limit: How many at most.
            now_ms: The time of the call.
            deleted: Whether softly deleted records count as well.
        """
        with self._lock:
            rows = self._connection.execute(
                "SELECT identifier FROM online WHERE group_id = ? AND (? IS NULL OR identifier > ?)"
                " AND (content IS NOT NULL OR ?) AND (expires_ms IS NULL OR expires_ms > ?)"
                " ORDER BY identifier LIMIT ?",
                (group.group_id, after, after, deleted, now_ms, limit),
            ).fetchall()
        return [row[0] for row in rows]

    def size_bytes(self, group_id: str) -> int:
        """How much a group's records take online."""
        with self._lock:
            row = self._connection.execute(
                "SELECT COALESCE(SUM(LENGTH(content)), 0) FROM online WHERE group_id = ?", (group_id,)
            ).fetchone()
        return int(row[0])

    def expire(self, group: FeatureGroup, now_ms: int) -> int:
        """Deletes a group's expired records for good, says so offline, and returns how many there were."""
        with self._transaction() as connection:
            return _expire(connection, group, now_ms)

    def next_expiry_ms(self, group_ids: Sequence[str]) -> int | None:
        """When the first record of some groups expires, milliseconds since the epoch; None for never."""
        marks = ",".join("?" * len(group_ids))
        with self._lock:
            row = self._connection.execute(
                f"SELECT MIN(expires_ms) FROM online WHERE group_id IN ({marks}) AND expires_ms IS NOT NULL",  # noqa: S608
                tuple(group_ids),
            ).fetchone()
        return None if row[0] is None else int(row[0])

    def drop(self, group_id: str) -> None:
        """Deletes all that a group has online; what waits for the offline store still waits."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM online WHERE group_id = ?", (group_id,))

    def groups_waiting(self) -> list[str]:
        """The groups of which something waits for the offline store."""
        with self._lock:
            rows = self._connection.execute("SELECT DISTINCT group_id FROM waiting").fetchall()
        return [row[0] for row in rows]

    def waiting(self, group_id: str, limit: int) -> list[WaitingRecord]:
        """The oldest records of a group that wait for the offline store."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT sequence, event_time_ms, invoked_ms, deleted, content, file, write_ms FROM waiting"
                " WHERE group_id = ? ORDER BY sequence LIMIT ?",
                (group_id, limit),
            ).fetchall()
        return [
            WaitingRecord(row[0], row[1], row[2], bool(row[3]), json.loads(row[4]), row[5], row[6])
            for row in rows
        ]

    def assign(self, records: Sequence[WaitingRecord], file: str, write_ms: int) -> None:
        """Remembers in which file some records will be, before it is written.

        Written again after a kill, the file holds the same records, so that none is in the store twice.
        """
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE waiting SET file = ?, write_ms = ? WHERE sequence = ?",
                [(file, write_ms, record.sequence) for record in records],
            )

    def written(self, records: Sequence[WaitingRecord]) -> None:
        """Forgets records that are in the offline store."""
        with self._transaction() as connection:
            connection.executemany(
                "DELETE FROM waiting WHERE sequence = ?", [(record.sequence,) for record in records]
            )

    def forget(self, group_id: str) -> None:
        """Gives up what waits for an offline store that no longer is known."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM waiting WHERE group_id = ?", (group_id,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")


def _wait(
    connection: sqlite3.Connection,
    group: FeatureGroup,
    event_time_ms: int,
    now_ms: int,
    content: str,
    *,
    deleted: bool,
) -> None:
    connection.execute(
        "INSERT INTO waiting (group_id, event_time_ms, invoked_ms, deleted, content) VALUES (?, ?, ?, ?, ?)",
        (group.group_id, event_time_ms, now_ms, deleted, content),
    )


def _upsert(
    connection: sqlite3.Connection,
    group: FeatureGroup,
    identifier: str,
    row: tuple[int, int | None, str | None],
) -> None:
    """Writes event time, expiry and content of an identifier unless what is there is as new or newer."""
    connection.execute(
        "INSERT INTO online VALUES (?, ?, ?, ?, ?) ON CONFLICT (group_id, identifier) DO UPDATE"
        " SET event_time_ms = excluded.event_time_ms, expires_ms = excluded.expires_ms,"
        " content = excluded.content WHERE excluded.event_time_ms > event_time_ms",
        (group.group_id, identifier, *row),
    )


def _expire(connection: sqlite3.Connection, group: FeatureGroup, now_ms: int) -> int:
    """Deletes a group's expired records, and has the offline store say so."""
    rows = connection.execute(
        "DELETE FROM online WHERE group_id = ? AND expires_ms <= ? RETURNING identifier, expires_ms",
        (group.group_id, now_ms),
    ).fetchall()
    for expired, expires_ms in rows:
        if OFFLINE in group.stores:
            text = format_event_time(expires_ms, group.event_time_type)
            content = json.dumps({group.identifier: expired, group.event_time: text})
            _wait(connection, group, expires_ms, now_ms, content, deleted=True)
    return len(rows)


def _hard_delete(
    connection: sqlite3.Connection, group: FeatureGroup, identifier: str, text: str, at_ms: int
) -> None:
    row = connection.execute(
        "SELECT event_time_ms FROM online WHERE group_id = ? AND identifier = ?",
        (group.group_id, identifier),
    ).fetchone()
    if row is not None and row[0] >= at_ms:
        raise RecordError(
            f"EventTime {text} must be later than the event time "
            f"{format_event_time(row[0], group.event_time_type)} of the record {identifier!r}"
        )
    connection.execute(
        "DELETE FROM online WHERE group_id = ? AND identifier = ?", (group.group_id, identifier)
    )
