"""The ledger: every prediction waits here for its label, and every label for its prediction. Pure.

A look takes the ledger that the last closed window left and leaves a new one; a look that ends half-way
leaves nothing, so the next begins where the last closed one ended. Whatever comes twice is known by its key,
so that nothing is lost and nothing is counted twice, in whatever order and however often it arrives.
"""

import bisect
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headway_runtime.jobs import JobError
from headway_runtime.monitor.labels import Label
from headway_runtime.monitor.ledger_rows import (
    SCHEMA,
    Key,
    Prediction,
    Resting,
    Waiting,
    prediction_table,
    waiting_rows,
    waiting_table,
)


@dataclass
class Tally:
    """What a look did, each row counted once.

    Attributes:
        predictions: Predictions that are new.
        repeated_predictions: Those that the ledger had already.
        labels: Labels that came.
        joined: Labels that met their prediction in this look.
        repeated_labels: Labels that said again what was known.
        corrected: Labels that changed one that was not judged yet.
        too_late: Labels that contradict one that was judged; they change nothing.
        early: Labels that wait for their prediction now.
        orphans: Labels that waited too long for a prediction; they are dropped.
        expired: Predictions that waited too long for a label; they are dropped.
        before_prediction: Labels whose outcome lies before the question: a clock is wrong. They count.
        overdue: Predictions whose label should be there by now and is not.
        due: Predictions whose label should be there by now.
    """

    predictions: int = 0
    repeated_predictions: int = 0
    labels: int = 0
    joined: int = 0
    repeated_labels: int = 0
    corrected: int = 0
    too_late: int = 0
    early: int = 0
    orphans: int = 0
    expired: int = 0
    before_prediction: int = 0
    overdue: int = 0
    due: int = 0

    def document(self) -> dict[str, int]:
        """The counts by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


@dataclass
class Ledger:
    """Predictions, and labels that came before them.

    Attributes:
        predictions: Those that a look has touched, by key.
        waiting: Labels without their prediction.
        resting: All other predictions; none of them has a label that waits for its judgement, once a look
            has been.
    """

    predictions: dict[Key, Prediction] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)
    resting: Resting = field(default_factory=lambda: Resting(SCHEMA.empty_table()))

    def open_rows(self, now: float, delay_s: float) -> list[Prediction]:
        """Labelled predictions that no window has judged, in a fixed order.

        Args:
            now: Seconds since the epoch.
            delay_s: Time in which labels come. Younger predictions stay open: labels that come fast differ
                from those that come slowly, and would speak for them.
        """
        return sorted(
            (
                item
                for item in self.predictions.values()
                if item.label is not None and not item.judged and now - item.seen_at >= delay_s
            ),
            key=lambda item: item.key,
        )

    def judge(self, rows: Iterable[Prediction]) -> None:
        """Marks rows as judged, so that no window has them again."""
        for item in rows:
            self.predictions[item.key] = item._replace(judged=True)

    @property
    def labelled_until(self) -> float:
        """Time of the newest outcome that was joined; NaN without any."""
        times = [self.resting.labelled_until, *(item.label_at for item in self.predictions.values())]
        return max((at for at in times if not math.isnan(at)), default=math.nan)


def look(
    before: Ledger,
    predictions: Iterable[Prediction],
    labels: Iterable[Label],
    *,
    now: float,
    delay_s: float,
    keep_s: float,
) -> tuple[Ledger, Tally]:
    """Take in what came since the last look.

    Args:
        before: The ledger of the last closed window; it is not changed.
        predictions: Captured predictions, in any order, also ones that came before.
        labels: Labels, in any order, also ones that came before.
        now: Seconds since the epoch, by the monitor's clock. Only this clock decides what waits too long, so
            a wrong clock of a caller loses nothing.
        delay_s: Time after which a label is overdue.
        keep_s: Time after which a prediction or a label is waited for no more.
    """
    tally = Tally()
    asked = list(predictions)
    came = [Waiting(label, now) for label in labels]
    known = [item.label for item in (*before.waiting, *came)]
    named = [*(item.key[0] for item in asked), *(label.id for label in known)]
    touched, resting = before.resting.wake(named, (label.entity for label in known if not label.id))
    held = before.predictions | {item.key: item for item in touched}
    for prediction in asked:
        if prediction.key in held:
            tally.repeated_predictions += 1
        else:
            held[prediction.key] = prediction._replace(seen_at=now)
            tally.predictions += 1
    tally.labels = len(came)
    find = _Finder(held)
    left = [
        item for item in (*before.waiting, *came) if not _join(held, find.key(item.label), item.label, tally)
    ]
    kept = [item for item in left if now - item.seen_at < keep_s]
    tally.orphans = len(left) - len(kept)
    waiting = list(dict.fromkeys(kept))
    tally.repeated_labels += len(kept) - len(waiting)
    tally.early = len(waiting)
    for key in [key for key, item in held.items() if now - item.seen_at >= keep_s]:
        # A labelled row that no window could judge yet waits on: it is what a judgement is made of.
        if held[key].label is None or held[key].judged:
            tally.expired += held[key].label is None
            del held[key]
    old, resting = resting.parted(now, keep_s)
    tally.expired += old.unlabelled
    due = [item for item in held.values() if now - item.seen_at >= delay_s]
    resting_due, _ = resting.parted(now, delay_s)
    tally.due = len(due) + resting_due.rows
    tally.overdue = sum(item.label is None for item in due) + resting_due.unlabelled
    return Ledger(held, waiting, resting), tally


class _Finder:
    """Finds the prediction that a label is about."""

    def __init__(self, held: dict[Key, Prediction]) -> None:
        self._held = held
        self._by_entity: dict[str, list[tuple[float, Key]]] = {}
        for key, item in held.items():
            if item.entity:
                self._by_entity.setdefault(item.entity, []).append((item.asked_at, key))
        for asked in self._by_entity.values():
            asked.sort()

    def key(self, label: Label) -> Key | None:
        """The key of the prediction; of an entity, the last one that was asked before the outcome."""
        if label.id:
            return (label.id, label.place) if (label.id, label.place) in self._held else None
        asked = self._by_entity.get(label.entity, [])
        place = bisect.bisect_right(asked, label.at, key=lambda pair: pair[0])
        return asked[place - 1][1] if place else None


def _join(held: dict[Key, Prediction], key: Key | None, label: Label, tally: Tally) -> bool:
    """Whether the label met its prediction; of two before a judgement the later outcome counts."""
    if key is None:
        return False
    known = held[key]
    if known.label is None:
        tally.joined += 1
        tally.before_prediction += label.at < known.asked_at
    elif (known.label, _order(known.label_at)) == (label.value, _order(label.at)):
        tally.repeated_labels += 1
        return True
    elif known.judged:
        tally.too_late += known.label != label.value
        tally.repeated_labels += known.label == label.value
        return True
    else:
        tally.corrected += known.label != label.value
        tally.repeated_labels += known.label == label.value
        if (_order(label.at), label.value) < (_order(known.label_at), known.label):
            return True
    held[key] = known._replace(label=label.value, label_at=label.at)
    return True


def _order(at: float) -> float:
    return -math.inf if math.isnan(at) else at


def ledger_table(ledger: Ledger) -> pa.Table:
    """A ledger as a table; a row without an answer is a label that waits."""
    touched = prediction_table(ledger.predictions.values())
    return pa.concat_tables([ledger.resting.table, touched, waiting_table(ledger.waiting)])


def ledger_of(table: pa.Table) -> Ledger:
    """A ledger out of its table, with all predictions at rest."""
    return Ledger({}, waiting_rows(table), Resting.of(table))


def write_ledger(ledger: Ledger, path: Path) -> None:
    """Write a ledger as Parquet."""
    pq.write_table(ledger_table(ledger), path, compression="zstd")


def read_ledger(path: Path) -> Ledger:
    """Read a ledger.

    Raises:
        JobError: It is none.
    """
    try:
        return ledger_of(pq.read_table(path, schema=SCHEMA))
    except (pa.ArrowException, OSError) as error:
        raise JobError(f"the ledger at {path} cannot be read: {str(error).splitlines()[0]}") from error
