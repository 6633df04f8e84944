"""An erasure from its first look to the proof that nothing is left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from headway_runtime.erasure.captured import Traces
from headway_runtime.erasure.files import Files
from headway_runtime.erasure.findings import Found, Left, Outcome
from headway_runtime.erasure.places import DATASETS, Place, offline_name
from headway_runtime.erasure.stores import OnlineGroup, ReviewTable
from headway_runtime.erasure.subject import Subject, is_about

PASSES = 4
"""Looks after which a store that is written all the time is given up on."""


@dataclass
class Erasure:
    """Everything that may hold a subject.

    Args:
        subject: The subject.
        traces: How it is told; requests that are found are remembered there.
        places: Places with files, in the order in which they are cut.
        groups: Groups with records online.
        review: Answers in review; None where there is no queue.
        files: Cuts files.
        clock: The time, with a time zone.
        keep_datasets: Why dataset versions stay as they are; None where they do not.
    """

    subject: Subject
    traces: Traces
    places: Sequence[Place]
    groups: Sequence[OnlineGroup]
    review: ReviewTable | None
    files: Files
    clock: Callable[[], datetime]
    keep_datasets: str | None = None

    def look(self) -> Outcome:
        """Looks at everything, and changes nothing."""
        found = self._visit(erase=False)
        return Outcome(found, 0, not _has_any(found), list(self.files.datasets.values()))

    def erase(self, tell: Callable[[str], None]) -> Outcome:
        """Erases the subject, and looks again until nothing of it is left.

        What was on its way meanwhile comes to light in the next look, and goes then.

        Args:
            tell: Is told what is being done.
        """
        total: dict[str, Found] = {}
        for number in range(1, PASSES + 1):
            tell(f"erasing, look {number}" if number > 1 else "erasing")
            found = self._visit(erase=True)
            for item in found:
                total.setdefault(item.place, Found(item.place, item.looked_at)).add(item)
            if not _has_any(found, but=self._kept):
                break
        gone = not _has_any(found, but=self._kept)
        return Outcome(list(total.values()), number, gone, list(self.files.datasets.values()))

    @property
    def _kept(self) -> str:
        return "" if self.keep_datasets is None else DATASETS

    def _visit(self, *, erase: bool) -> list[Found]:
        self._trace()
        found = [self._online(group, erase=erase) for group in self.groups]
        found += [self._files(place, erase=erase) for place in self.places if not place.carries]
        # The requests of the subject are known by these alone, so they go when nothing needs them any more.
        ledgers, traffic = [place for place in self.places if place.carries]
        found.append(self._files(ledgers, erase=erase))
        if self.review is not None:
            found.append(self._reviewed(self.review, erase=erase))
        found.append(self._files(traffic, erase=erase))
        return found

    def _trace(self) -> None:
        """Finds the requests of the subject before anything that names only a request is looked at."""
        for place in self.places:
            if place.carries:
                self.files.visit(place, erase=False)
        if self.review is not None:
            self.review.find(self.traces)

    def _files(self, place: Place, *, erase: bool) -> Found:
        is_kept = place.name == self._kept
        found = self.files.visit(place, erase=erase and not is_kept)
        if is_kept and found.changed:
            found.left.append(Left(place.name, f"kept: {self.keep_datasets}", needs_person=False))
        return found

    def _online(self, group: OnlineGroup, *, erase: bool) -> Found:
        found = Found(f"online store of {group.label}")
        keys = [item.keys for item in self.subject.identities]
        own = {item.keys[group.key] for item in self.subject.identities if item.contract == group.label}
        for identifier in sorted(own | self._named_in_history(group)):
            record = group.find(identifier)
            found.looked_at += 1
            is_subject = bool(record) and (identifier in own or is_about(record, keys))
            found.rows += is_subject
            # A mark of an earlier deletion has the identifier too, and nobody can read it.
            if erase and (is_subject or identifier in own):
                group.erase(identifier)
        return found

    def _named_in_history(self, group: OnlineGroup) -> set[str]:
        """Records of something else that name the subject, as history knows them."""
        names = any(set(item.keys) <= set(group.features) for item in self.subject.identities)
        places = [place for place in self.places if names and place.name == offline_name(group.label)]
        signs = self.traces.signs.named
        return {value for place in places for value in self.files.values(place, signs, group.key)}

    def _reviewed(self, review: ReviewTable, *, erase: bool) -> Found:
        found = Found("review queue")
        answers = review.find(self.traces)
        found.rows = found.looked_at = len(answers)
        for review_id in answers if erase else ():
            review.erase(review_id)
        until = review.backups_until(self.clock()) if answers else None
        if until is not None:
            why = "its continuous backups still have it; after a restore, erase again"
            found.left.append(Left(found.place, why, until, needs_person=False))
        return found


def _has_any(found: Sequence[Found], but: str = "") -> bool:
    return any(item.rows or item.versions for item in found if item.place != but)
