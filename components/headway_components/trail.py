"""Trail: who touched which object, kept where nobody can take it back."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudtrail

from headway_components._args import Args
from headway_components._grants import Statement
from headway_components._refs import BucketRef
from headway_components._text import suffixed

TRAIL_PREFIX = "trail"
_SERVICE = {"Service": "cloudtrail.amazonaws.com"}


@dataclass(frozen=True, kw_only=True)
class TrailArgs(Args):
    """Arguments of a Trail."""

    prefix: str
    """`<system>-<stack>`, the trail's name."""
    audit: BucketRef
    """Bucket that the trail is written to; its policy must let CloudTrail in."""
    watched: Sequence[BucketRef]
    """Buckets of which every access to an object is recorded."""


class Trail(pulumi.ComponentResource):
    """The record of every call to AWS and of every access to the system's objects."""

    trail_arn: pulumi.Output[str]
    """ARN of the trail."""

    def __init__(self, name: str, args: TrailArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = TrailArgs.of(args)
        super().__init__("headway:index:Trail", name, {}, opts)
        trail = cloudtrail.Trail(
            name,
            name=args.prefix,
            s3_bucket_name=args.audit.name,
            s3_key_prefix=TRAIL_PREFIX,
            kms_key_id=args.audit.key_arn,
            is_multi_region_trail=True,
            include_global_service_events=True,
            enable_log_file_validation=True,
            enable_logging=True,
            event_selectors=[
                cloudtrail.TrailEventSelectorArgs(
                    read_write_type="All",
                    include_management_events=True,
                    data_resources=[
                        cloudtrail.TrailEventSelectorDataResourceArgs(
                            type="AWS::S3::Object",
                            values=[suffixed(bucket.arn, "/") for bucket in args.watched],
                        )
                    ],
                )
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.trail_arn = trail.arn
        self.register_outputs({"trailArn": self.trail_arn})


def trail_arn(*, partition: str, region: str, account_id: str, prefix: str) -> str:
    """ARN of a system's trail, known before the trail is there."""
    return f"arn:{partition}:cloudtrail:{region}:{account_id}:trail/{prefix}"


def deliver_trail(bucket_arn: pulumi.Input[str], account_id: str, trail: str) -> tuple[Statement, ...]:
    """Statements of a bucket's policy that let one trail be written to it.

    Args:
        bucket_arn: ARN of the bucket.
        account_id: Account of the trail.
        trail: ARN of the trail.

    Source: CloudTrail user guide, S3 bucket policy for CloudTrail.
    """
    from_trail = {"StringEquals": {"aws:SourceArn": trail}}
    return (
        Statement(
            sid="TrailLooks",
            principal=_SERVICE,
            actions=("s3:GetBucketAcl",),
            resources=[bucket_arn],
            condition=from_trail,
        ),
        Statement(
            sid="TrailWrites",
            principal=_SERVICE,
            actions=("s3:PutObject",),
            resources=[suffixed(bucket_arn, f"/{TRAIL_PREFIX}/AWSLogs/{account_id}/*")],
            condition={"StringEquals": {"aws:SourceArn": trail, "s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
    )
