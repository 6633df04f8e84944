"""What is found in a stack or a resource once, though many rules ask for it."""

from collections.abc import Callable
from typing import TypeVar

from headway_policies.resource import Resource
from headway_policies.stack_graph import Stack

Found = TypeVar("Found")
_NAME = "_found_by_rules"


def once(holder: Stack | Resource, key: object, find: Callable[[], Found]) -> Found:
    """What `find` answers, which is asked once for each holder and key.

    Args:
        holder: The stack or resource; the answers live as long as it does.
        key: What the answer is called; the same key must stand for the same question.
        find: Finds it.
    """
    # As functools.cached_property does, beside the fields of the frozen holder.
    found: dict[object, object] = vars(holder).setdefault(_NAME, {})
    if key not in found:
        found[key] = find()
    return found[key]  # type: ignore[return-value] # the key stands for one question
