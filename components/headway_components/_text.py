"""Texts of known and of later known parts, put together once.

Pulumi's own `json_dumps` makes an Output of every value in a document. Here only the Outputs that are in it
are awaited, and a text without any is plain, so it is known at preview.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pulumi


def json_text(document: object) -> pulumi.Input[str]:
    """The JSON text of a document with sorted keys.

    Args:
        document: JSON values, with Outputs among them or not.
    """
    return with_outputs(document, lambda known: json.dumps(known, sort_keys=True))


def with_outputs(document: object, then: Callable[[Any], str]) -> pulumi.Input[str]:
    """A text made from a document once everything in it is known.

    Args:
        document: JSON values, with Outputs among them or not.
        then: Makes the text from the document with every Output replaced by its value.
    """
    outputs: list[pulumi.Output[Any]] = []
    _collect(document, outputs)
    if not outputs:
        return then(document)
    return pulumi.Output.all(*outputs).apply(lambda values: then(_filled(document, iter(values))))


def suffixed(text: pulumi.Input[str], suffix: str) -> pulumi.Input[str]:
    """A text with something after it."""
    if isinstance(text, pulumi.Output):
        return text.apply(lambda known: f"{known}{suffix}")
    return text + suffix if isinstance(text, str) else pulumi.Output.concat(text, suffix)


def _collect(value: object, outputs: list[pulumi.Output[Any]]) -> None:
    if isinstance(value, pulumi.Output):
        outputs.append(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            _collect(item, outputs)
    elif isinstance(value, list | tuple):
        for item in value:
            _collect(item, outputs)


def _filled(value: object, values: Any) -> object:  # noqa: ANN401 - an iterator of anything
    """The document with each Output replaced by the next value, in the order in which they were collected."""
    if isinstance(value, pulumi.Output):
        return next(values)
    if isinstance(value, Mapping):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, values) for item in value]
    return value
