"""What follows when something has landed. Pure, so that the same question always has the same answer.

Every object that lands asks again and again until its question is settled. What all files below the landing
place are, is one landing; its digest names the executions that take it in, so that an event that comes twice,
and twenty files that come at once, find what was started already.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from headway_runtime.monitor.control.retraining import (
    DATA,
    PERIOD_S,
    Training,
    cool_down_left_s,
    started_by,
)
from headway_runtime.monitor.control.window import CapturedFile

WAIT, START, DONE, GIVE_UP = "wait", "start", "done", "give up"
ATTEMPTS = 3
"""Executions that may break off before nobody tries again; one that is refused has not broken off."""
LONGEST_WAIT_S = 86_400
"""A day: what a wait is for may be over earlier than it was."""
_DIGITS = 32


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When landed data starts a training.

    Attributes:
        settle_s: Time without a new file after which a landing is whole, in seconds.
        poll_s: Time between two looks at a training, in seconds.
        cool_down_s: Time after the start of any training in which data starts none, in seconds.
        maximum: Trainings that data may start in thirty days.
    """

    settle_s: float
    poll_s: float
    cool_down_s: float
    maximum: int


@dataclass(frozen=True, kw_only=True)
class Next:
    """What follows.

    Attributes:
        action: `wait`, `start`, `done` or `give up`.
        why: Why, for people.
        wait_s: Time until the next look, in whole seconds.
        name: Display name of the execution that is to be started; empty where none is.
    """

    action: str
    why: str
    wait_s: int = 0
    name: str = ""


def landing_digest(files: Sequence[CapturedFile]) -> str:
    """What all landed files are, in one text: another one when a file comes, goes or is written anew."""
    text = "\n".join(sorted(f"{file.key} {file.tag}" for file in files))
    return hashlib.sha256(text.encode()).hexdigest()


def decide(
    own_key: str,
    files: Sequence[CapturedFile],
    trainings: Sequence[Training],
    *,
    now: float,
    limits: Limits,
) -> Next:
    """What follows when an object has landed.

    Args:
        own_key: Key of the object; empty where a person asks.
        files: Everything that lies below the landing places.
        trainings: Executions of the training pipeline in the last thirty days, in any order.
        now: Seconds since the epoch.
        limits: When landed data starts a training.
    """
    prefix = f"landing-{landing_digest(files)[:_DIGITS]}-"
    mine = sorted(
        (item for item in trainings if item.name.startswith(prefix)), key=lambda item: item.started_at
    )
    return (
        _unsettled(own_key, files, now, limits)
        or _taken_in(mine, limits)
        or _braked(trainings, now, limits)
        or Next(
            action=START,
            why=f"{len(files)} files lie at the landing place",
            name=f"{prefix}{len(mine) + 1}",
        )
    )


def _unsettled(own_key: str, files: Sequence[CapturedFile], now: float, limits: Limits) -> Next | None:
    """What follows while it is not known yet what has landed together, or where others decide."""
    if not files:
        return Next(action=DONE, why="nothing lies at the landing place")
    newest = max(files, key=lambda file: (file.written_at, file.key))
    if own_key in {file.key for file in files} and own_key != newest.key:
        return Next(action=DONE, why=f"{newest.key} landed later, and decides for all")
    # A clock that lags behind makes nobody wait longer than a whole time.
    quiet_s = max(0.0, now - newest.written_at)
    if quiet_s < limits.settle_s:
        return _wait(limits.settle_s - quiet_s, f"{newest.key} has just landed, more may come")
    return None


def _taken_in(mine: Sequence[Training], limits: Limits) -> Next | None:
    """What came of the executions that took this landing in; None where it is to be taken in, or again."""
    if not mine:
        return None
    last = mine[-1]
    if last.running:
        return _wait(limits.poll_s, f"{last.name} takes it in")
    ends = {
        "has taken it in": last.succeeded,
        "was stopped": last.stopped,
        f"was refused: {last.refused}": bool(last.refused),
    }
    for how, is_so in ends.items():
        if is_so:
            return Next(action=DONE, why=f"{last.name} {how}")
    if len(mine) >= ATTEMPTS:
        why = f"{len(mine)} executions broke off, the last is {last.name}; look at its steps"
        return Next(action=GIVE_UP, why=why)
    return None


def _braked(trainings: Sequence[Training], now: float, limits: Limits) -> Next | None:
    """How long a training has to wait for others; None where it may start."""
    if any(training.running for training in trainings):
        return _wait(limits.poll_s, "a training is running")
    left_s = cool_down_left_s(trainings, now, limits.cool_down_s)
    if left_s > 0:
        return _wait(left_s, f"the last training is too recent; {left_s / 3_600:.1f} hours are left")
    automatic = started_by(DATA, trainings, now)
    if len(automatic) < limits.maximum:
        return None
    oldest = min(training.started_at for training in automatic)
    why = f"data started {len(automatic)} trainings in 30 days, and {limits.maximum} are allowed"
    return _wait(oldest + PERIOD_S - now, why)


def _wait(seconds: float, why: str) -> Next:
    # A second more, so that the next look is not a moment too early.
    return Next(action=WAIT, why=why, wait_s=int(min(seconds, LONGEST_WAIT_S)) + 1)
