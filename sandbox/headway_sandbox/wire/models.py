"""The published models of AWS's services, one object a service."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from headway_sandbox.sagemaker.conformance import ServiceModel

# Signing names under which several of botocore's services call, or whose service is named otherwise there.
_SIGNED_AS: Mapping[str, tuple[str, ...]] = {
    "appconfig": ("appconfig", "appconfigdata"),
    "bedrock": ("bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime"),
    "monitoring": ("cloudwatch",),
    "sagemaker": (
        "sagemaker",
        "sagemaker-runtime",
        "sagemaker-featurestore-runtime",
        "sagemaker-a2i-runtime",
        "sagemaker-metrics",
        "sagemaker-edge",
    ),
    "servicequotas": ("service-quotas",),
    "states": ("stepfunctions",),
    "tagging": ("resourcegroupstaggingapi",),
}


@functools.cache
def model_of(api: str) -> ServiceModel:
    """The model of a service by botocore's name of it."""
    return ServiceModel(api)


def apis_signed_as(signing_name: str) -> tuple[str, ...]:
    """What botocore calls the services whose requests are signed under a name; empty if there are none."""
    if signing_name in _SIGNED_AS:
        return _SIGNED_AS[signing_name]
    return (signing_name,) if signing_name in _known() else ()


def is_api(api: str) -> bool:
    """Whether AWS's SDKs have a service of that name."""
    return api in _known()


@functools.cache
def _known() -> frozenset[str]:
    # Imported on first use: botocore costs a fifth of the time a start may take.
    import botocore.session  # noqa: PLC0415

    return frozenset(botocore.session.get_session().get_available_services())
