"""From declarations to a stack: reads the environment's configuration and deploys every declared system."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pulumi
from pulumi.runtime import config as runtime_config

from headway_components._declaration import DeclarationError, Problem
from headway_components._tags import tagged
from headway_components.ai_system import AISystem, AISystemArgs
from headway_components.deployment import Deployment, own_repository
from headway_components.spec import SystemSpec

NAMESPACE = "headway"
REGION = "aws:region"


def deploy(*systems: SystemSpec) -> None:
    """Deploys declared systems to the environment that the stack's configuration describes.

    Args:
        systems: The declared systems. What programs need to know about each is exported as `systems`.

    Raises:
        DeclarationError: with every problem of the configuration.
    """
    deployment = deployment_from_config()
    repository = own_repository(deployment)
    if deployment.manage_image_repository and repository is not None:
        # The provider's classes of repositories take time to import, which most stacks save.
        from headway_components.image_repository import ImageRepository, ImageRepositoryArgs  # noqa: PLC0415

        ImageRepository(
            repository.replace("/", "-"),
            ImageRepositoryArgs(
                repository=repository, account_id=deployment.account_id, region=deployment.region
            ),
            tagged(None, deployment),
        )
    deployed = {
        system.name: AISystem(system.name, AISystemArgs(spec=system, deployment=deployment))
        for system in systems
    }
    pulumi.export("systems", {name: system.outputs for name, system in deployed.items()})


def deployment_from_config() -> Deployment:
    """The environment, from the stack's `headway:` configuration and `aws:region`.

    Raises:
        DeclarationError: with every problem of the configuration, unknown keys included.
    """
    given = {_field(key): value for key, value in _configuration().items()}
    try:
        return Deployment.load(given)
    except DeclarationError as error:
        problems = [_in_configuration(problem) for problem in error.problems]
        raise DeclarationError(f"The configuration of stack {pulumi.get_stack()!r}", problems) from None


@contextmanager
def user_errors() -> Iterator[None]:
    """Shows a mistake in a declaration as its message alone, because a traceback helps nobody with it."""
    try:
        yield
    except DeclarationError as error:
        raise pulumi.RunError(str(error)) from None


def _configuration() -> Mapping[str, str]:
    """What the stack configures, by key. Pulumi reads single keys only, so it finds no typo."""
    every = {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}
    return {key: value for key, value in every.items() if key == REGION or key.startswith(f"{NAMESPACE}:")}


def _field(key: str) -> str:
    """The field that a key sets: `headway:instanceType` sets `instance_type`."""
    return re.sub("([A-Z])", r"_\1", key.partition(":")[2]).lower()


def _key(field: str) -> str:
    """The key that sets a field."""
    first, *rest = field.split("_")
    name = first + "".join(word.capitalize() for word in rest)
    return REGION if field == "region" else f"{NAMESPACE}:{name}"


def _in_configuration(problem: Problem) -> Problem:
    """The problem in the words of the configuration."""
    fix = re.sub(r"\b[a-z]+(_[a-z]+)+\b", lambda match: _key(match[0]), problem.fix)
    return replace(problem, field=_key(problem.field), fix=fix)
