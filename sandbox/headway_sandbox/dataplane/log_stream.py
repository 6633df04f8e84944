"""Carries the output of a model server to CloudWatch Logs, where SageMaker puts it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from headway_sandbox.sagemaker.aws import LoopbackAws

_MAX_LINE_CHARACTERS = 60_000
_MAX_BATCH = 500
_KEPT_LINES = 5_000


def group_name(endpoint: str) -> str:
    """The log group of an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


class LogStream:
    """One log stream.

    Args:
        aws: Access to the sandbox's CloudWatch Logs.
        group: Log group; created when the first line is published.
        stream: Log stream; likewise.
        clock: Seconds since the epoch.
        notify: Called when there is something to publish.
    """

    def __init__(
        self,
        aws: LoopbackAws,
        group: str,
        stream: str,
        clock: Callable[[], float],
        notify: Callable[[], None],
    ) -> None:
        self.group = group
        self.stream = stream
        self.last_line = ""
        self._aws = aws
        self._clock = clock
        self._notify = notify
        self._created = False
        self._lock = threading.Lock()
        self._lines: deque[dict[str, Any]] = deque(maxlen=_KEPT_LINES)  # a flood drops its oldest lines

    def write(self, line: str) -> None:
        """Adds one line; blank lines are left out, as CloudWatch refuses them."""
        text = line.rstrip()[:_MAX_LINE_CHARACTERS]
        if text:
            self.last_line = text
            self._lines.append({"timestamp": round(self._clock() * 1000), "message": text})
            self._notify()

    def flush(self) -> None:
        """Publishes what has gathered. Blocks: call it in a worker thread."""
        with self._lock:
            while self._lines:
                batch = [self._lines.popleft() for _ in range(min(_MAX_BATCH, len(self._lines)))]
                logs = self._aws.client("logs")
                if not self._created:
                    self._create(logs)
                logs.put_log_events(logGroupName=self.group, logStreamName=self.stream, logEvents=batch)

    def _create(self, logs: Any) -> None:  # noqa: ANN401 - a boto3 client
        for create, names in (
            (logs.create_log_group, {"logGroupName": self.group}),
            (logs.create_log_stream, {"logGroupName": self.group, "logStreamName": self.stream}),
        ):
            try:
                create(**names)
            except logs.exceptions.ResourceAlreadyExistsException:
                continue
        self._created = True
