"""Durable documents: every resource is one JSON document under a kind and a name."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

Documents = list[dict[str, Any]]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (kind, name)
)
"""


class Store:
    """JSON documents in one SQLite file.

    A write is complete or absent, also when the process is killed in the middle of it. What is returned
    belongs to the caller: changing it changes nothing until it is put again.

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
        self._connection.execute(_SCHEMA)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """The document, or None if there is none of that name."""
        rows = self._rows("SELECT document FROM documents WHERE kind = ? AND name = ?", kind, name)
        return rows[0] if rows else None

    def put(self, kind: str, name: str, document: dict[str, Any]) -> None:
        """Creates or replaces a document; its place in `list` is that of its creation."""
        text = json.dumps(document, separators=(",", ":"), allow_nan=False)
        self._execute(
            "INSERT INTO documents (kind, name, document) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, name) DO UPDATE SET document = excluded.document",
            kind,
            name,
            text,
        )

    def delete(self, kind: str, name: str) -> bool:
        """Removes a document; False if there was none."""
        return self._execute("DELETE FROM documents WHERE kind = ? AND name = ?", kind, name) > 0

    def list(self, kind: str) -> Documents:
        """All documents of a kind in the order of their creation."""
        return self._rows("SELECT document FROM documents WHERE kind = ? ORDER BY sequence", kind)

    def clear(self) -> None:
        """Removes every document of every kind."""
        self._execute("DELETE FROM documents")

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    def _rows(self, statement: str, *values: str) -> Documents:
        with self._lock:
            rows = self._connection.execute(statement, values).fetchall()
        return [json.loads(row[0]) for row in rows]

    def _execute(self, statement: str, *values: str) -> int:
        with self._lock:
            return self._connection.execute(statement, values).rowcount
