"""Endpoints with their configuration, variants and models."""

from collections.abc import Iterator
from dataclasses import dataclass

from headway_policies.resource import UNKNOWN, Resource
from headway_policies.stack_graph import Stack

ENDPOINT = "aws:sagemaker/endpoint:Endpoint"
CONFIGURATION = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
MODEL = "aws:sagemaker/model:Model"
VARIANTS = ("productionVariants", "shadowProductionVariants")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One production or shadow variant.

    Args:
        configuration: The endpoint configuration that declares it.
        path: Where.
    """

    configuration: Resource
    path: str

    @property
    def name(self) -> object:
        """Its name; `UNKNOWN` where it is not known yet."""
        return self.configuration.value(f"{self.path}.variantName")

    @property
    def is_serverless(self) -> bool:
        """Whether AWS places it, without machines of its own."""
        return self.configuration.has(f"{self.path}.serverlessConfig")


def variants(configuration: Resource, of: str = VARIANTS[0]) -> Iterator[Variant]:
    """The production variants of a configuration, or its shadow variants.

    Raises:
        NotKnownError: The list is not known yet.
    """
    for path in configuration.items(of):
        yield Variant(configuration=configuration, path=path)


def configurations(stack: Stack, endpoint: Resource) -> tuple[Resource, ...]:
    """The configurations of this stack that an endpoint names."""
    return stack.referenced(endpoint, "endpointConfigName", CONFIGURATION)


def endpoint_names(endpoint: Resource) -> frozenset[str]:
    """The known names of an endpoint."""
    values = (endpoint.value("name"), endpoint.value("id"))
    return frozenset(value for value in values if isinstance(value, str) and value)


def containers(model: Resource) -> tuple[str, ...]:
    """The paths of a model's containers: its only one, or those of an inference pipeline.

    Raises:
        NotKnownError: The list is not known yet.
    """
    listed = model.items("containers")
    primary = model.value("primaryContainer")
    # A model of many containers has no primary one; some states hold an empty object in its place.
    return (*(("primaryContainer",) if primary is UNKNOWN or primary else ()), *listed)
