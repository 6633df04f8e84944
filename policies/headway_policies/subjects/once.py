"""What is found in a stack once, though it is asked for again for each resource."""

from collections.abc import Callable
from typing import TypeVar

from headway_policies.stack_graph import Stack

Found = TypeVar("Found")
_NAME = "_found_by_rules"


def once(stack: Stack, key: object, find: Callable[[], Found]) -> Found:
    """What `find` answers, which is asked once for each stack and key.

    Args:
        stack: The stack; the answers live as long as it does.
        key: What the answer is called; the same key must stand for the same question.
        find: Finds it.
    """
    # As functools.cached_property does, beside the fields of the frozen stack.
    found: dict[object, object] = vars(stack).setdefault(_NAME, {})
    if key not in found:
        found[key] = find()
    return found[key]  # type: ignore[return-value] # the key stands for one question
