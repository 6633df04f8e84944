"""Edges that are found by what a value is made of, where the value itself names nothing in the stack."""

from headway_policies.resource import Resource
from headway_policies.stack_graph import Stack
from headway_policies.subjects.values import type_of


def naming(stack: Stack, target: Resource, type_: str, path: str) -> tuple[Resource, ...]:
    """The resources of a type whose value at a path names a resource.

    A value that is known and names nothing in the stack, such as an id that a program computes, counts where
    it is made of this resource and of no other of its type.

    Args:
        stack: The stack.
        target: The resource that is named.
        type_: The type token of those that name it.
        path: Their property.
    """
    found = stack.referring(target, type_, path)
    if found:
        return found
    root = path.replace("[", ".").partition(".")[0]
    return tuple(
        resource
        for resource in stack.of_type(type_)
        if [urn for urn in resource.references.get(root, ()) if type_of(urn) == target.type] == [target.urn]
        and not stack.referenced(resource, path, target.type)
    )
