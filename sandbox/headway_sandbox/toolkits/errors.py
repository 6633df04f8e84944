"""The error with which a toolkit ends: a mistake in what it was given, said without a traceback."""

from __future__ import annotations


class ToolkitError(Exception):
    """The message says what is wrong and what to do."""
