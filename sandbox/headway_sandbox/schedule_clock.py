"""The clock that schedules go by: the real one, or a faster one."""

from __future__ import annotations

from collections.abc import Callable

from headway_sandbox.sagemaker.store import Store

_KIND = "schedule-clock"
_NAME = "clock"
FASTEST = 1_000_000.0


class ClockError(Exception):
    """A speed that the clock cannot have; the message names what is allowed."""


class ScheduleClock:
    """A clock whose speed can be changed; it never goes back, and keeps its lead when it is slowed down.

    Args:
        store: Where its state outlives a restart.
        clock: Seconds since the epoch.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        kept = store.get(_KIND, _NAME) or {"lead_s": 0.0, "speed": 1.0}
        self._lead_s = float(kept["lead_s"])
        self._speed = float(kept["speed"])
        # While the sandbox is down, no time is gained.
        self._since = clock()

    @property
    def speed(self) -> float:
        """Seconds that pass on this clock in one real second."""
        return self._speed

    @property
    def lead_s(self) -> float:
        """Seconds that this clock is ahead of the real one."""
        return self._lead_s + (self._clock() - self._since) * (self._speed - 1.0)

    def now(self) -> float:
        """Seconds since the epoch on this clock."""
        return self._clock() + self.lead_s

    def set_speed(self, speed: object) -> None:
        """Changes how fast time passes from now on.

        Args:
            speed: Seconds on this clock in one real second, 1 to `FASTEST`.

        Raises:
            ClockError: If it is anything else.
        """
        if isinstance(speed, bool) or not isinstance(speed, int | float) or not 1 <= speed <= FASTEST:
            raise ClockError(f"speed is {speed!r}; it must be a number from 1 to {FASTEST:.0f}.")
        self._lead_s, self._since, self._speed = self.lead_s, self._clock(), float(speed)
        self._keep()

    def keep(self) -> None:
        """Writes down the lead of a clock that goes fast, so that a restart goes on from there."""
        if self._speed != 1.0:
            self._lead_s, self._since = self.lead_s, self._clock()
            self._keep()

    def reset(self) -> None:
        """Goes back to real time."""
        self._lead_s, self._since, self._speed = 0.0, self._clock(), 1.0

    def _keep(self) -> None:
        self._store.put(_KIND, _NAME, {"lead_s": self._lead_s, "speed": self._speed})
