"""Policies and texts that several cases need."""

from __future__ import annotations

import json
from typing import Any


def trust(service: str) -> str:
    """A trust policy for a service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(actions: list[str], resources: list[str], **more: object) -> str:
    """A policy with one statement."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def joined(*parts: Any) -> Any:
    """Texts and outputs, one after the other."""
    import pulumi  # noqa: PLC0415 - only programs declare

    return pulumi.Output.concat(*parts)
