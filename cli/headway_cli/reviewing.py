"""The review queue of a system: what waits, one answer, its label, and one more turn now."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError
from headway_cli.systems import System
from headway_runtime.review.item import LABELS, WAITING, Item, RefusedError, labelled, taken
from headway_runtime.review.queue import ReviewQueue

MASKED = "(personal data)"
_SHOWN_INPUTS = 4


@dataclass(frozen=True, kw_only=True)
class Reviewing:
    """The queue of one system.

    Args:
        queue: Where the answers are.
        lease_s: Time for which an answer is with the one who takes it, in seconds.
        clock: The moment, in seconds since the epoch.
    """

    queue: ReviewQueue
    lease_s: float
    clock: Callable[[], float] = time.time

    def waiting(self) -> list[Item]:
        """What can be labelled, the least sure first."""
        now = self.clock()
        open_ = [item for item in self.queue.all() if item.state == WAITING and not item.is_expired(now)]
        return sorted(open_, key=lambda item: (item.confidence, item.review_id))

    def everything(self) -> list[Item]:
        """Every answer that the queue has, in the order in which they came."""
        return self.queue.all()

    def item(self, review_id: str) -> Item:
        """One answer.

        Raises:
            HeadwayError: There is none.
        """
        return _told(lambda: self.queue.get(review_id))

    def take(self, review_id: str, reviewer: str) -> Item:
        """Keeps an answer for a reviewer for a while.

        Raises:
            HeadwayError: It cannot be taken.
        """
        now = self.clock()
        return _told(
            lambda: self.queue.change(review_id, lambda item: taken(item, reviewer, now, self.lease_s))
        )

    def label(self, review_id: str, reviewer: str, label: int) -> Item:
        """Gives an answer a label.

        Raises:
            HeadwayError: It cannot be labelled.
        """
        now = self.clock()
        return _told(lambda: self.queue.change(review_id, lambda item: labelled(item, reviewer, label, now)))


def _told(work: Callable[[], Item]) -> Item:
    try:
        return work()
    except RefusedError as error:
        raise HeadwayError(str(error)) from error


def reviewing(aws: Aws, system: System) -> Reviewing:
    """The queue of a system.

    Raises:
        HeadwayError: The system has none.
    """
    known = _known(system)
    queue = ReviewQueue(aws.client("dynamodb"), str(known["table_name"]))
    return Reviewing(queue=queue, lease_s=float(known["lease_s"]))


def turn(aws: Aws, system: System) -> dict[str, Any]:
    """Takes one turn of the queue now: answers come in, labels go back.

    Raises:
        HeadwayError: The system has no queue, or the turn fails.
    """
    answer = aws.client("lambda").invoke(FunctionName=str(_known(system)["function_name"]), Payload=b"{}")
    document: dict[str, Any] = json.loads(answer["Payload"].read())
    if "sentence" not in document:
        why = document.get("errorMessage", "the function's log says why")
        raise HeadwayError(f"the review queue of {system.name} could not take a turn: {why}")
    return document


def _known(system: System) -> Mapping[str, Any]:
    if system.review is None:
        raise HeadwayError(
            f"{system.name} has no review queue; declare review=ReviewPlan(...) and run `headway up`"
        )
    return system.review


def list_text(items: Sequence[Item], now: float) -> str:
    """Answers in a line each, without anything that speaks of a person."""
    if not items:
        return "nothing waits; `headway review collect` looks at what was captured since"
    return "\n".join(_line(item, now) for item in items)


def _line(item: Item, now: float) -> str:
    inputs = ", ".join(f"{name}={value}" for name, value in list(shown_inputs(item).items())[:_SHOWN_INPUTS])
    more = ", ..." if len(item.inputs) > _SHOWN_INPUTS else ""
    with_whom = ", ".join(item.with_whom(now))
    state = item.state if item.label is None else f"{item.state} with {item.label}"
    return (
        f"{item.review_id}  {_day(item.asked_at)}  answer {item.answer:.3f}, sure {item.confidence:.0%}, "
        f"{len(item.labels)} of {item.wanted} labels, {state}{f', with {with_whom}' if with_whom else ''}  "
        f"{inputs}{more}"
    )


def item_text(item: Item, now: float, *, personal_data: bool) -> str:
    """One answer with all that it was asked about."""
    inputs = [
        f"  {name} = {value}" for name, value in shown_inputs(item, personal_data=personal_data).items()
    ]
    hidden = [] if personal_data or not item.personal else ["  (--show-personal-data shows what is masked)"]
    labels = [f"  {given.reviewer} said {given.label}, {_day(given.at)}" for given in item.labels]
    leases = [f"  with {name} until {_day(until)}" for name, until in item.with_whom(now).items()]
    return "\n".join(
        [
            f"{item.review_id}: request {item.inference_id}, row {item.place + 1}, {_day(item.asked_at)}",
            f"the model answered {item.answer:.4f}, sure {item.confidence:.0%}",
            f"{item.state}, {len(item.labels)} of {item.wanted} labels, goes {_day(item.expires_at)}",
            *inputs,
            *hidden,
            *labels,
            *leases,
        ]
    )


def item_document(item: Item, *, personal_data: bool = False) -> dict[str, Any]:
    """One answer for programs."""
    return item.document() | {
        "inputs": shown_inputs(item, personal_data=personal_data),
        "label": item.label,
    }


def shown_inputs(item: Item, *, personal_data: bool = False) -> dict[str, Any]:
    """What an answer was asked about; what speaks of a person is masked unless it is asked for."""
    return {
        name: value if personal_data or name not in item.personal else MASKED
        for name, value in item.inputs.items()
    }


def read_label(text: str) -> int:
    """The label that a person wrote.

    Raises:
        ValueError: It is none.
    """
    if text not in {str(label) for label in LABELS}:
        raise ValueError(f"the label is {text!r}; it must be {' or '.join(map(str, LABELS))}")
    return int(text)


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
