"""The error that the engine raises for a person."""


class EngineError(Exception):
    """The Pulumi engine cannot be had or used; the message says why and what to do."""
