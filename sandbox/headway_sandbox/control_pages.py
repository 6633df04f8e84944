"""The sandbox's own pages under ``/_headway/``: health, reset, faults and the end of it all.

They are for tests and people on this machine; nothing of AWS is here.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from headway_sandbox.api_faults import require_operation
from headway_sandbox.fault_rules import FaultError
from headway_sandbox.faults import Faults

Document = dict[str, Any]
Page = tuple[int, Document]

PREFIX = "/_headway/"
HEALTH_PATH = "/_headway/health"
RESET_PATH = "/_headway/reset"
FAULTS_PATH = "/_headway/faults"
KILL_PATH = "/_headway/kill"
# A reset of ministack alone would leave SageMaker's half of the state behind.
MINISTACK_RESET_PATH = "/_ministack/reset"
OWN_PAGES = (PREFIX, MINISTACK_RESET_PATH)
BODY_LIMIT = 1_000_000


class PageError(Exception):
    """A request to one of these pages that cannot be carried out; the message says what to do."""


class ControlPages:
    """The pages of one sandbox.

    Args:
        faults: Its faults.
        reset: Empties it.

    Attributes:
        interrupted: ARNs of what the last run of the sandbox ended in the middle of.
    """

    def __init__(self, faults: Faults, reset: Callable[[], Awaitable[None]]) -> None:
        self.interrupted: list[str] = []
        self._faults = faults
        self._reset = reset
        self._pages: dict[tuple[str, str], Callable[[bytes], Awaitable[Document]]] = {
            ("GET", HEALTH_PATH): self._health,
            ("POST", RESET_PATH): self._emptied,
            ("POST", MINISTACK_RESET_PATH): self._emptied,
            ("GET", FAULTS_PATH): self._list_faults,
            ("POST", FAULTS_PATH): self._add_fault,
            ("DELETE", FAULTS_PATH): self._clear_faults,
            ("POST", KILL_PATH): self._kill,
        }

    def add(self, method: str, path: str, page: Callable[[Document], Awaitable[Document]]) -> None:
        """Adds a page that gets the request's JSON object and gives the answer's.

        Args:
            method: HTTP method.
            path: Its whole path.
            page: Raises `PageError` for what it cannot do.
        """

        async def answer(body: bytes) -> Document:
            request = _json(body)
            if not isinstance(request, dict):
                raise PageError(f"The body must be a JSON object, not {type(request).__name__}.")
            return await page(request)

        self._pages[method, path] = answer

    async def answer(self, method: str, path: str, body: bytes) -> Page:
        """Status and document of a page.

        Args:
            method: HTTP method.
            path: The request's path.
            body: Its body.
        """
        identifier = path.removeprefix(f"{FAULTS_PATH}/")
        try:
            if method == "DELETE" and identifier != path:
                return 200, self._clear_fault(identifier)
            page = self._pages.get((method, path))
            if page is None:
                return 404, {
                    "status": "not found",
                    "message": f"The sandbox has no page {method} {path}.",
                }
            return 200, await page(body)
        except (FaultError, PageError) as error:
            return 400, {"status": "refused", "message": str(error)}

    async def _health(self, _body: bytes) -> Document:
        return {"status": "ok", "pid": os.getpid(), "interrupted": self.interrupted}

    async def _emptied(self, _body: bytes) -> Document:
        await self._reset()
        return {"status": "reset"}

    async def _list_faults(self, _body: bytes) -> Document:
        return {"faults": self._faults.list()}

    async def _add_fault(self, body: bytes) -> Document:
        request = _json(body)
        require_operation(request)
        return {"fault": self._faults.add(request)}

    async def _clear_faults(self, _body: bytes) -> Document:
        return {"cleared": self._faults.clear()}

    def _clear_fault(self, identifier: str) -> Document:
        if not self._faults.clear(identifier):
            known = ", ".join(fault["id"] for fault in self._faults.list()) or "none"
            raise PageError(f"There is no fault {identifier!r}; there are: {known}.")
        return {"cleared": 1}

    async def _kill(self, _body: bytes) -> Document:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("a killed process goes on")


def _json(body: bytes) -> object:
    if len(body) > BODY_LIMIT:
        raise PageError(f"The body has {len(body)} bytes; {BODY_LIMIT} are allowed.")
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise PageError(f"The body is not JSON: {error}.") from error
