"""Which state of the stack the configuration `phase` asks for, and texts that several modules need.

`first` creates, `changed` changes what AWS can change in place, `replaced` what it cannot.
"""

import json

import pulumi

_PHASES = {"first": 1, "changed": 2, "replaced": 2}

config = pulumi.Config()
phase = config.require("phase")
changed, replaced = phase != "first", phase == "replaced"
number = _PHASES[phase]


def trust(service: str) -> str:
    """A trust policy for a service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(actions: list[str], resources: list[str], **more: object) -> str:
    """A policy with one statement."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
