"""What an image URI says: whether it is pinned, and which repository a role must be allowed to pull from."""

import re
from collections.abc import Iterator

PINNED = re.compile(r".+@sha256:[0-9a-f]{64}")
_ECR = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<repository>[^@:]+)"
)


def is_pinned(image: str) -> bool:
    """Whether an image is named by its digest, so that what was reviewed is what runs."""
    return PINNED.fullmatch(image) is not None


def image_problems(image: str) -> Iterator[str]:
    """What is wrong with an image that a component is to run."""
    if not is_pinned(image):
        yield f"image must be pinned by its digest, got {image!r}; write repository@sha256:<64 hex digits>"


def repository_arn(image: str, partition: str) -> str | None:
    """ARN of the ECR repository of an image; None for an image from elsewhere."""
    match = _ECR.match(image)
    if match is None:
        return None
    return f"arn:{partition}:ecr:{match['region']}:{match['account']}:repository/{match['repository']}"
