"""Says on standard error what goes on, so that standard output stays for results."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console
from rich.status import Status
from rich.text import Text

REPEAT_S = 5.0
"""How often a log that nobody animates gets a line about a step that is still going on."""


class Step(Protocol):
    """One step that goes on."""

    def update(self, detail: str) -> None:
        """Says how far it is."""


@dataclass
class Narrator:
    """Tells a person what happens: a moving line in a terminal, plain lines elsewhere.

    Args:
        console: Where to write; standard error in a program.
        clock: Seconds from any start.
    """

    console: Console
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def on_standard_error(cls) -> "Narrator":
        """The narrator of a command."""
        return cls(Console(stderr=True, highlight=False, soft_wrap=True))

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(Text(text))

    def warn(self, text: str) -> None:
        """One line that a person should not overlook."""
        self.console.print(Text(text, style="yellow"))

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """A step that may take longer than a moment; says when it is done and how long it took."""
        started = self.clock()
        if self.console.is_terminal:
            with self.console.status(Text(title)) as status:
                yield _Moving(self, status, title, started)
        else:
            self.say(f"{title} ...")
            yield _Written(self, title, started, started)
        self.say(f"{title}: {self.clock() - started:.1f} s")


@dataclass
class _Moving:
    narrator: Narrator
    status: Status
    title: str
    started: float

    def update(self, detail: str) -> None:
        passed_s = self.narrator.clock() - self.started
        self.status.update(Text(f"{self.title}: {detail} ({passed_s:.0f} s)"))


@dataclass
class _Written:
    narrator: Narrator
    title: str
    started: float
    last: float

    def update(self, detail: str) -> None:
        now = self.narrator.clock()
        if now - self.last >= REPEAT_S:
            self.last = now
            self.narrator.say(f"  {self.title}: {detail} ({now - self.started:.0f} s)")
