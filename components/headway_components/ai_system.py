"""AISystem: one declared system, whole, from its keys to its alarms."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi

from headway_components._args import Args
from headway_components._names import MAXIMUM_PREFIX_CHARACTERS
from headway_components.deployment import Deployment
from headway_components.endpoint import Endpoint, EndpointArgs
from headway_components.foundation import Foundation, FoundationArgs
from headway_components.spec import DataRetention, SystemSpec


@dataclass(frozen=True, kw_only=True)
class AISystemArgs(Args):
    """Arguments of an AISystem."""

    spec: SystemSpec
    """The declared system."""
    deployment: Deployment
    """Where it is deployed and how big it is there."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the two together."""
        prefix = prefix_of(self.spec)
        if len(prefix) > MAXIMUM_PREFIX_CHARACTERS:
            yield (
                f"spec.name and the stack's name together are {prefix!r}, {len(prefix)} characters; "
                f"shorten one of them, at most {MAXIMUM_PREFIX_CHARACTERS} are allowed"
            )


def prefix_of(spec: SystemSpec) -> str:
    """`<system>-<stack>`, the beginning of every name that must be known ahead."""
    return f"{spec.name}-{pulumi.get_stack()}"


class AISystem(pulumi.ComponentResource):
    """One declared AI system."""

    outputs: dict[str, Any]
    """What the command line and other programs need to know about the live system."""

    def __init__(self, name: str, args: AISystemArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = AISystemArgs.of(args)
        super().__init__("headway:index:AISystem", name, {}, opts)
        spec, deployment = args.spec, args.deployment
        child = pulumi.ResourceOptions(parent=self)
        self.foundation = Foundation(
            f"{name}-foundation",
            FoundationArgs(
                prefix=prefix_of(spec),
                account_id=deployment.account_id,
                region=deployment.region,
                log_retention_days=spec.compliance.log_retention_days,
                reproducible_data=spec.compliance.data_retention is DataRetention.REPRODUCIBLE,
                destroy_data=None if deployment.retain_data is None else not deployment.retain_data,
            ),
            child,
        )
        foundation = self.foundation.ref
        self.endpoint = Endpoint(
            f"{name}-endpoint",
            EndpointArgs(
                foundation=foundation,
                contract=spec.contract,
                image=deployment.image,
                monitoring=spec.monitoring,
                instance_type=deployment.instance_type,
                instance_count=deployment.instance_count,
            ),
            child,
        )
        self.outputs = {
            "endpoint_name": self.endpoint.endpoint_name,
            "base_endpoint_config_name": self.endpoint.base_config_name,
            "buckets": {
                "data": foundation.data.name,
                "artifacts": foundation.artifacts.name,
                "capture": foundation.capture.name,
                "audit": foundation.audit.name,
            },
            "contract": spec.contract.document(),
            "contract_digest": spec.contract.digest(),
        }
        self.register_outputs({"outputs": self.outputs})
