"""From declarations to a stack: reads the environment's configuration and deploys every declared system."""

from collections.abc import Iterator
from contextlib import contextmanager

import pulumi

from headway_components._declaration import DeclarationError
from headway_components.ai_system import AISystem, AISystemArgs
from headway_components.deployment import Deployment
from headway_components.spec import SystemSpec

CONFIG_NAMESPACE = "headway"
REGION_KEY = "region"


def deploy(*systems: SystemSpec) -> None:
    """Deploys declared systems to the environment that the stack's configuration describes.

    Args:
        systems: The declared systems. What programs need to know about each is exported as `systems`.
    """
    deployment = deployment_from_config()
    deployed = {
        system.name: AISystem(system.name, AISystemArgs(spec=system, deployment=deployment))
        for system in systems
    }
    pulumi.export("systems", {name: system.outputs for name, system in deployed.items()})


def deployment_from_config() -> Deployment:
    """The environment, from the stack's `headway:` configuration and `aws:region`.

    Raises:
        DeclarationError: with every problem of the configuration.
    """
    config = pulumi.Config(CONFIG_NAMESPACE)
    given = {name: config.get(_key(name)) for name in Deployment.model_fields if name != REGION_KEY}
    given[REGION_KEY] = pulumi.Config("aws").get(REGION_KEY)
    return Deployment.load({name: value for name, value in given.items() if value is not None})


@contextmanager
def user_errors() -> Iterator[None]:
    """Shows a mistake in a declaration as its message alone, because a traceback helps nobody with it."""
    try:
        yield
    except DeclarationError as error:
        raise pulumi.RunError(str(error)) from None


def _key(field: str) -> str:
    """The configuration's spelling of a field: `instance_type` is `instanceType`."""
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)
