"""Users who ask an endpoint all the time, at a steady rate, and remember who failed them."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

from support.signed import SIGNED

CALLERS = 6
MODEL_ERROR = 424
TIMEOUT_S = 70.0
"""Longer than SageMaker waits for a model."""
_VARIANT = "x-Amzn-Invoked-Production-Variant"
HEADERS = {"Content-Type": "text/csv", "Accept": "text/csv", **SIGNED}
"""What a user sends along with a row."""


@dataclass
class Callers:
    """What users saw since the last time that somebody asked.

    Attributes:
        answered: Answers, by the variant that gave them.
        refused: What a model itself answered as an error, by its own words.
        failed: Everything else that went wrong: what the machinery owes an explanation for.
    """

    answered: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


class Crowd:
    """Users that ask one endpoint.

    Args:
        port: The sandbox's port.
        endpoint: Name of the endpoint.
        values: What the rows end with that they ask about, in turn; each begins with its running number.
        per_s: Requests a second; fewer where the endpoint answers more slowly.
    """

    def __init__(self, port: int, endpoint: str, values: Sequence[str], per_s: float) -> None:
        self._port, self._path = port, f"/endpoints/{endpoint}/invocations"
        self._rows = (f"{number},{value}" for number, value in enumerate(cycle(values)))
        self._pause_s = CALLERS / per_s
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._seen = Callers()

    def seen(self) -> Callers:
        """What they have seen since this was asked last."""
        with self._lock:
            seen, self._seen = self._seen, Callers()
        return seen

    @contextmanager
    def asking(self) -> Iterator["Crowd"]:
        """They ask meanwhile."""
        threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)
        # They begin one after the other, so that they do not ask all at the same moment.
        due = time.monotonic() + number * self._pause_s / CALLERS
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            with self._lock:
                row = next(self._rows)
            # Whoever is late asks again at once but never catches up, so the rate is never exceeded.
            due = max(due + self._pause_s, time.monotonic())
            try:
                connection.request("POST", self._path, row, HEADERS)
                response = connection.getresponse()
                self._note(response.status, response.headers.get(_VARIANT, ""), response.read())
            except (OSError, http.client.HTTPException) as error:
                with self._lock:
                    self._seen.failed.append(repr(error))
                connection.close()
        connection.close()

    def _note(self, status: int, variant: str, body: bytes) -> None:
        with self._lock:
            if status == 200:
                self._seen.answered[variant] += 1
                return
            by_the_model = _words_of_the_model(status, body)
            if by_the_model is None:
                self._seen.failed.append(f"{status}: {body.decode('utf-8', 'replace')}")
            else:
                self._seen.refused[by_the_model] += 1


def _words_of_the_model(status: int, body: bytes) -> str | None:
    """What a model said that answered with an error; None where the error is not its own."""
    return str(json.loads(body)["OriginalMessage"]) if status == MODEL_ERROR else None
