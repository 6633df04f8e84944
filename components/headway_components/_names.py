"""Physical names that are needed ahead, or that say what they name."""

from collections.abc import Mapping
from typing import Any

import pulumi

from headway_components._text import with_outputs
from headway_runtime.contract import digest

DIGEST_CHARACTERS = 12
LONGEST_NOUN = len("-model-")
MAXIMUM_PREFIX_CHARACTERS = 63 - LONGEST_NOUN - DIGEST_CHARACTERS
"""SageMaker's names have 63 characters; the longest of ours is the prefix, a noun and a digest."""


def prefix_of(system: str) -> str:
    """`<system>-<stack>`, the beginning of every name of a system that must be known ahead."""
    return f"{system}-{pulumi.get_stack()}"


def short(text: str) -> str:
    """The first characters of a `sha256:` digest, enough to tell the versions of one thing apart."""
    return text.removeprefix("sha256:")[:DIGEST_CHARACTERS]


def named_by_content(prefix: str, noun: str, content: Mapping[str, Any]) -> pulumi.Input[str]:
    """`<prefix>-<noun>-<digest>`: a name that changes exactly when the content does.

    Args:
        prefix: `<system>-<stack>`.
        noun: What is named.
        content: Everything that makes one version differ from the next; it may hold Outputs.
    """
    return with_outputs(content, lambda known: f"{prefix}-{noun}-{short(digest(known))}")
