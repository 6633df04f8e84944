"""Labels that arrive after their predictions: SageMaker's JSON Lines of ground truth, one line a request.

Source: SageMaker developer guide, "Ingest Ground Truth labels and merge them with predictions";
`eventVersion` 0. Beyond it, `data` may hold one value for each row of the request, an empty one for a row
whose outcome will never be known; `eventMetadata.eventTime` says when the outcome happened; and
`eventMetadata.entity` may name what was predicted by inputs of the request, where whoever knows the outcome
does not know the inference id.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headway_runtime.contract import canonical_json
from headway_runtime.monitor.lines import read_line


class LabelError(ValueError):
    """A line that holds no label."""


@dataclass(frozen=True, slots=True)
class Label:
    """An outcome.

    Attributes:
        id: The inference id of the request, or the event's; empty where the entity is named.
        place: Place of the row in the request.
        entity: What was predicted, as `entity_key` writes it; empty where the id is given.
        at: When the outcome happened, seconds since the epoch; NaN where the line does not say.
        value: 0 or 1.
    """

    id: str
    place: int
    entity: str
    at: float
    value: int


@dataclass(frozen=True)
class LabelFeed:
    """What a look at the label feed brought.

    Attributes:
        labels: In the order of files and lines.
        files: Files that were read.
        unknown: Rows whose outcome will never be known.
        unreadable: Lines that hold no label, by reason.
    """

    labels: tuple[Label, ...]
    files: int
    unknown: int
    unreadable: Mapping[str, int]


def entity_key(values: Mapping[str, Any]) -> str:
    """One text for what a row is about, whatever the order of the names."""
    return canonical_json({name: str(value) for name, value in values.items()}).decode()


def read_labels(files: Iterable[Path]) -> LabelFeed:
    """Read files with labels; a line that cannot be read is counted with its reason and ends nothing.

    Args:
        files: Files of JSON Lines, in the order in which they count.
    """
    labels: list[Label] = []
    unreadable: dict[str, int] = {}
    unknown = read = 0
    for path in files:
        read += 1
        for line in path.read_bytes().splitlines():
            if not line.strip():
                continue
            try:
                found, nothing = _line(line)
            except LabelError as error:
                unreadable[str(error)] = unreadable.get(str(error), 0) + 1
                continue
            labels += found
            unknown += nothing
    return LabelFeed(tuple(labels), read, unknown, unreadable)


def _line(line: bytes) -> tuple[list[Label], int]:
    try:
        document = read_line(line)
        metadata, data = document["eventMetadata"], document["groundTruthData"]["data"]
        event_id = metadata.get("eventId", "")
        entity = metadata.get("entity")
        if not isinstance(event_id, str) or not (entity is None or isinstance(entity, dict)):
            raise LabelError("the line names no prediction")
    except (ValueError, RecursionError) as error:
        if isinstance(error, LabelError):
            raise
        raise LabelError("the line is not JSON") from None
    except (KeyError, TypeError, AttributeError):
        raise LabelError("the line holds no label") from None
    if not event_id and not entity:
        raise LabelError("the line names no prediction")
    at = _time(metadata.get("eventTime"))
    if not event_id and math.isnan(at):
        raise LabelError("a label of an entity needs the time of its outcome")
    values = _values(data)
    key = "" if event_id or entity is None else entity_key(entity)
    found = [
        Label(event_id, place, key, at, value) for place, value in enumerate(values) if value is not None
    ]
    return found, len(values) - len(found)


def _time(text: object) -> float:
    if text is None:
        return math.nan
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        raise LabelError("the time of the outcome is none") from None
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()


def _values(data: object) -> Sequence[int | None]:
    texts = str(data).replace(",", "\n").split("\n")
    if len(texts) > 1 and texts[-1] == "":
        texts.pop()
    found: list[int | None] = []
    for text in texts:
        known = _OUTCOMES.get(text.strip().lower(), _NONE)
        if known is _NONE:
            raise LabelError("the label is neither 0 nor 1")
        found.append(known)  # type: ignore[arg-type] # only the marker is no outcome
    return found


_NONE = object()
_OUTCOMES: Mapping[str, int | None] = {
    **dict.fromkeys(("1", "1.0", "true"), 1),
    **dict.fromkeys(("0", "0.0", "false"), 0),
    "": None,
}
