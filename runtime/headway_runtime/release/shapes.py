"""Shapes of an endpoint: each derived from the declared base, named by its content, and never changed."""

import copy
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headway_runtime.canonical import digest

CHAMPION = "champion"
CHALLENGER = "challenger"
"""Names of the variants, the same in every shape."""
FULL = 100.0
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
    """What an endpoint should be.

    Attributes:
        name: Name of the endpoint configuration.
        config: Request that creates the configuration; None when it is the base, which exists.
        weights: Share of the traffic of each production variant, in percent.
    """

    name: str
    config: Mapping[str, Any] | None
    weights: Mapping[str, float]


def named(prefix: str, noun: str, content: Mapping[str, Any]) -> str:
    """`<prefix>-<noun>-<digest>`: equal content has one name, other content another."""
    return f"{prefix}-{noun}-{digest(content).removeprefix('sha256:')[:DIGEST_CHARACTERS]}"


def derive_model(
    prefix: str, base_model: Mapping[str, Any], role_arn: str, model_package_arn: str
) -> Mapping[str, Any]:
    """The request that creates the model of a package, in the network of the base's own model.

    Args:
        prefix: `<system>-<stack>`, the beginning of every name.
        base_model: Description of the model of the base configuration, as SageMaker gives it.
        role_arn: Role of the model.
        model_package_arn: The package.
    """
    model: dict[str, Any] = {
        "ExecutionRoleArn": role_arn,
        "EnableNetworkIsolation": True,
        "PrimaryContainer": {"ModelPackageName": model_package_arn},
    }
    if "VpcConfig" in base_model:
        model["VpcConfig"] = copy.deepcopy(base_model["VpcConfig"])
    return {"ModelName": named(prefix, "model", model), **model}


def alone(prefix: str, base: Mapping[str, Any], model_name: str) -> Shape:
    """The shape in which one model answers everybody; the base itself where it is the base's own model.

    Args:
        prefix: `<system>-<stack>`, the beginning of every name.
        base: Description of the base configuration, as SageMaker gives it.
        model_name: The model.
    """
    if _variant(base)["ModelName"] == model_name:
        return Shape(base["EndpointConfigName"], None, {CHAMPION: FULL})
    return _shape(prefix, base, [_with_model(base, CHAMPION, model_name, FULL)], {})


def shadowed(
    prefix: str, base: Mapping[str, Any], champion: str, challenger: str, sampling_percent: float
) -> Shape:
    """The shape in which the champion answers and the challenger gets copies.

    SageMaker copies the share that the shadow's weight is of the production variant's.

    Args:
        prefix: `<system>-<stack>`, the beginning of every name.
        base: Description of the base configuration, as SageMaker gives it.
        champion: Model that answers.
        challenger: Model that gets copies.
        sampling_percent: Share of the requests that are copied.
    """
    copies = [_with_model(base, CHALLENGER, challenger, sampling_percent)]
    answers = [_with_model(base, CHAMPION, champion, FULL)]
    return _shape(prefix, base, answers, {"ShadowProductionVariants": copies})


def split(prefix: str, base: Mapping[str, Any], champion: str, challenger: str, percent: float) -> Shape:
    """The shape in which both answer.

    Args:
        prefix: `<system>-<stack>`, the beginning of every name.
        base: Description of the base configuration, as SageMaker gives it.
        champion: Model that answers the rest.
        challenger: Model that answers a share.
        percent: That share.
    """
    variants = [
        _with_model(base, CHAMPION, champion, FULL - percent),
        _with_model(base, CHALLENGER, challenger, percent),
    ]
    return _shape(prefix, base, variants, {})


def _shape(
    prefix: str, base: Mapping[str, Any], variants: list[dict[str, Any]], more: Mapping[str, Any]
) -> Shape:
    config = {key: copy.deepcopy(base[key]) for key in _COPIED if key in base}
    config |= {"ProductionVariants": variants, **more}
    weights = {variant["VariantName"]: float(variant["InitialVariantWeight"]) for variant in variants}
    name = named(prefix, "shape", config)
    return Shape(name, {"EndpointConfigName": name, **config}, weights)


def _with_model(base: Mapping[str, Any], variant: str, model_name: str, weight: float) -> dict[str, Any]:
    changed = {"VariantName": variant, "ModelName": model_name, "InitialVariantWeight": weight}
    return {**copy.deepcopy(dict(_variant(base))), **changed}


def _variant(base: Mapping[str, Any]) -> Mapping[str, Any]:
    (variant,) = base["ProductionVariants"]
    return dict(variant)


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
