"""Reads what users asked and were answered, and the labels that come later, for one release at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headway_runtime.release.captured import Captured, Form, read_line
from headway_runtime.release.hourly_files import HourlyFiles
from headway_runtime.release.labels import Label, read_label
from headway_runtime.release.sample import MOST_KEPT, Sample


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """The time that a release spent in one stage.

    Attributes:
        release_id: The release.
        stage: The stage.
        since: Its beginning.
        until: Its end; None while it lasts.
    """

    release_id: str
    stage: int
    since: datetime
    until: datetime | None = None


class Reader:
    """Reads captured requests and labels, and remembers them for one release at a time.

    Args:
        s3: A boto3 client.
        form: What requests and answers look like.
    """

    def __init__(self, s3: Any, form: Form) -> None:  # noqa: ANN401 - boto3 has no types
        self._s3 = s3
        self._form = form
        self._release_id = ""
        self._captured: dict[tuple[object, ...], tuple[HourlyFiles, Sample[Captured]]] = {}
        self._labels: dict[str, tuple[HourlyFiles, Sample[Label]]] = {}
        self._looked: dict[HourlyFiles, datetime] = {}

    def captured(
        self, place: str, variant: str, stretch: Stretch, columns: Sequence[str], now: datetime
    ) -> Mapping[str, Captured]:
        """What was captured of a variant while a release was in a stage, by request.

        Args:
            place: `s3://bucket/prefix` under which the endpoint's variants are.
            variant: Name of the variant.
            stretch: The time in the stage.
            columns: The inputs that are wanted of each row.
            now: The time.
        """
        self._forget_others(stretch.release_id)
        key = (place, variant, tuple(columns), stretch)
        if key not in self._captured:
            sample = captured_sample()

            def take(line: bytes) -> None:
                request = read_line(line, self._form, columns)
                if request is not None and _is_within(request.at, stretch):
                    sample.add(request.key, request)

            files = HourlyFiles(self._s3, f"{place}/{variant}", stretch.since, take)
            self._captured[key] = files, sample
        files, sample = self._captured[key]
        # Of a stage that is over, late files alone are new.
        self._look(files, now, now if stretch.until is None else min(now, stretch.until))
        return sample.items()

    def labels(self, place: str, release_id: str, since: datetime, now: datetime) -> Mapping[str, Label]:
        """The labels that have come since a release began, by request.

        Args:
            place: `s3://bucket/prefix` under which they are.
            release_id: The release.
            since: Beginning of the release.
            now: The time.
        """
        self._forget_others(release_id)
        if place not in self._labels:
            sample: Sample[Label] = Sample(tuple)

            def take(line: bytes) -> None:
                label = read_label(line)
                if label is not None:
                    sample.add(*label)

            self._labels[place] = HourlyFiles(self._s3, place, since, take), sample
        files, sample = self._labels[place]
        self._look(files, now, now)
        return sample.items()

    def _look(self, files: HourlyFiles, now: datetime, until: datetime) -> None:
        """Reads what is new, once at a time: what is judged and what is reported of it are then the same."""
        if self._looked.get(files) != now:
            files.look(until)
            self._looked[files] = now

    def _forget_others(self, release_id: str) -> None:
        """There is never more than one release that moves the endpoint, and memory is for that one."""
        if self._release_id != release_id:
            self._release_id = release_id
            self._captured.clear()
            self._labels.clear()
            self._looked.clear()


def captured_sample(most: int = MOST_KEPT) -> Sample[Captured]:
    """An empty sample of captured requests; of two lines with one key the first in time is kept.

    Args:
        most: How many are kept at most.
    """
    return Sample(lambda item: (item.at.isoformat(), repr((item.answers, item.rows, item.tokens))), most)


def _is_within(at: datetime, stretch: Stretch) -> bool:
    return stretch.since <= at and (stretch.until is None or at < stretch.until)
