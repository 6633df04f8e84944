"""What one deployment of an endpoint is made of, as plain values that survive a restart of the sandbox.

A plan is a snapshot: it names containers, not models, so that an endpoint keeps serving, also after a
restart, when its model or its configuration has been deleted in the meantime, as on SageMaker.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Document = dict[str, Any]

SERIAL = "Serial"
DIRECT = "Direct"


@dataclass(frozen=True)
class ContainerPlan:
    """One container of a model.

    Attributes:
        hostname: How invocations and logs name the container.
        image: Image URI.
        environment: Environment that the model declares.
        model_data: Where the model's files come from: the members ModelDataUrl or ModelDataSource of the
            container definition; empty for a model without files.
        resolved_at: When the image was resolved, in seconds since the epoch.
    """

    hostname: str
    image: str
    environment: dict[str, str]
    model_data: Document
    resolved_at: float


@dataclass(frozen=True)
class VariantPlan:
    """One production or shadow variant.

    Attributes:
        name: Name of the variant.
        model: Name of the model, for messages.
        weight: Relative share of the traffic, 0 or more.
        instance_count: Copies that were asked for, 0 or more.
        mode: ``Serial``: each container is given the answer of the one before; ``Direct``: the caller
            names one.
        containers: The containers of one copy, in order.
        isolated: Whether the containers are to be without network, and so without credentials.
        startup_timeout_s: Seconds until the containers must be healthy; None for the sandbox's default.
        extras: Members of the configured variant that DescribeEndpoint repeats, such as a serverless config.
        instance_type: What an instance is to be; None for a serverless variant.
        download_timeout_s: Seconds that fetching the model may take; None for the sandbox's default.
        role_arn: The model's execution role; None if it has none.
    """

    name: str
    model: str
    weight: float
    instance_count: int
    mode: Literal["Serial", "Direct"]
    containers: tuple[ContainerPlan, ...]
    isolated: bool
    startup_timeout_s: float | None
    extras: Document
    instance_type: str | None = None
    download_timeout_s: float | None = None
    role_arn: str | None = None

    @property
    def max_concurrency(self) -> int | None:
        """Requests that a serverless variant answers at once; None for one that runs on instances."""
        serverless = self.extras.get("ServerlessConfig")
        return None if serverless is None else int(serverless["MaxConcurrency"])


@dataclass(frozen=True)
class FleetPlan:
    """Everything that serves behind an endpoint under one configuration.

    Attributes:
        config_name: Name of the endpoint configuration.
        variants: Production variants.
        shadows: Shadow variants.
        data_capture: DataCaptureConfig of the configuration, or None.
        async_inference: AsyncInferenceConfig of the configuration, or None.
    """

    config_name: str
    variants: tuple[VariantPlan, ...]
    shadows: tuple[VariantPlan, ...]
    data_capture: Document | None
    async_inference: Document | None

    def document(self) -> Document:
        """The plan as JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Document) -> FleetPlan:
        """Reads back what `document` wrote."""
        return cls(
            config_name=document["config_name"],
            variants=tuple(_variant(variant) for variant in document["variants"]),
            shadows=tuple(_variant(variant) for variant in document["shadows"]),
            data_capture=document["data_capture"],
            async_inference=document["async_inference"],
        )

    def with_weights(self, weights: dict[str, float], counts: dict[str, int]) -> FleetPlan:
        """The same plan with other weights and instance counts for some variants, production or shadow."""

        def changed(variant: VariantPlan) -> VariantPlan:
            return replace(
                variant,
                weight=weights.get(variant.name, variant.weight),
                instance_count=counts.get(variant.name, variant.instance_count),
            )

        return replace(
            self,
            variants=tuple(changed(variant) for variant in self.variants),
            shadows=tuple(changed(variant) for variant in self.shadows),
        )

    def with_serverless(self, changes: dict[str, Document]) -> FleetPlan:
        """The same plan with other members in the serverless configurations of some variants."""

        def changed(variant: VariantPlan) -> VariantPlan:
            if variant.name not in changes or "ServerlessConfig" not in variant.extras:
                return variant
            serverless = {**variant.extras["ServerlessConfig"], **changes[variant.name]}
            return replace(variant, extras={**variant.extras, "ServerlessConfig": serverless})

        return replace(self, variants=tuple(changed(variant) for variant in self.variants))


def _variant(document: Document) -> VariantPlan:
    containers = tuple(ContainerPlan(**container) for container in document["containers"])
    return VariantPlan(**{**document, "containers": containers})
