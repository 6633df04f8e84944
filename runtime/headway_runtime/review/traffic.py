"""Captured requests of a time span, each once."""

from datetime import datetime
from typing import Any

from headway_runtime.release.captured import Captured, Form, read_line
from headway_runtime.release.hourly_files import HourlyFiles


class Traffic:
    """The bucket with what one variant of an endpoint was asked and answered.

    Args:
        s3: A boto3 client.
        place: `s3://bucket/prefix` of the variant's captured files.
        form: What requests and answers look like.
    """

    def __init__(self, s3: Any, place: str, form: Form) -> None:  # noqa: ANN401 - boto3 has no types
        self._s3 = s3
        self._place = place
        self._form = form

    def requests(self, since: datetime, until: datetime) -> dict[str, Captured]:
        """The requests of a time span by what tells them apart; a line that is no capture is left out.

        Args:
            since: Beginning of the time span.
            until: End of the time span, not in it.
        """
        found: dict[str, Captured] = {}

        def take(line: bytes) -> None:
            request = read_line(line, self._form, self._form.inputs)
            if request is not None and since <= request.at < until:
                found[request.key] = request

        HourlyFiles(self._s3, self._place, since, take).look(until)
        return found
