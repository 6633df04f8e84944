"""Captured requests of a time span, each once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from headway_runtime.release.captured import Captured, Form, read_line

_HOUR, _SECOND = timedelta(hours=1), timedelta(seconds=1)
_LATE = timedelta(minutes=5)
"""A file lies under the hour in which it was opened, a little before what is written to it."""


class Traffic:
    """The bucket with what one variant of an endpoint was asked and answered.

    Args:
        s3: A boto3 client.
        place: `s3://bucket/prefix` of the variant's captured files, without a slash at its end.
        form: What requests and answers look like.
    """

    def __init__(self, s3: Any, place: str, form: Form) -> None:  # noqa: ANN401 - boto3 has no types
        self._s3 = s3
        self._bucket, _, self._prefix = place.removeprefix("s3://").partition("/")
        self._form = form

    def requests(self, since: datetime, until: datetime) -> dict[str, Captured]:
        """The requests of a time span by what tells them apart; a line that is no capture is left out.

        Args:
            since: Beginning of the time span.
            until: End of the time span, not in it.
        """
        found = (read_line(line, self._form, self._form.inputs) for line in self._lines(since, until))
        return {item.key: item for item in found if item is not None and since <= item.at < until}

    def _lines(self, since: datetime, until: datetime) -> Iterator[bytes]:
        hour = (since - _LATE).replace(minute=0, second=0, microsecond=0)
        while hour <= until:
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{self._prefix}/{hour:%Y/%m/%d/%H}/"
            )
            for item in (item for page in pages for item in page.get("Contents", ())):
                # A file that was written before holds nothing newer; S3 says when to the second.
                if item["LastModified"] >= since - _SECOND:
                    yield from self._s3.get_object(Bucket=self._bucket, Key=item["Key"])["Body"].iter_lines()
            hour += _HOUR
