"""The provider's configuration as values, from ``aws:`` keys and the environment. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headway_sandbox.provider.aws import EndpointError, Target, loopback_endpoint
from headway_sandbox.provider.values import Value


@dataclass(frozen=True)
class Configuration:
    """What the provider was configured with.

    Attributes:
        target: where calls go.
        default_tags: tags for every resource.
    """

    target: Target = field(default_factory=Target)
    default_tags: Mapping[str, str] = field(default_factory=dict)


def _structured(value: Value) -> Value:
    """Values of the provider's configuration that are no text arrive as JSON text."""
    if isinstance(value, str) and value[:1] in {"{", "["}:
        return json.loads(value)
    return value


def _endpoints(value: Value) -> list[str]:
    entries = _structured(value) or []
    blocks = entries if isinstance(entries, list) else [entries]
    return [
        url
        for block in blocks
        if isinstance(block, Mapping)
        for url in block.values()
        if isinstance(url, str)
    ]


def endpoint_of(arguments: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """The endpoint of the sandbox: the configuration's, else ``AWS_ENDPOINT_URL``, else None.

    Raises:
        EndpointError: an endpoint is not on this machine, or services have different ones.
    """
    urls = [loopback_endpoint(url) for url in _endpoints(arguments.get("endpoints"))]
    if len(set(urls)) > 1:
        named = ", ".join(sorted(set(urls)))
        message = f"the sandbox has one endpoint for all services, aws:endpoints names several: {named}"
        raise EndpointError(message)
    if urls:
        return urls[0]
    url = environment.get("AWS_ENDPOINT_URL", "")
    return loopback_endpoint(url) if url else None


def configure(arguments: Mapping[str, Any], environment: Mapping[str, str]) -> Configuration:
    """The configuration from Configure's arguments and the environment.

    Args:
        arguments: ``aws:`` configuration without secret markers.
        environment: the process's environment variables.

    Raises:
        EndpointError: see :func:`endpoint_of`.
    """
    region = (
        arguments.get("region")
        or environment.get("AWS_REGION")
        or environment.get("AWS_DEFAULT_REGION")
        or None
    )
    accounts = _structured(arguments.get("allowedAccountIds")) or []
    tags = _structured(arguments.get("defaultTags")) or {}
    return Configuration(
        target=Target(
            endpoint_url=endpoint_of(arguments, environment),
            region=region if isinstance(region, str) else None,
            access_key=arguments.get("accessKey") or environment.get("AWS_ACCESS_KEY_ID") or "test",
            secret_key=arguments.get("secretKey") or environment.get("AWS_SECRET_ACCESS_KEY") or "test",
            account=accounts[0] if isinstance(accounts, list) and len(accounts) == 1 else None,
        ),
        default_tags={str(key): str(value) for key, value in (tags.get("tags") or {}).items()},
    )
