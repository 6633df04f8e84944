"""A stack as the engine shows it to a policy pack: inputs one by one, then all resources with their edges."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from headway_policies.resource import Resource
from headway_policies.stack_graph import identity_names
from headway_policies.values import UNKNOWN_TEXT, Values, merged

_KINDS: Final[Mapping[str, Callable[[Any], object]]] = {
    "null_value": lambda _: None,
    "bool_value": lambda value: value.bool_value,
    "number_value": lambda value: _number(value.number_value),
    "string_value": lambda value: value.string_value,
    "list_value": lambda value: [_plain(item) for item in value.list_value.values],
    "struct_value": lambda value: _fields(value.struct_value),
}


class EngineView:
    """What the engine has shown of one stack in one operation.

    Attributes:
        configuration: The stack's configuration, as text; what is encrypted in it is `UNKNOWN_TEXT`.
        stack: The stack's name.
        is_preview: Whether nothing is changed yet.
    """

    def __init__(self) -> None:
        self.configuration: Mapping[str, str] = {}
        self.stack = ""
        self.is_preview = True
        self._values = Values()
        self._inputs: dict[str, tuple[dict[str, object], frozenset[str]]] = {}

    @property
    def secret_texts(self) -> frozenset[str]:
        """The plain texts of secrets that were shown."""
        return frozenset(self._values.secret_texts)

    def configure(self, request: Any) -> None:  # noqa: ANN401 - a message of the engine
        """Takes in which stack it is, from a ConfigureStack request."""
        self.stack = request.stack
        self.is_preview = request.dry_run
        hidden = set(request.config_secret_keys)
        self._values.secret_texts |= {text for key, text in request.config.items() if key in hidden and text}
        self.configuration = {
            key: UNKNOWN_TEXT if key in hidden else text for key, text in request.config.items()
        }

    def resource(self, request: Any) -> Resource:  # noqa: ANN401 - a message of the engine
        """One resource before it is made, from an Analyze request; remembers its inputs."""
        inputs, secrets = self._values.properties(_fields(request.properties))
        self._inputs[request.urn] = (inputs, secrets)
        return Resource(
            type=request.type,
            name=request.name,
            urn=request.urn,
            properties=inputs,
            secrets=secrets,
            parent=request.options.parent,
            is_custom=request.HasField("provider"),
        )

    def resources(
        self, shown: Iterable[Any], sources: Mapping[str, str] | None = None
    ) -> tuple[Resource, ...]:
        """All resources of the stack, from an AnalyzeStack request.

        Args:
            shown: The request's resources, whose properties are outputs.
            sources: Where the program declares each, by URN.
        """
        places = {} if sources is None else sources
        return tuple(self._declared(item, places) for item in shown)

    def _declared(self, item: Any, sources: Mapping[str, str]) -> Resource:  # noqa: ANN401
        outputs, more = self._values.properties(_fields(item.properties))
        # A resource that is only read has no inputs of the program's.
        inputs, secrets = self._inputs.get(item.urn, (outputs, frozenset()))
        return Resource(
            type=item.type,
            name=item.name,
            urn=item.urn,
            properties=merged(inputs, outputs, identity_names(item.type)),
            references={
                name: frozenset(found.urns) for name, found in item.propertyDependencies.items() if found.urns
            },
            secrets=secrets | more,
            parent=item.parent,
            source=sources.get(item.urn, ""),
            is_custom=item.HasField("provider"),
        )


def _fields(struct: Any) -> dict[str, object]:  # noqa: ANN401 - a protobuf Struct
    return {name: _plain(value) for name, value in struct.fields.items()}


def _plain(value: Any) -> object:  # noqa: ANN401 - a protobuf Value
    kind = value.WhichOneof("kind")
    return None if kind is None else _KINDS[kind](value)


def _number(value: float) -> float:
    # The wire knows no whole numbers; rules and people do.
    return int(value) if value.is_integer() else value
