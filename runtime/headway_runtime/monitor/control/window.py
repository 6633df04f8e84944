"""Which captured files a window holds: each is in exactly one window that was judged, also a late one."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

LATEST_S = 48 * 3_600
"""Files that are written so long after their hour are still found; capture delivers within minutes."""
MAXIMUM_FILES = 10_000
"""Files of one window; the oldest come first, and the others have their turn in the next."""


@dataclass(frozen=True)
class CapturedFile:
    """One object with captured traffic.

    Attributes:
        key: Its key.
        written_at: When it was written, seconds since the epoch.
        tag: Its entity tag; empty where nobody asks.
    """

    key: str
    written_at: float
    tag: str = ""


@dataclass(frozen=True)
class Window:
    """The files of a window.

    Attributes:
        keys: Those to judge, oldest first.
        earlier: Those of a model that no longer answers; they are passed over.
        later: Those that have their turn in the next window, oldest first.
    """

    keys: tuple[str, ...]
    earlier: tuple[str, ...]
    later: tuple[str, ...]


def open_window(files: Iterable[CapturedFile], done: Collection[str], since: float | None) -> Window:
    """The files that no window has had.

    Args:
        files: The captured files, from the cursor on.
        done: Keys of files that a window has had.
        since: When the present model began to answer, seconds since the epoch; None if it answered in the
            last window too.
    """
    ordered = sorted((file for file in files if file.key not in done), key=lambda file: file.key)
    earlier = tuple(file.key for file in ordered if since is not None and file.written_at < since)
    passed = set(earlier)
    keys = tuple(file.key for file in ordered if file.key not in passed)
    return Window(keys[:MAXIMUM_FILES], earlier, keys[MAXIMUM_FILES:])


@dataclass(frozen=True)
class LabelFiles:
    """The files with labels of a window.

    Attributes:
        files: Those to read, in the order of their keys.
        later: Those that have their turn in the next window.
    """

    files: tuple[CapturedFile, ...]
    later: tuple[CapturedFile, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the files to read."""
        return tuple(file.key for file in self.files)


def open_labels(files: Iterable[CapturedFile], done: Collection[str], since: float) -> LabelFiles:
    """The files with labels that no window has had, whatever their keys are and whenever they came.

    Args:
        files: All files with labels.
        done: Marks of files that a window has had.
        since: Files that were written before have been had, seconds since the epoch.
    """
    fresh = [file for file in files if file.written_at >= since and mark(file) not in done]
    ordered = sorted(fresh, key=lambda file: file.key)
    return LabelFiles(tuple(ordered[:MAXIMUM_FILES]), tuple(ordered[MAXIMUM_FILES:]))


def labels_after(
    done: Iterable[str], read: Iterable[str], now: float, waiting: float | None
) -> tuple[list[str], float]:
    """Marks that are remembered, and the time from which the next window looks on.

    Args:
        done: Marks of files that earlier windows had.
        read: Marks of files that this window had.
        now: Seconds since the epoch.
        waiting: When the oldest file that is still to be read was written; None if there is none.
    """
    since = now - LATEST_S if waiting is None else min(now - LATEST_S, waiting)
    return sorted(item for item in {*done, *read} if float(item.rpartition("@")[2]) >= since), since


def mark(file: CapturedFile) -> str:
    """A file as it was written then: one that is written anew is read anew."""
    return f"{file.key}@{file.tag}@{file.written_at!r}"


def cursor_after(prefix: str, now: float, oldest_waiting: str | None) -> str:
    """The key from which the next window looks on.

    Args:
        prefix: Beginning of the keys of captured files, with a slash at its end; hours follow it.
        now: Seconds since the epoch.
        oldest_waiting: Key of the oldest file that is still to be judged; None if there is none.
    """
    late = f"{prefix}{datetime.fromtimestamp(now - LATEST_S, UTC):%Y/%m/%d/%H}"
    return late if oldest_waiting is None else min(late, oldest_waiting[:-1])
