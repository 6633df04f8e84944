"""Faults on demand: what fails, how, and for how many calls; one control for tests and people.

A fault is a JSON document (see `headway_sandbox.fault_rules`), kept in memory for speed and in the state
directory so that it outlives a restart. Which calls a rate meets depends on the fault's seed and the number
of the call alone, so a rehearsal can be repeated.
"""

from __future__ import annotations

import builtins
import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from headway_sandbox.fault_rules import ANY, Document, FaultError, checked
from headway_sandbox.sagemaker.store import Store

__all__ = ["ApiFault", "FaultError", "Faults", "WorkerFault"]

_KIND = "fault"
_THROTTLE = "throttle"


@dataclass(frozen=True)
class WorkerFault:
    """How a variant's model servers misbehave.

    Attributes:
        delay_s: Seconds that every answer comes late.
        error_rate: Share of calls that are answered with an error.
        wrong_rate: Share of calls that are answered wrongly.
        crash_rate: Share of calls at which the model server's process is killed.
        silent_rate: Share of calls that are never answered.
        body_has: Text that a request's body must contain; empty for every request.
    """

    delay_s: float
    error_rate: float
    wrong_rate: float
    crash_rate: float
    silent_rate: float
    body_has: str = ""


@dataclass(frozen=True)
class ApiFault:
    """What happens to one API call.

    Attributes:
        delay_s: Seconds before anything else.
        code: Error that is answered instead; None lets the call through.
        message: Its message; None for the usual one.
        status: HTTP status of the error; None for the usual one.
        throttled: Whether the error is the one with which this service throttles.
    """

    delay_s: float
    code: str | None
    message: str | None
    status: int | None
    throttled: bool


class Faults:
    """The faults of one sandbox.

    Args:
        store: Where they outlive a restart.
        clock: Seconds since 1970, by which faults with ``for_s`` end.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._documents: dict[str, Document] = {}
        self._next = 1
        for document in store.list(_KIND):
            self._documents[document["id"]] = document
            self._next = max(self._next, int(document["id"].removeprefix("fault-")) + 1)

    @property
    def touches_api(self) -> bool:
        """Whether any fault is about API calls; without one, nobody has to look what a request asks for."""
        return any(document["kind"] == "api" and not _used_up(document) for document in self._lasting())

    def add(self, request: object) -> Document:
        """Adds a fault.

        Args:
            request: ``kind`` and members as `headway_sandbox.fault_rules.KINDS` lists them.

        Returns:
            The fault with its ``id``.

        Raises:
            FaultError: If it is not a possible fault.
        """
        document = checked(request)
        with self._lock:
            document = {"id": f"fault-{self._next}", **document, "seen": 0, "met": 0}
            if "for_s" in document:
                document["ends_at"] = self._clock() + document["for_s"]
            self._next += 1
            self._keep(document)
        return dict(document)

    def list(self) -> list[Document]:
        """Every fault, oldest first, with how many calls it has seen and met."""
        return [dict(document) for document in self._lasting()]

    def clear(self, identifier: str | None = None) -> int:
        """Ends one fault, or all of them; returns how many there were."""
        with self._lock:
            named = list(self._documents) if identifier is None else [identifier]
            ended = [name for name in named if self._documents.pop(name, None) is not None]
            for name in ended:
                self._store.delete(_KIND, name)
        return len(ended)

    def worker(self, endpoint: str, variant: str) -> WorkerFault | None:
        """How a variant's model servers misbehave now, by the newest fault that fits; None if they do not."""
        for document in reversed(self._lasting()):
            if document["kind"] == "worker" and _fits(document, endpoint=endpoint, variant=variant):
                rates = [name for name in WorkerFault.__annotations__ if name != "body_has"]
                # A fault that an older sandbox kept has no such member.
                body_has = str(document.get("body_has", ""))
                return WorkerFault(**{name: float(document[name]) for name in rates}, body_has=body_has)
        return None

    def capacity(self, instance_type: str) -> bool:
        """Whether there is capacity for an instance of a type; asking uses up a fault with ``times``."""
        for document in self._lasting():
            if document["kind"] == "capacity" and _fits(document, instance_type=instance_type):
                return not self._met(document)
        return True

    def api(self, service: str, operation: str) -> ApiFault | None:
        """What happens to this call of an operation; asking counts as the call."""
        for document in self._lasting():
            if (
                document["kind"] == "api"
                and _fits(document, service=service, operation=operation)
                and self._met(document)
            ):
                code = document.get("error")
                return ApiFault(
                    delay_s=float(document["delay_s"]),
                    code=code,
                    message=document.get("message"),
                    status=document.get("status"),
                    throttled=code == _THROTTLE,
                )
        return None

    def _lasting(self) -> builtins.list[Document]:
        """Faults that are not over; those whose time is over end here."""
        documents = builtins.list(self._documents.values())
        over = [
            document["id"] for document in documents if document.get("ends_at", math.inf) <= self._clock()
        ]
        for identifier in over:
            self.clear(identifier)
        return [document for document in documents if document["id"] not in over]

    def _met(self, document: Document) -> bool:
        with self._lock:
            number, met = document["seen"], document["met"]
            if document["id"] not in self._documents or _used_up(document):
                return False
            # The text keeps draws of neighbouring calls apart, which seeds that are sums would not.
            draw = random.Random(f"{document.get('seed', 0)}:{number}").random()  # noqa: S311 - a rehearsal
            meets = bool(draw < document.get("rate", 1.0))
            document.update(seen=number + 1, met=met + meets)
            self._keep(document)
            return meets

    def _keep(self, document: Document) -> None:
        self._documents[document["id"]] = document
        self._store.put(_KIND, document["id"], document)


def _used_up(document: Document) -> bool:
    return "times" in document and document["met"] >= document["times"]


def _fits(document: Document, **names: str) -> bool:
    return all(document[member] in (ANY, name) for member, name in names.items())
