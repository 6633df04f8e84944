"""DataQuality: what arriving data must be like, and where bad data is kept, under a key of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pulumi
from pulumi_aws import s3

from headway_components._args import Args
from headway_components._grants import Statement, attach_volumes, grant, read, run_jobs, service_role, write
from headway_components._image import image_problems
from headway_components._key import key_policy, rotated_key
from headway_components._names import short
from headway_components._refs import BucketRef, DataQualityRef, FoundationRef
from headway_components.data_contract import DataContract
from headway_runtime.contract import (
    CHANNEL_GOOD,
    CHANNEL_LANDING,
    DATA_CONTRACTS_FILE,
    canonical_json,
    digest,
)

SET_ASIDE, QUARANTINE = "set-aside", "quarantine"


@dataclass(frozen=True, kw_only=True)
class DataQualityArgs(Args):
    """Arguments of DataQuality."""

    foundation: FoundationRef
    """What it builds on."""
    contracts: Sequence[DataContract]
    """What the tables must be like."""
    image: str
    """URI of the image that copies what was set aside, pinned by its digest."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the image."""
        yield from image_problems(self.image)


class DataQuality(pulumi.ComponentResource):
    """The contracts of arriving data, and a place for bad data that only its own key opens."""

    key_arn: pulumi.Output[str]
    """ARN of the key of the quarantine."""

    def __init__(self, name: str, args: DataQualityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = DataQualityArgs.of(args)
        super().__init__("headway:index:DataQuality", name, {}, opts)
        foundation = args.foundation
        contracts_key = self._contracts(name, args)
        self._marker(name, CHANNEL_GOOD, "The profiles of the last good version are kept here.\n", args)
        if any(contract.landing for contract in args.contracts):
            self._marker(name, CHANNEL_LANDING, "Batches land here, below the name of their table.\n", args)
        key = rotated_key(
            f"{name}-key",
            description=f"Encrypts the bad data that {foundation.prefix} set aside",
            policy=key_policy(
                partition=foundation.partition, region=foundation.region, account_id=foundation.account_id
            ),
            opts=pulumi.ResourceOptions(
                parent=self, protect=foundation.retain_data, retain_on_delete=foundation.retain_data
            ),
        )
        job = service_role(
            f"{name}-role",
            service="sagemaker.amazonaws.com",
            account_id=foundation.account_id,
            description=f"Assumed for the job that keeps the bad data of {foundation.prefix}",
            parent=self,
        )
        grant(f"{name}-job", job, _statements(args, key.arn), parent=self)
        self.key_arn = key.arn
        self.ref = DataQualityRef(contracts_key=contracts_key, key_arn=key.arn, role=job)
        self.register_outputs({"keyArn": self.key_arn})

    def _contracts(self, name: str, args: DataQualityArgs) -> str:
        """Uploads the contracts under their digest; answers the prefix."""
        document = {"tables": [contract.plain() for contract in args.contracts]}
        prefix = f"contracts/{short(digest(document))}"
        self._object(
            f"{name}-contracts",
            args.foundation.artifacts,
            f"{prefix}/{DATA_CONTRACTS_FILE}",
            canonical_json(document).decode("utf-8"),
            args,
        )
        return prefix

    def _marker(self, name: str, place: str, text: str, args: DataQualityArgs) -> None:
        """An object that is always there: a job cannot take a place without any for its input."""
        key = f"{args.foundation.prefix}/{place}/README.txt"
        self._object(f"{name}-{place}", args.foundation.data, key, text, args)

    def _object(self, name: str, bucket: BucketRef, key: str, content: str, args: DataQualityArgs) -> None:
        s3.BucketObjectv2(
            name,
            bucket=bucket.name,
            key=key,
            content=content,
            content_type="application/json" if key.endswith(".json") else "text/plain",
            kms_key_id=args.foundation.key_arn,
            server_side_encryption="aws:kms",
            # What a dataset was held to stays, also when a newer contract takes its place.
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=args.foundation.retain_data),
        )


def _statements(args: DataQualityArgs, key_arn: pulumi.Input[str]) -> list[Statement]:
    foundation = args.foundation
    kept = replace(foundation.data, key_arn=key_arn)
    return [
        *read(foundation.data, f"{foundation.prefix}/{SET_ASIDE}/", sid="SetAside"),
        *write(kept, f"{foundation.prefix}/{QUARANTINE}/", sid="Quarantine"),
        attach_volumes(key_arn),
        *run_jobs(foundation, args.image, "ProcessingJobs"),
    ]
