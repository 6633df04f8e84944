"""Which rows train and which judge: those declared, or the newest whose outcome is known. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

PERSON = "person"
"""Whoever starts a training by hand, or declares another one, gets the cuts that are declared."""


@dataclass(frozen=True)
class Cuts:
    """Where the training rows end, where the rows that judge end, and why there. Both dates are exclusive."""

    train_until: str
    evaluate_until: str
    why: str


def choose(trigger: str, declared: Cuts, labelled_until: str | None, newest_d: int) -> Cuts:
    """The cuts of a training.

    Args:
        trigger: Who started it.
        declared: The cuts that are declared.
        labelled_until: ISO time of the newest outcome that is known, from a label or a row that landed; None
            where none is.
        newest_d: Days before it that judge.
    """
    if trigger == PERSON:
        return declared
    if labelled_until is None:
        return Cuts(declared.train_until, declared.evaluate_until, "no outcome came since; as declared")
    # A day is whole when its last outcome is known, so the day of the newest one is left out.
    known = moment(labelled_until).date()
    until = known - timedelta(days=newest_d)
    if until <= date.fromisoformat(declared.train_until):
        why = f"outcomes are known until {known}, which adds no row to train on; as declared"
        return Cuts(declared.train_until, declared.evaluate_until, why)
    why = f"outcomes are known until {known}; its last {newest_d} days judge"
    return Cuts(until.isoformat(), known.isoformat(), why)


def latest(*moments: str | None) -> str | None:
    """The latest of some ISO times; None where there are none."""
    return max((at for at in moments if at is not None), key=moment, default=None)


def moment(text: str) -> datetime:
    """A moment in UTC; a text without a time zone means UTC."""
    when = datetime.fromisoformat(text)
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).astimezone(UTC)


def judged_before(champion: Mapping[str, Any], cuts: Cuts) -> str:
    """Why a champion cannot be judged on the rows after the training cut; empty where it can.

    Args:
        champion: Metadata of its package.
        cuts: The cuts.
    """
    learned = str(champion.get("train_until", ""))
    if learned > cuts.train_until:
        return f"the champion has learned from rows until {learned}, so it has seen rows that judge here"
    return ""
