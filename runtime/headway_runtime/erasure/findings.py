"""What an erasure finds and does, place by place: plain values."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Changed:
    """One object that holds the subject, or held it.

    Attributes:
        key: Its key, without the subject.
        rows: Rows of the subject in what readers get.
        others: Rows of others, which stay.
        before: Keyed hash of the SHA-256 of what it was: a plain one of few rows could be guessed.
        after: SHA-256 of what it becomes; None where nothing is left.
        old_versions: Old versions that hold the subject.
    """

    key: str
    rows: int
    others: int
    before: str
    after: str | None
    old_versions: int


@dataclass(frozen=True)
class Left:
    """Something that an erasure left where it is.

    Attributes:
        where: Place and key, without the subject.
        why: Why.
        until: Until when it has to stay; None where nobody knows.
        needs_person: Whether a person has to decide about it.
    """

    where: str
    why: str
    until: datetime | None = None
    needs_person: bool = True


@dataclass
class Found:
    """What one place holds of the subject.

    Attributes:
        place: What is kept there.
        looked_at: Objects, or records, that were looked at.
        rows: Rows of the subject in what readers get.
        changed: The objects.
        versions: Old versions that hold the subject.
        left: What stays.
    """

    place: str
    looked_at: int = 0
    rows: int = 0
    changed: list[Changed] = field(default_factory=list)
    versions: int = 0
    left: list[Left] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        """Adds what another look at the same place found."""
        self.rows += other.rows
        self.changed += other.changed
        self.versions += other.versions
        # What a backup has still is told once, when it is deleted.
        told = [item for item in self.left if not item.needs_person and item not in other.left]
        self.left = [*other.left, *told]

    def document(self) -> dict[str, Any]:
        """The same as JSON values."""
        left = [
            asdict(item) | {"until": None if item.until is None else item.until.isoformat()}
            for item in self.left
        ]
        return asdict(self) | {"left": left}


@dataclass(frozen=True)
class Outcome:
    """What an erasure came to.

    Attributes:
        found: What each place held.
        passes: How often everything was looked at after the first time.
        is_gone: Whether the last look found nothing that may go.
        datasets: Dataset versions that held the subject: name of the execution, version before and after.
    """

    found: Sequence[Found]
    passes: int
    is_gone: bool
    datasets: Sequence[dict[str, Any]] = ()

    @property
    def left(self) -> list[Left]:
        """Everything that stays."""
        return [item for found in self.found for item in found.left]

    @property
    def rows(self) -> int:
        """Rows of the subject in what readers get."""
        return sum(found.rows for found in self.found)

    @property
    def versions(self) -> int:
        """Old versions that hold the subject."""
        return sum(found.versions for found in self.found)
