"""One turn of the queue: new answers come in, labels go back, and how the queue stands is published."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from headway_runtime.release.captured import Form
from headway_runtime.review.agreement import Agreement, agreement
from headway_runtime.review.item import DECIDED, WAITING, Item, returned
from headway_runtime.review.queue import ReviewQueue
from headway_runtime.review.selecting import Choice, chosen
from headway_runtime.review.traffic import Traffic

NAMESPACE = "Headway/Review"
DAY_S = 86_400.0
_LATE_S = 7_200.0
"""Capture files are written a while after their requests."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the stack tells the function, by environment variables.

    Attributes:
        system: Name of the system.
        endpoint: Name of the endpoint.
        variant: Variant whose answers are looked at.
        capture_uri: Where traffic is captured.
        form: Inputs and output, as JSON.
        table: Table of the queue.
        label_bucket: Bucket that labels go back to.
        label_prefix: Beginning of their keys, without a slash at its end.
        minimum_confidence: Answers that the model is less sure of go to people.
        double_share: Share of them that two people look at.
        maximum_a_day: Answers that go to people in a day.
        retention_s: Time in which an answer has to be labelled, in seconds.
        look_back_s: How far back a turn looks at traffic, in seconds.
        personal: Inputs that speak of a person, as JSON.
    """

    system: str
    endpoint: str
    variant: str
    capture_uri: str
    form: str
    table: str
    label_bucket: str
    label_prefix: str
    minimum_confidence: str
    double_share: str
    maximum_a_day: str
    retention_s: str
    look_back_s: str
    personal: str

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in environment variables, `HEADWAY_` and the field's name in capitals.

        Raises:
            KeyError: One is missing.
        """
        return cls(**{field.name: environment[f"HEADWAY_{field.name.upper()}"] for field in fields(cls)})

    @property
    def choice(self) -> Choice:
        """What goes to people."""
        return Choice(
            minimum_confidence=float(self.minimum_confidence),
            double_share=float(self.double_share),
            retention_s=float(self.retention_s),
            personal=json.loads(self.personal),
        )


class Collector:
    """Takes turns of the queue; each may be repeated, and two at once do no harm.

    Args:
        settings: What the stack says.
        clients: boto3 clients by service: s3, dynamodb, cloudwatch.
        clock: The moment, in seconds since the epoch.
    """

    def __init__(self, settings: Settings, clients: Mapping[str, Any], clock: Callable[[], float]) -> None:
        self._settings = settings
        self._s3 = clients["s3"]
        self._cloudwatch = clients["cloudwatch"]
        self._queue = ReviewQueue(clients["dynamodb"], settings.table)
        form = json.loads(settings.form)
        self._traffic = Traffic(
            self._s3,
            f"{settings.capture_uri}/{settings.endpoint}/{settings.variant}",
            Form(inputs=form["inputs"], output=form["output"]),
        )
        self._clock = clock

    def turn(self) -> dict[str, Any]:
        """Takes one turn; answers what happened, in numbers and as a sentence."""
        now = self._clock()
        added, left_out = self._fill(now)
        back = self._return_labels()
        items = self._queue.all()
        expired = sum(item.is_expired(now) for item in items)
        waiting = sum(item.state == WAITING for item in items) - expired
        found = agreement(_pairs(items))
        counts = Counter(
            added=added,
            left_out=left_out,
            returned=back,
            expired=expired,
            waiting=waiting,
        )
        self._publish(counts, found)
        return {
            **counts,
            "agreement": None if found is None else vars(found),
            "sentence": _said(counts, found),
        }

    def _fill(self, now: float) -> tuple[int, int]:
        """Takes in what people can look at; answers how many are new, and how many were too many."""
        settings = self._settings
        since = datetime.fromtimestamp(now - float(settings.look_back_s) - _LATE_S, UTC)
        until = datetime.fromtimestamp(now, UTC)
        requests = self._traffic.requests(since, until)
        before = self._queue.all()
        room = int(settings.maximum_a_day) - sum(item.created_at >= now - DAY_S for item in before)
        known = {item.review_id for item in before}
        added = left_out = 0
        for item in chosen(requests, settings.choice, now):
            if item.review_id in known:
                continue
            if room <= 0:
                left_out += 1
            elif self._queue.add(item):
                room -= 1
                added += 1
        return added, left_out

    def _return_labels(self) -> int:
        """Writes decided labels where training and monitor find them; written twice, one is the same."""
        count = 0
        for item in [item for item in self._queue.all() if item.state == DECIDED]:
            day = datetime.fromtimestamp(item.asked_at, UTC)
            self._s3.put_object(
                Bucket=self._settings.label_bucket,
                Key=f"{self._settings.label_prefix}/review/{day:%Y/%m/%d}/{item.review_id}.jsonl",
                Body=label_line(item),
                ContentType="application/jsonlines",
            )
            self._queue.change(
                item.review_id, lambda found: returned(found) if found.state == DECIDED else found
            )
            count += 1
        return count

    def _publish(self, counts: Mapping[str, int], found: Agreement | None) -> None:
        numbers: dict[str, float] = {
            "Waiting": counts["waiting"],
            "Expired": counts["expired"],
            "LeftOut": counts["left_out"],
            "Labelled": counts["returned"],
        }
        if found is not None:
            numbers |= {"Pairs": found.pairs, "EqualLabels": found.equal}
            if found.kappa is not None and found.low is not None and found.high is not None:
                numbers |= {"Kappa": found.kappa, "KappaLow": found.low, "KappaHigh": found.high}
        dimensions = [
            {"Name": "System", "Value": self._settings.system},
            {"Name": "Endpoint", "Value": self._settings.endpoint},
        ]
        self._cloudwatch.put_metric_data(
            Namespace=NAMESPACE,
            MetricData=[
                {"MetricName": name, "Dimensions": dimensions, "Value": float(value)}
                for name, value in numbers.items()
            ],
        )


def label_line(item: Item) -> bytes:
    """A decided label in SageMaker's form of ground truth, with who gave it and when.

    The rows of the request that nobody reviewed are empty.

    Source: SageMaker developer guide, "Ingest Ground Truth labels and merge them with predictions".
    """
    decided = [given for given in item.labels if given.label == item.label]
    document = {
        "groundTruthData": {"data": "\n" * item.place + str(item.label), "encoding": "CSV"},
        "eventMetadata": {
            "eventId": item.inference_id,
            "eventTime": _moment(item.asked_at),
            "source": "review",
            "reviewers": [given.reviewer for given in decided],
            "labelledAt": _moment(max(given.at for given in decided)),
        },
        "eventVersion": "0",
    }
    return json.dumps(document, sort_keys=True).encode() + b"\n"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _pairs(items: Sequence[Item]) -> list[tuple[int, int]]:
    """The first two labels of every answer that several people looked at, those that a third decides too."""
    return [(item.labels[0].label, item.labels[1].label) for item in items if len(item.labels) > 1]


def _said(counts: Mapping[str, int], found: Agreement | None) -> str:
    said = (
        f"{counts['added']} answers came into review, {counts['returned']} labels went back, "
        f"{counts['waiting']} wait, {counts['expired']} expired"
    )
    if counts["left_out"]:
        said += f", {counts['left_out']} more than people can look at in a day"
    if found is None:
        return said
    if found.kappa is None or found.low is None or found.high is None:
        return f"{said}; two reviewers gave the same label everywhere ({found.pairs} answers)"
    return f"{said}; two reviewers agree with kappa {found.kappa:.2f} ({found.low:.2f} to {found.high:.2f})"
