"""Which answers people look at: those that the model is least sure of, as many as people can look at."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from headway_runtime.release.captured import Captured
from headway_runtime.review.item import Item

_PART = 2**64


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What goes to people.

    Attributes:
        minimum_confidence: Answers that the model is less sure of go to people; 0.5 to 1.
        double_share: Share of them that two people look at.
        retention_s: Time after its request in which an answer has to be labelled, in seconds.
        personal: Inputs that speak of a person.
    """

    minimum_confidence: float
    double_share: float
    retention_s: float
    personal: Sequence[str] = ()


def confidence(answer: float) -> float:
    """How sure a probability is: 0.5 for a guess, 1 for certainty."""
    return max(answer, 1 - answer)


def chosen(requests: Mapping[str, Captured], choice: Choice, now: float) -> Iterator[Item]:
    """The answers that go to people, the least sure first.

    The same request makes the same items whenever it is looked at, so none comes twice.

    Args:
        requests: Captured requests by what tells them apart.
        choice: What goes to people.
        now: The moment, in seconds since the epoch.
    """
    found = [
        item
        for request in requests.values()
        for item in _of_request(request, choice, now)
        if item.expires_at > now
    ]
    return iter(sorted(found, key=lambda item: (item.confidence, item.review_id)))


def _of_request(request: Captured, choice: Choice, now: float) -> Iterator[Item]:
    if request.answers is None or len(request.rows) != len(request.answers):
        return
    asked_at = request.at.timestamp()
    places = range(len(request.rows)) if request.places is None else request.places
    for place, row, answer in zip(places, request.rows, request.answers, strict=True):
        sure = confidence(answer)
        if sure >= choice.minimum_confidence:
            continue
        review_id = hashlib.sha256(f"{request.key} {place}".encode()).hexdigest()[:16]
        # A share that depends on the request alone is the same in every run.
        drawn = int(review_id, 16) / _PART
        yield Item(
            review_id=review_id,
            inference_id=request.key,
            place=place,
            asked_at=asked_at,
            answer=answer,
            confidence=sure,
            inputs=dict(row),
            personal=tuple(choice.personal),
            wanted=2 if drawn < choice.double_share else 1,
            created_at=now,
            expires_at=asked_at + choice.retention_s,
        )
