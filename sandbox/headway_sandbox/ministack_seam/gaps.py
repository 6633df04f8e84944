"""Small things that ministack lacks: changed keys of log groups, an audit trail that outlives a restart."""

from __future__ import annotations

import datetime
import decimal
import functools
import importlib
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from headway_sandbox.ministack_seam.parameters import Answer

Document = dict[str, Any]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]

_TRAIL = "recorded"
_OF_QUERIES = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID)
_JSON = {"Content-Type": "application/x-amz-json-1.1"}


def with_log_group_keys(handler: Handler) -> Handler:
    """CloudWatch Logs with AssociateKmsKey and DisassociateKmsKey.

    Args:
        handler: ministack's handler of the service.
    """

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation not in ("AssociateKmsKey", "DisassociateKmsKey"):
            return await handler(method, path, headers, body, query)
        request: Document = json.loads(body or b"{}")
        logs = importlib.import_module("ministack.services.cloudwatch_logs")
        named = request.get("logGroupName") or str(request.get("resourceIdentifier", ""))
        group = logs._log_groups.get(named.partition(":log-group:")[2] or named)  # noqa: SLF001
        if group is None:
            error = {
                "__type": "ResourceNotFoundException",
                "message": "The specified log group does not exist.",
            }
            return 400, dict(_JSON), json.dumps(error).encode()
        group["kmsKeyId"] = request.get("kmsKeyId") if operation == "AssociateKmsKey" else None
        return 200, dict(_JSON), b""

    return handle


def with_query_results(default: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Lets the results of Athena's queries be saved; ministack keeps times and decimals as Python has them.

    Args:
        default: What makes JSON of ministack's own values.
    """

    def plain(value: Any) -> Any:  # noqa: ANN401 - any value of a query
        # As the answer of a query would say it.
        return str(value) if isinstance(value, _OF_QUERIES) else default(value)

    return plain


def keep_audit_trail(cloudtrail: Any) -> None:  # noqa: ANN401 - ministack is not typed
    """Lets what CloudTrail has recorded outlive a restart; ministack forgets it.

    Args:
        cloudtrail: ministack's module.
    """
    get_state, load_state = cloudtrail.get_state, cloudtrail.load_persisted_state

    @functools.wraps(get_state)
    def get_state_with_events() -> Document:
        return {**get_state(), _TRAIL: list(cloudtrail._events.get("events") or ())}  # noqa: SLF001

    @functools.wraps(load_state)
    def load_state_with_events(data: Document) -> None:
        load_state(data)
        if isinstance(data, dict):
            cloudtrail._get_event_queue().extend(data.get(_TRAIL, ()))  # noqa: SLF001

    cloudtrail.get_state = get_state_with_events
    cloudtrail.load_persisted_state = load_state_with_events
