"""Reads what lies in S3 by hour, each file once."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

_HOUR, _SECOND = timedelta(hours=1), timedelta(seconds=1)
_BEFORE = timedelta(minutes=5)
"""A file lies under the hour in which it was opened, a little before what is written to it."""
LATE = timedelta(hours=3)
"""Time for which files may still turn up under an hour that is over."""


class HourlyFiles:
    """Files under `<prefix>/yyyy/mm/dd/hh/`, of which each look reads only those that are new.

    What was read is remembered while the function stays warm. A fresh one reads everything once more, to the
    same effect, so a step that is taken again changes nothing.

    Args:
        s3: A boto3 client.
        place: `s3://bucket/prefix`.
        since: Beginning of the time span.
        take: Takes in a line.
    """

    def __init__(
        self,
        s3: Any,  # noqa: ANN401 - boto3 has no types
        place: str,
        since: datetime,
        take: Callable[[bytes], None],
    ) -> None:
        self._s3 = s3
        self._bucket, _, prefix = place.removeprefix("s3://").partition("/")
        self._prefix = prefix.rstrip("/")
        self._take = take
        self._since = since
        self._first = (since - _BEFORE).replace(minute=0, second=0, microsecond=0)
        self._read: dict[datetime, set[str]] = {}

    def look(self, now: datetime) -> None:
        """Reads what is new.

        Args:
            now: End of the time span.
        """
        hour = self._first
        while hour <= now:
            known = self._read.setdefault(hour, set())
            for key in self._keys(hour):
                if key not in known:
                    for line in self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].iter_lines():
                        self._take(line)
                    known.add(key)
            hour += _HOUR
        while self._first + _HOUR + LATE <= now:
            self._read.pop(self._first, None)
            self._first += _HOUR

    def _keys(self, hour: datetime) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}/{hour:%Y/%m/%d/%H}/"
        )
        for page in pages:
            for item in page.get("Contents", ()):
                # A file that was written before holds nothing newer; S3 says when to the second.
                if item["LastModified"] >= self._since - _SECOND:
                    yield item["Key"]
