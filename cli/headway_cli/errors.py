"""Errors for people: one sentence that says what is wrong and what to do, and an exit code."""


class HeadwayError(Exception):
    """Something was refused or failed. The message is for a person."""

    exit_code = 1


class WrongUseError(HeadwayError):
    """The command was called in a way that cannot work."""

    exit_code = 2


class NeedsPersonError(HeadwayError):
    """A person has to decide before this can go on."""

    exit_code = 3
