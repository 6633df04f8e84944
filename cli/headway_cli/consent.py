"""Asks a person before anything outside the sandbox changes."""

import sys

import typer

from headway_cli.errors import HeadwayError, NeedsPersonError
from headway_cli.project import LOCAL_STACK


def require_consent(stack: str, what: str, *, yes: bool) -> None:
    """Goes on only with a yes; the sandbox needs none, because nothing in it is shared or lasting.

    Args:
        stack: The stack that would change.
        what: What would be done, for the question.
        yes: Whether the person has said yes on the command line.

    Raises:
        HeadwayError: The person said no.
        NeedsPersonError: Nobody is there to ask.
    """
    if yes or stack == LOCAL_STACK:
        return
    if not sys.stdin.isatty():
        raise NeedsPersonError(f"a person has to agree to {what}; run it in a terminal, or pass --yes")
    if not typer.confirm(f"Do you want to {what}?", err=True):
        raise HeadwayError(f"nothing was changed: you did not agree to {what}")
