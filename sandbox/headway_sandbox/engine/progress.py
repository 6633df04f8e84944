"""Progress lines of a long step: at most one every few seconds."""

import time
from collections.abc import Callable


def format_duration(duration_s: float) -> str:
    """Write a duration as people read it.

    Args:
        duration_s: Seconds.

    Returns:
        Text such as `45 s` or `3 min 20 s`.
    """
    minutes, seconds = divmod(int(duration_s), 60)
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


class Progress:
    """Passes lines on, and knows the time passed since it was made.

    Args:
        say: Called with each line.
        interval_s: Least number of seconds between two lines given to `often`.
        clock: Monotonic clock in seconds.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        interval_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._interval_s = interval_s
        self._clock = clock
        self._started = clock()
        self._last: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._started

    def always(self, line: str) -> None:
        """Pass a line on now.

        Args:
            line: What is happening.
        """
        self._last = self._clock()
        self._say(line)

    def often(self, line: str) -> None:
        """Pass a line on unless one was passed on a moment ago.

        Args:
            line: What is happening.
        """
        if self._last is None or self._clock() - self._last >= self._interval_s:
            self.always(line)
