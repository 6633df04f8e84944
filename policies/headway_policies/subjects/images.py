"""What the address of a container image says.

Source: Amazon ECR user guide, "Amazon ECR private registries":
ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY.
"""

import re

from headway_policies.outcome import Finding, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers
from headway_policies.subjects.values import type_of

_PRIVATE = re.compile(r"\d{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)/.+")
_DIGEST = re.compile(r".+@sha256:[0-9a-f]{64}")
_REPOSITORY = "aws:ecr/repository:Repository"


def is_private(image: str) -> bool:
    """Whether an image lies in a private registry of Amazon ECR."""
    return _PRIVATE.fullmatch(image) is not None


def from_private_registry(resource: Resource, path: str, own_registry: str = "") -> Answers:
    """Whether an image comes from a private registry; one that is left out is judged elsewhere.

    Args:
        resource: What names the image.
        path: Where.
        own_registry: Where it says that the image lies in a registry inside the network, if it can.
    """
    image = resource.value(path)
    if image is None or (own_registry and resource.value(own_registry) == "Vpc"):
        return
    if image is UNKNOWN:
        made_of = resource.references.get(path.replace("[", ".").partition(".")[0], frozenset())
        if not any(type_of(urn) == _REPOSITORY for urn in made_of):
            yield Undecided(path=path)
    elif not isinstance(image, str) or not is_private(image):
        yield Finding(path=path, got=image, want="an image in a private registry")


def is_pinned(resource: Resource, path: str) -> Answers:
    """Whether an image is named by its digest; one that is left out is judged elsewhere."""
    image = resource.value(path)
    if image is UNKNOWN:
        yield Undecided(path=path)
    elif image is not None and not (isinstance(image, str) and _DIGEST.fullmatch(image)):
        yield Finding(path=path, got=image, want="an image with its digest, like NAME@sha256:...")
