"""Shapes of an endpoint: each derived from the declared base, named by its content, and never changed."""

import copy
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headway_runtime.canonical import digest

DIGEST_CHARACTERS = 12
SHAPES_KEPT = 2
"""The shape that serves and the one before it, so that the way back is always open."""

_COPIED = (
    "DataCaptureConfig",
    "KmsKeyId",
    "AsyncInferenceConfig",
    "VpcConfig",
    "EnableNetworkIsolation",
    "ExecutionRoleArn",
    "ExplainerConfig",
)
"""What a shape takes over from its base as it is; models, variants and weights are what a shape decides."""


@dataclass(frozen=True)
class Shape:
    """What an endpoint should be: a configuration, and the model it needs.

    Attributes:
        name: Name of the endpoint configuration.
        config: Request that creates the configuration; None when it is the base, which exists.
        model: Request that creates the model; None when it is the base's own.
    """

    name: str
    config: Mapping[str, Any] | None
    model: Mapping[str, Any] | None


def named(prefix: str, noun: str, content: Mapping[str, Any]) -> str:
    """`<prefix>-<noun>-<digest>`: equal content has one name, other content another."""
    return f"{prefix}-{noun}-{digest(content).removeprefix('sha256:')[:DIGEST_CHARACTERS]}"


def derive_shape(prefix: str, base: Mapping[str, Any], role_arn: str, model_package_arn: str) -> Shape:
    """The shape in which a model package serves alone.

    Args:
        prefix: `<system>-<stack>`, the beginning of every name.
        base: Description of the base configuration, as SageMaker gives it.
        role_arn: Role of the model.
        model_package_arn: The package to serve; empty for the base itself with its own model.

    Returns:
        The shape. Its configuration is the base with another model: key, capture, machines and network stay.
    """
    if not model_package_arn:
        return Shape(base["EndpointConfigName"], None, None)
    model = {
        "ExecutionRoleArn": role_arn,
        "EnableNetworkIsolation": True,
        "PrimaryContainer": {"ModelPackageName": model_package_arn},
    }
    model_name = named(prefix, "model", model)
    config = {key: copy.deepcopy(base[key]) for key in _COPIED if key in base}
    (variant,) = base["ProductionVariants"]
    config["ProductionVariants"] = [{**copy.deepcopy(variant), "ModelName": model_name}]
    name = named(prefix, "shape", config)
    return Shape(name, {"EndpointConfigName": name, **config}, {"ModelName": model_name, **model})


def is_made_for(prefix: str, noun: str, name: str) -> bool:
    """Whether a name is one that the stack or the machine gave to a thing of this system."""
    return re.fullmatch(rf"{re.escape(prefix)}-{noun}-[0-9a-f]{{{DIGEST_CHARACTERS}}}", name) is not None


def leftovers(prefix: str, configs: Iterable[str], keep: Collection[str]) -> list[str]:
    """Configurations of this system that nothing needs any more.

    Args:
        prefix: `<system>-<stack>`.
        configs: Names of all configurations there are.
        keep: Names of those that serve, served last, or are the declared base.
    """
    ours = [name for name in configs if any(is_made_for(prefix, noun, name) for noun in ("base", "shape"))]
    return sorted(set(ours) - set(keep))
