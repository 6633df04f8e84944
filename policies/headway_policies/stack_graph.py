"""A stack as a graph: which resource refers to which. Pure.

An edge is found by what the engine says a property is made of, and by equal values: before the update a key's
ARN is not known, yet the property that takes it is known to be made of that key; in an exported state the ARN
itself is there.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

from headway_policies.resource import UNKNOWN, NotKnownError, Resource

IDENTITIES = ("arn", "id", "name", "keyId", "url", "urn")
_PARTS = ("", "Name", "Arn", "Id")
"""What identifies a resource is named after its type, too: `pipelineName` of a Pipeline, `bucket` of one."""


@dataclass(frozen=True)
class Stack:
    """All resources of one stack, for rules about how they hang together."""

    resources: tuple[Resource, ...]
    _referring: dict[tuple[str, str], dict[int, tuple[Resource, ...]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        """The resources of the given types, in the order of declaration."""
        present = [type_ for type_ in dict.fromkeys(types) if type_ in self._by_type]
        if len(present) < 2:
            return self._by_type[present[0]] if present else ()
        return tuple(resource for resource in self.resources if resource.type in present)

    @cached_property
    def types(self) -> frozenset[str]:
        """The types that the stack holds resources of."""
        return frozenset(self._by_type)

    def by_urn(self, urn: str) -> Resource | None:
        """The resource with a URN, None where the stack holds none."""
        return self._by_urn.get(urn)

    def referenced(self, resource: Resource, path: str, *types: str) -> tuple[Resource, ...]:
        """The resources of this stack that the value at a path names.

        A known value names the resources whose ARN, id, name or URL it is, or holds, as `s3://bucket/prefix`
        holds a bucket. A value that is not known yet names those that the property is made of. Nothing is
        guessed: an unknown value that is made of nothing in this stack gives an empty answer.

        Args:
            resource: Whose property it is.
            path: The property; `[*]` stands for all elements of a list.
            types: Only these types; all where they are left out. Several types may share one name,
                so name the type that is looked for.
        """
        found: dict[int, Resource] = {}
        for each in self._paths(resource, path):
            for target in self._named(resource, each):
                if target is not resource and (not types or target.type in types):
                    found[id(target)] = target
        return tuple(found.values())

    def referring(self, target: Resource, type_: str, path: str) -> tuple[Resource, ...]:
        """The resources of a type whose value at a path names a resource.

        Args:
            target: The resource that is named.
            type_: The type token of those that name it.
            path: Their property; `[*]` stands for all elements of a list.
        """
        key = (type_, path)
        if key not in self._referring:
            found: dict[int, list[Resource]] = defaultdict(list)
            for resource in self.of_type(type_):
                for named in self.referenced(resource, path):
                    found[id(named)].append(resource)
            self._referring[key] = {name: tuple(items) for name, items in found.items()}
        return self._referring[key].get(id(target), ())

    def made_of(self, resource: Resource, *properties: str) -> tuple[Resource, ...]:
        """The resources whose outputs a resource's properties are made of, as the engine tells.

        Args:
            resource: The resource.
            properties: Top-level properties; all where they are left out.
        """
        names = properties or tuple(resource.references)
        urns = dict.fromkeys(
            urn for name in names for urn in sorted(resource.references.get(name, frozenset()))
        )
        return tuple(found for urn in urns if (found := self.by_urn(urn)) is not None)

    def children(self, resource: Resource) -> tuple[Resource, ...]:
        """The resources whose parent it is."""
        return tuple(item for item in self.resources if item.parent and item.parent == resource.urn)

    def _paths(self, resource: Resource, path: str) -> tuple[str, ...]:
        try:
            return resource.expand(path)
        except NotKnownError as error:
            return (error.path,)

    def _named(self, resource: Resource, path: str) -> Iterator[Resource]:
        value = resource.value(path)
        made_of = self.made_of(resource, path.split(".", 1)[0].split("[", 1)[0])
        if value is UNKNOWN:
            yield from made_of
        elif isinstance(value, str) and value:
            yield from self._by_identity.get(value, ())
            for source in made_of:
                if any(name in value for name in identities(source)):
                    yield source
        elif isinstance(value, list | tuple):
            for position in range(len(value)):
                yield from self._named(resource, f"{path}[{position}]")

    @cached_property
    def _by_type(self) -> Mapping[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = defaultdict(list)
        for resource in self.resources:
            found[resource.type].append(resource)
        return {type_: tuple(resources) for type_, resources in found.items()}

    @cached_property
    def _by_urn(self) -> Mapping[str, Resource]:
        return {resource.urn: resource for resource in self.resources if resource.urn}

    @cached_property
    def _by_identity(self) -> Mapping[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = defaultdict(list)
        for resource in self.resources:
            for identity in dict.fromkeys(identities(resource)):
                found[identity].append(resource)
        return {identity: tuple(resources) for identity, resources in found.items()}


def identities(resource: Resource) -> tuple[str, ...]:
    """The known values that name a resource: its ARN, id, name, URL and what is named after its type."""
    values = (resource.properties.get(name) for name in identity_names(resource.type))
    return tuple(value for value in values if isinstance(value, str) and value)


@cache
def identity_names(type_: str) -> frozenset[str]:
    """The properties that name a resource of a type."""
    kind = type_.rsplit(":", 1)[-1].removesuffix("V2")
    own = kind[:1].lower() + kind[1:]
    return frozenset((*IDENTITIES, *(own + part for part in _PARTS)))
