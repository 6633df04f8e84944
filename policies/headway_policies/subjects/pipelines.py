"""The steps of a SageMaker pipeline, read from its definition.

Source: "SageMaker Pipelines JSON schema", version 2020-12-01. The arguments of a step are the request of the
API that it calls, so they are read in the spelling of the resource that declares the same job.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headway_policies.resource import UNKNOWN, NotJsonError, NotKnownError, Resource
from headway_policies.subjects.native import OPEN_MAPS, lowered
from headway_policies.subjects.once import once

PIPELINE = "aws:sagemaker/pipeline:Pipeline"
DEFINITION = "pipelineDefinition"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step.

    Args:
        name: Its name.
        type: `Training`, `Processing`, `Condition`, `RegisterModel`, ...
        arguments: Its arguments, seen as a resource.
        place: What to say before a path of its arguments.
        depends_on: The steps that it names in `DependsOn`.
        behind: The conditions that have to hold for it to run.
        otherwise: The conditions that must not hold for it to run.
        files: The property files that it writes, by name.
    """

    name: str
    type: str
    arguments: Resource
    place: str
    depends_on: tuple[str, ...] = ()
    behind: tuple["Step", ...] = field(default=(), repr=False)
    otherwise: tuple["Step", ...] = field(default=(), repr=False)
    files: tuple[str, ...] = ()

    def words(self, path: str) -> tuple[str, ...]:
        """The known texts of a list, such as the arguments of a container."""
        value = self.arguments.value(path)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()

    def option(self, name: str) -> tuple[str, ...]:
        """The values of an option of its container: `--slice a --slice b` gives both."""
        words = self.words("appSpecification.containerArguments")
        spaced = [value for key, value in itertools.pairwise(words) if key == name]
        joined = [word.partition("=")[2] for word in words if word.startswith(f"{name}=")]
        return tuple(value for value in (*spaced, *joined) if not value.startswith("--"))


def steps(pipeline: Resource) -> tuple[Step, ...]:
    """All steps of a pipeline, those inside conditions too, in their order; empty where it has no definition.

    Raises:
        NotKnownError: The definition is not known yet.
        NotJsonError: The definition is not JSON.
    """
    return once(pipeline, "steps", lambda: _read(pipeline))


def _read(pipeline: Resource) -> tuple[Step, ...]:
    document = pipeline.json(DEFINITION)
    if document is None:
        return ()
    if not isinstance(document, Mapping):
        raise NotJsonError(DEFINITION, pipeline.urn)
    reader = _Reader(pipeline=pipeline, defaults=dict(_defaults(document.get("Parameters"))))
    return tuple(reader.steps(document.get("Steps")))


def _defaults(parameters: object) -> Iterator[tuple[str, object]]:
    for item in _mappings(parameters):
        yield f"Parameters.{item.get('Name')}", item.get("DefaultValue", UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class _Reader:
    pipeline: Resource
    defaults: Mapping[str, object]

    def steps(
        self, listed: object, behind: tuple[Step, ...] = (), otherwise: tuple[Step, ...] = ()
    ) -> Iterator[Step]:
        if listed is UNKNOWN:
            raise NotKnownError(DEFINITION, self.pipeline.urn)
        for item in _mappings(listed):
            step = self._step(item, behind, otherwise)
            yield step
            arguments = item.get("Arguments")
            if step.type == "Condition" and isinstance(arguments, Mapping):
                yield from self.steps(arguments.get("IfSteps"), (*behind, step), otherwise)
                yield from self.steps(arguments.get("ElseSteps"), behind, (*otherwise, step))

    def _step(
        self, item: Mapping[str, object], behind: tuple[Step, ...], otherwise: tuple[Step, ...]
    ) -> Step:
        name = str(item.get("Name"))
        depends_on = item.get("DependsOn")
        return Step(
            name=name,
            type=str(item.get("Type")),
            arguments=self._arguments(item.get("Arguments")),
            place=f"{DEFINITION} Steps.{name} ",
            depends_on=tuple(map(str, depends_on)) if isinstance(depends_on, list) else (),
            behind=behind,
            otherwise=otherwise,
            files=tuple(str(file.get("PropertyFileName")) for file in _mappings(item.get("PropertyFiles"))),
        )

    def _arguments(self, arguments: object) -> Resource:
        seen = self._seen(arguments)
        properties = seen if isinstance(seen, dict) else {}
        made_of = self.pipeline.references.get(DEFINITION, frozenset())
        return Resource(
            type=self.pipeline.type,
            name=self.pipeline.name,
            urn=self.pipeline.urn,
            properties=properties,
            references=dict.fromkeys(properties, made_of) if made_of else {},
        )

    def _seen(self, value: object) -> object:
        """In the spelling of a provider of Pulumi; a parameter is its default."""
        if isinstance(value, Mapping):
            asked = value.get("Get")
            if isinstance(asked, str) and asked in self.defaults:
                return self.defaults[asked]
            return {lowered(name): self._held(name, item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._seen(item) for item in value]
        return value

    def _held(self, name: str, item: object) -> object:
        return {**item} if name in OPEN_MAPS and isinstance(item, Mapping) else self._seen(item)


def _mappings(listed: object) -> Iterator[Mapping[str, object]]:
    return (item for item in (listed if isinstance(listed, list) else ()) if isinstance(item, Mapping))
