"""One command at a time changes a checkout's state."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headway_cli.errors import HeadwayError


@contextmanager
def exclusive(home: Path, doing: str) -> Iterator[None]:
    """Holds a checkout for one command. The system lets go of it when the process dies, however it dies.

    Args:
        home: The checkout's home.
        doing: The command, for whoever is refused.

    Raises:
        HeadwayError: Another command holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HeadwayError(_refusal(home / "lock")) from None
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "doing": doing}))
        file.flush()
        yield


def _refusal(path: Path) -> str:
    try:
        holder = json.loads(path.read_text("utf-8"))
        who = f"`{holder['doing']}` (process {holder['pid']})"
    except (ValueError, KeyError, TypeError):
        # The other one has the lock and has not written its name yet.
        who = "another headway command"
    return f"{who} is at work in {path.parent}; wait until it is done, or stop it"
