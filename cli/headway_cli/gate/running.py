"""Runs the gate for the command line: judges, writes, prints, and answers the exit code."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from headway_cli.errors import WrongUseError
from headway_cli.gate import judging
from headway_cli.gate.output import EXIT_CODES, Format, Judged, rendered, worst, write_all

STATE_OPTIONS: Final[Mapping[str, str]] = {
    "--state": "state",
    "--format": "form",
    "--out": "out",
    "--base": "base",
    "--previous": "previous",
    "--config-file": "config_file",
    "--policy-pack-config": "policy_config",
    "--policies": "policies",
}
"""The options with which a state is judged, and the argument of `run_gate` that each one is."""

_TEXTS: Final = frozenset({"form", "base"})


def run_gate(
    *,
    stack: list[str] | None = None,
    state: Path | None = None,
    form: str = Format.MARKDOWN,
    out: Path | None = None,
    base: str | None = None,
    previous: Path | None = None,
    config_file: Path | None = None,
    policy_config: Path | None = None,
    policies: Path | None = None,
) -> int:
    """Judges what was asked for and prints the report; answers the exit code of the lane.

    Raises:
        HeadwayError: A plan failed, or the gate's own files cannot be taken as they are.
        WrongUseError: What was asked for cannot be.
    """
    if state is not None and stack:
        raise WrongUseError("--state judges a file and --stack plans a stack; choose one of them")
    request = judging.Request(
        policies=policies,
        policy_config=policy_config,
        base=base,
        previous=previous,
        today=datetime.now(UTC).date(),
    )
    if state is not None:
        judged: list[Judged] = [judging.judge_state(request, state, config_file)]
    elif config_file is not None:
        raise WrongUseError("--config-file belongs to --state; a stack's own settings are read with --stack")
    else:
        judged = judging.judge_stacks(request, stack or [])
    if out is not None:
        write_all(judged, out)
    sys.stdout.write(rendered(judged, Format(form)))
    return EXIT_CODES[worst(judged)]


def plain_state_arguments(words: Sequence[str]) -> dict[str, str | Path] | None:
    """The arguments of `run_gate` where the words judge a state in the plain way, else None.

    The command line's own parser takes longer to load than 500 resources take to be judged, so the plain form
    that CI uses goes without it. Whatever is not plain, wrong use too, is left to that parser.

    Args:
        words: What follows `headway gate`.
    """
    if len(words) % 2 or "--state" not in words[::2]:
        return None
    found: dict[str, str | Path] = {}
    for option, value in zip(words[::2], words[1::2], strict=True):
        name = STATE_OPTIONS.get(option)
        if name is None or name in found or value.startswith("-"):
            return None
        found[name] = value if name in _TEXTS else Path(value)
    if found.get("form", Format.MARKDOWN) not in set(Format):
        return None
    return found
