"""ImageRepository: where the image that trains and serves is kept, scanned and never overwritten."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
from pulumi_aws import ecr

from headway_components import _defaults
from headway_components._args import Args
from headway_components._key import key_policy, partition_of, rotated_key


@dataclass(frozen=True, kw_only=True)
class ImageRepositoryArgs(Args):
    """Arguments of an ImageRepository."""

    repository: str
    """Name of the repository, the one in the image's URI."""
    account_id: str
    """The account that it is in, twelve digits."""
    region: str
    """The region that it is in."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the name."""
        if self.repository != self.repository.lower() or not self.repository:
            yield f"repository must be a name in lower case, got {self.repository!r}; correct it"


class ImageRepository(pulumi.ComponentResource):
    """A repository of images: encrypted, scanned on push, its tags immutable, kept when the stack goes."""

    repository_url: pulumi.Output[str]
    """Where images are pushed to."""

    def __init__(
        self, name: str, args: ImageRepositoryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = ImageRepositoryArgs.of(args)
        super().__init__("headway:index:ImageRepository", name, {}, opts)
        # What runs in production is pulled from here, so neither goes with the stack.
        kept = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        key = rotated_key(
            f"{name}-key",
            description=f"Encrypts the images of {args.repository}",
            policy=key_policy(
                partition=partition_of(args.region), region=args.region, account_id=args.account_id
            ),
            opts=kept,
        )
        repository = ecr.Repository(
            name,
            name=args.repository,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            encryption_configurations=[
                ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=key.arn)
            ],
            opts=kept,
        )
        ecr.LifecyclePolicy(
            f"{name}-lifecycle",
            repository=repository.name,
            policy=json.dumps({"rules": [_EXPIRE_UNTAGGED]}, sort_keys=True),
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        self.repository_url = repository.repository_url
        self.register_outputs({"repositoryUrl": self.repository_url})


_EXPIRE_UNTAGGED = {
    "rulePriority": 1,
    "description": "Images that no tag names any more",
    "selection": {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": _defaults.UNTAGGED_IMAGE_DAYS,
    },
    "action": {"type": "expire"},
}
