"""One answer in review, and what may be done with it: pure values, so that two people never undo each other.

A reviewer takes an answer for a while (a lease), looks, and labels it. As many reviewers label it as are
wanted; where two disagree, a third decides. Whatever is done makes a new revision, and the queue keeps one
only when nobody else has made another in the meantime.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

WAITING, DECIDED, RETURNED = "waiting", "decided", "returned"
STATES = (WAITING, DECIDED, RETURNED)
"""It needs labels; it has its label; the label is where training and monitor find it."""
LABELS = (0, 1)
_DISAGREED = 3


class RefusedError(Exception):
    """What was asked for cannot be done; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """A label that somebody gave.

    Attributes:
        reviewer: Who.
        label: 0 or 1.
        at: When, in seconds since the epoch.
    """

    reviewer: str
    label: int
    at: float


@dataclass(frozen=True, kw_only=True)
class Item:
    """One answer in review.

    Attributes:
        review_id: What tells it from every other.
        inference_id: The request that it answered.
        place: Place of the row in the request, from 0.
        asked_at: When it was asked, in seconds since the epoch.
        answer: What the model answered.
        confidence: How sure the model was, 0.5 to 1.
        inputs: What it was asked about.
        personal: Inputs that speak of a person.
        wanted: Labels that it needs.
        created_at: When it came into the queue, in seconds since the epoch.
        expires_at: When it goes, in seconds since the epoch.
        labels: The labels so far, in the order in which they were given.
        leases: Until when it is with whom, in seconds since the epoch.
        state: One of `STATES`.
        revision: How often it was changed.
    """

    review_id: str
    inference_id: str
    place: int
    asked_at: float
    answer: float
    confidence: float
    inputs: Mapping[str, Any]
    personal: Sequence[str]
    wanted: int
    created_at: float
    expires_at: float
    labels: Sequence[Given] = ()
    leases: Mapping[str, float] = field(default_factory=dict)
    state: str = WAITING
    revision: int = 0

    @property
    def label(self) -> int | None:
        """What was decided; None while it is not."""
        if self.state == WAITING:
            return None
        ones = sum(given.label for given in self.labels)
        return int(2 * ones > len(self.labels))

    def is_expired(self, now: float) -> bool:
        """Whether it waited too long to be labelled."""
        return self.state == WAITING and now >= self.expires_at

    def with_whom(self, now: float) -> dict[str, float]:
        """Who has it now, and until when."""
        return {name: until for name, until in sorted(self.leases.items()) if until > now}

    def document(self) -> dict[str, Any]:
        """The item as JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Item":
        """The item that JSON values describe.

        Raises:
            TypeError: Something is missing or unknown.
            KeyError: There are no labels.
        """
        labels = tuple(Given(**given) for given in document["labels"])
        return cls(**{**document, "labels": labels, "personal": tuple(document["personal"])})


def taken(item: Item, reviewer: str, now: float, lease_s: float) -> Item:
    """The item with a lease of a reviewer, or with a longer one.

    Raises:
        RefusedError: It has expired or is decided, the reviewer has labelled it, or others have it.
    """
    _open_to(item, reviewer, now)
    return replace(
        item,
        leases={**item.with_whom(now), reviewer: now + lease_s},
        revision=item.revision + 1,
    )


def labelled(item: Item, reviewer: str, label: int, now: float) -> Item:
    """The item with the label of a reviewer.

    The same label of the same reviewer again changes nothing.

    Raises:
        RefusedError: The label is none, the item has expired or is decided, the reviewer has given another
            label, or others have it.
    """
    if label not in LABELS:
        raise RefusedError(f"{label!r} is no label; give 0 or 1")
    before = next((given.label for given in item.labels if given.reviewer == reviewer), None)
    if before == label:
        return item
    _open_to(item, reviewer, now)
    labels = (*item.labels, Given(reviewer=reviewer, label=label, at=now))
    agreed = len({given.label for given in labels}) == 1
    wanted = item.wanted if agreed else max(item.wanted, _DISAGREED)
    return replace(
        item,
        labels=labels,
        wanted=wanted,
        leases={name: until for name, until in item.with_whom(now).items() if name != reviewer},
        state=DECIDED if len(labels) >= wanted else WAITING,
        revision=item.revision + 1,
    )


def returned(item: Item) -> Item:
    """The item once its label is where training and monitor find it."""
    return replace(item, state=RETURNED, revision=item.revision + 1)


def _open_to(item: Item, reviewer: str, now: float) -> None:
    given = next((given.label for given in item.labels if given.reviewer == reviewer), None)
    if given is not None:
        raise RefusedError(
            f"{reviewer} has labelled {item.review_id} with {given}; a label is not changed, so another "
            "reviewer has to look at it"
        )
    if item.state != WAITING:
        raise RefusedError(f"{item.review_id} is decided with {item.label}; nothing is left to do")
    if item.is_expired(now):
        raise RefusedError(f"{item.review_id} has expired; it goes without a label")
    others = {name: until for name, until in item.with_whom(now).items() if name != reviewer}
    if len(item.labels) + len(others) >= item.wanted:
        names = ", ".join(others)
        until = min(others.values()) - now
        raise RefusedError(
            f"{item.review_id} is with {names} for {until:.0f} s more; take another one, or wait"
        )
