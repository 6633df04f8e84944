"""SSM parameters: their changes put on the event bus, which ministack does not do."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Document = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
PutEvent = Callable[[str, str, Document, Sequence[str]], None]

_OPERATION_OF: Mapping[str, Callable[[Document], str]] = {
    "_put_parameter": lambda answer: "Create" if answer.get("Version") == 1 else "Update",
    "_delete_parameter": lambda _answer: "Delete",
    "_delete_parameters": lambda _answer: "Delete",
    "_label_parameter_version": lambda _answer: "LabelParameterVersion",
}


def watch_parameters(ssm: Any, put_event: PutEvent) -> None:  # noqa: ANN401 - ministack is not typed
    """Puts ``Parameter Store Change`` on the bus when a parameter is written, labelled or deleted.

    Args:
        ssm: ministack's module.
        put_event: Puts an event on the default bus.
    """
    for name, operation_of in _OPERATION_OF.items():
        setattr(ssm, name, _publishing(ssm, getattr(ssm, name), operation_of, put_event))


def _publishing(
    ssm: Any,  # noqa: ANN401
    function: Callable[[Document], Answer],
    operation_of: Callable[[Document], str],
    put_event: PutEvent,
) -> Callable[[Document], Answer]:
    @functools.wraps(function)
    def change_and_publish(request: Document) -> Answer:
        named = request.get("Names", [request.get("Name")])
        before = {name: ssm._parameters.get(name) for name in named if isinstance(name, str)}  # noqa: SLF001
        status, headers, body = function(request)
        if status < 400:
            answer = json.loads(body)
            for name in answer.get("DeletedParameters", before):
                record = ssm._parameters.get(name) or before.get(name)  # noqa: SLF001
                if record is not None:
                    detail = {
                        "operation": operation_of(answer),
                        "name": record["Name"],
                        "type": record["Type"],
                        "description": record.get("Description", ""),
                    }
                    put_event("aws.ssm", "Parameter Store Change", detail, [record["ARN"]])
        return status, headers, body

    return change_and_publish
