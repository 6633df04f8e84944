"""Which steps of a pipeline start next, and which never will: a pure function of what has happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from headway_sandbox.sagemaker.pipelines.definition import Definition


class State(Enum):
    """Where a step is."""

    WAITING = "Waiting"
    EXECUTING = "Executing"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPED = "Stopped"
    SKIPPED = "Skipped"


@dataclass(frozen=True)
class Plan:
    """What comes next.

    Attributes:
        start: Steps to start now.
        skip: Steps that no longer can run, because their branch was not taken.
    """

    start: tuple[str, ...]
    skip: tuple[str, ...]


def next_steps(
    definition: Definition, states: Mapping[str, State], outcomes: Mapping[str, bool], *, at_most: int
) -> Plan:
    """Decides what comes next.

    Nothing starts any more once a step has failed or was stopped; what runs may end.

    Args:
        definition: The pipeline.
        states: State of every step.
        outcomes: What the Condition steps decided that have succeeded.
        at_most: How many steps may execute at once.
    """
    known = dict(states)
    skipped: list[str] = []
    changed = True
    while changed:
        changed = False
        for name, step in definition.steps.items():
            off_branch = (
                step.branch is not None
                and step.branch.condition in outcomes
                and outcomes[step.branch.condition] != step.branch.when
            )
            cut_off = any(known[other] is State.SKIPPED for other in step.depends_on)
            if known[name] is State.WAITING and (off_branch or cut_off):
                known[name] = State.SKIPPED
                skipped.append(name)
                changed = True
    if any(state in (State.FAILED, State.STOPPED) for state in known.values()):
        return Plan((), tuple(skipped))
    free = at_most - sum(state is State.EXECUTING for state in known.values())
    ready = [
        name
        for name, step in definition.steps.items()
        if known[name] is State.WAITING and all(known[other] is State.SUCCEEDED for other in step.depends_on)
    ]
    return Plan(tuple(ready[: max(0, free)]), tuple(skipped))
