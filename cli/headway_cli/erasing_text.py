"""What an erasure found and did, for people and for programs; the subject itself is in neither."""

from collections.abc import Sequence
from typing import Any

from headway_cli.erasing import Erased
from headway_cli.systems import System
from headway_runtime.erasure.findings import Left

OFFLINE_DELAY_MIN = 15
"""Within it SageMaker writes what was put online to the offline store."""


def text_of(erased: Erased, keys: Sequence[str]) -> str:
    """What was found and done, as a table.

    Args:
        erased: What was found and done.
        keys: The keys that the subject was named by.
    """
    outcome = erased.outcome
    rows = [("place", "looked at", "rows", "old versions")]
    rows += [(item.place, str(item.looked_at), str(item.rows), str(item.versions)) for item in outcome.found]
    rows.append(("together", "", str(outcome.rows), str(outcome.versions)))
    wide = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join([row[0].ljust(wide[0]), *(row[column].rjust(wide[column]) for column in range(1, 4))])
        for row in rows
    ]
    lines += map(_left, outcome.left)
    lines += [_dataset(item) for item in outcome.datasets]
    lines += [f"has learned from the subject: {arn}; train again, or say why not" for arn in erased.models]
    lines.append(_sentence(erased, " and ".join(keys)))
    if erased.record is not None:
        lines.append(f"record: {erased.record}")
    return "\n".join(lines)


def _left(item: Left) -> str:
    until = "" if item.until is None else f" until {item.until:%Y-%m-%d}"
    return f"stays: {item.where}: {item.why}{until}"


def _dataset(item: dict[str, Any]) -> str:
    before, now = item["held_by"], item["now"]
    place = f"execution {item['execution']}: dataset version {before}"
    return f"{place} holds the subject" if now == before else f"{place} held the subject; now it is {now}"


def _sentence(erased: Erased, who: str) -> str:
    outcome, is_look = erased.outcome, erased.record is None
    if not is_look and not outcome.is_gone:
        return "not all of it is gone, because it is written all the time; run the same command again"
    if not outcome.rows and not outcome.versions:
        return f"nothing is held by this {who}" if is_look else f"nothing was held by this {who}"
    if is_look:
        return "nothing was changed; erase with --yes --asked-by WHO"
    later = f"what was on its way arrives within {OFFLINE_DELAY_MIN} minutes, so run it once more after that"
    return f"erased by {who}; {later}"


def document_of(system: System, erased: Erased) -> dict[str, Any]:
    """The same for programs.

    Args:
        system: The system.
        erased: What was found and done.
    """
    outcome = erased.outcome
    return {
        "system": system.name,
        "erased": erased.record is not None,
        "is_gone": outcome.is_gone,
        "rows": outcome.rows,
        "old_versions": outcome.versions,
        "stores": [found.document() for found in outcome.found],
        "datasets": list(outcome.datasets),
        "models": list(erased.models),
        "record": erased.record,
    }
