"""Condition keys of a request's own content that ministack does not give to policies."""

from __future__ import annotations

import functools
import json
from typing import Any

Context = dict[str, Any]


def tell_namespaces(actions: Any) -> None:  # noqa: ANN401 - ministack is not typed
    """Lets policies ask for the namespace that metrics are published to.

    Key: "Actions, resources, and condition keys for Amazon CloudWatch", Service Authorization Reference.

    Args:
        actions: ministack's module that reads requests for its evaluator.
    """
    told = actions.request_tag_context

    @functools.wraps(told)
    def request_tag_context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> Context:
        context: Context = told(service, iam_action, body, params)
        if iam_action != "cloudwatch:PutMetricData":
            return context
        namespace = _namespace(body, params)
        return context if namespace is None else {**context, "cloudwatch:namespace": namespace}

    actions.request_tag_context = request_tag_context


def _namespace(body: bytes, params: dict[str, Any]) -> str | None:
    """The namespace of a request in JSON or of a query; None where it names none."""
    if not body.startswith(b"{"):
        found = params.get("Namespace")
        return found[0] if isinstance(found, list) and found else found if isinstance(found, str) else None
    try:
        content = json.loads(body)
    except ValueError:
        return None  # the service itself refuses it
    return str(content["Namespace"]) if "Namespace" in content else None
