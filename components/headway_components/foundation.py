"""Foundation: key, buckets, roles, network and trail that everything else of a system builds on."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import kms

from headway_components import _defaults
from headway_components._args import Args
from headway_components._bucket import BucketPlan, encrypted_bucket
from headway_components._grants import Statement, service_role
from headway_components._key import key_policy, partition_of, rotated_key
from headway_components._names import MAXIMUM_PREFIX_CHARACTERS, prefix_of
from headway_components._refs import FoundationRef, NetworkRef, RoleRef
from headway_components.trail import Trail, TrailArgs, deliver_trail, trail_arn

_ACCOUNT = re.compile(r"\d{12}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")

_ROLES = {
    "training": "sagemaker.amazonaws.com",
    "serving": "sagemaker.amazonaws.com",
    "pipeline": "sagemaker.amazonaws.com",
    "release": "lambda.amazonaws.com",
    "machine": "states.amazonaws.com",
    "events": "events.amazonaws.com",
}


@dataclass(frozen=True, kw_only=True)
class FoundationArgs(Args):
    """Arguments of a Foundation."""

    system: str
    """Name of the system."""
    account_id: str
    """The account to deploy to, twelve digits."""
    region: str
    """The region to deploy to."""
    log_retention_days: int | None = None
    """Days that logs are kept; a year when left out."""
    reproducible_data: bool | None = None
    """First key to destroying data: the stored data can be made again. It cannot when left out."""
    destroy_data: bool | None = None
    """Second key to destroying data: this stack may delete it. It may not when left out."""
    personal_data: bool | None = None
    """Whether requests speak of people, so that what is captured goes within a month; not when left out."""
    private_network: bool | None = None
    """Whether jobs and models run in a network of the system's own; they do when left out."""
    network_cidr: str | None = None
    """Addresses of that network, /16 to /24; 10.0.0.0/16 when left out."""
    availability_zones: Sequence[str] | None = None
    """Zones of that network, two to six; the region's `a` and `b` when left out."""
    audit_trail: bool | None = None
    """Whether every access to the system's objects is recorded; it is when left out."""
    feature_store: bool | None = None
    """Whether the system has a bucket, and a key of its own, for stored features; not when left out."""
    feature_retention_d: Mapping[str, int] | None = None
    """Days until the history of a group of features goes, by its label; it stays when left out."""

    def problems(self) -> Iterator[str]:
        """What is wrong with name, account and region."""
        prefix = prefix_of(self.system)
        if len(prefix) > MAXIMUM_PREFIX_CHARACTERS:
            yield (
                f"system and the stack's name together are {prefix!r}, {len(prefix)} characters; "
                f"shorten one of them to {MAXIMUM_PREFIX_CHARACTERS} in all"
            )
        if _ACCOUNT.fullmatch(self.account_id) is None:
            yield f"account_id must be twelve digits, got {self.account_id!r}; quote it in YAML"
        if _REGION.fullmatch(self.region) is None:
            yield f"region must be a region's name, got {self.region!r}; write it like 'eu-west-1'"


class Foundation(pulumi.ComponentResource):
    """The key, buckets, roles, private network and trail that everything else of a system builds on."""

    key_arn: pulumi.Output[str]
    """ARN of the system's key."""
    data_bucket: pulumi.Output[str]
    """Name of the bucket with raw and prepared data."""
    artifacts_bucket: pulumi.Output[str]
    """Name of the bucket with code, contracts, models and reports."""
    capture_bucket: pulumi.Output[str]
    """Name of the bucket with captured requests and answers."""
    audit_bucket: pulumi.Output[str]
    """Name of the bucket with evidence."""

    def __init__(self, name: str, args: FoundationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = FoundationArgs.of(args)
        super().__init__("headway:index:Foundation", name, {}, opts)
        prefix = prefix_of(args.system)
        retain = self._retain(args)
        partition = partition_of(args.region)
        trail = _trail_of(args, prefix, partition)
        log_retention_days = (
            _defaults.LOG_RETENTION_DAYS if args.log_retention_days is None else args.log_retention_days
        )
        policy = key_policy(partition=partition, region=args.region, account_id=args.account_id, trail=trail)
        key = self._key(f"{name}-key", prefix, f"Encrypts everything that {prefix} stores", policy, retain)
        buckets = {
            plan.noun: encrypted_bucket(
                f"{name}-{plan.noun}", plan, key_arn=key.arn, retain=retain, parent=self
            )
            for plan in _bucket_plans(args, retain, trail)
        }
        features = None
        if args.feature_store is True:
            features_key = self._key(
                f"{name}-features-key",
                f"{prefix}-features",
                f"Encrypts the features that {prefix} stores",
                key_policy(partition=partition, region=args.region, account_id=args.account_id),
                retain,
            )
            features = encrypted_bucket(
                f"{name}-features",
                _features(args),
                key_arn=features_key.arn,
                retain=retain,
                parent=self,
            )
        roles = {noun: self._role(name, noun, args) for noun in _ROLES}
        if trail is not None:
            watched = [buckets[noun] for noun in ("data", "artifacts", "capture")]
            watched += [] if features is None else [features]
            Trail(
                f"{name}-trail",
                TrailArgs(prefix=prefix, audit=buckets["audit"], watched=watched),
                pulumi.ResourceOptions(parent=self),
            )
        network = (
            None if args.private_network is False else self._network(name, args, key, log_retention_days)
        )
        self.ref = FoundationRef(
            system=args.system,
            prefix=prefix,
            account_id=args.account_id,
            region=args.region,
            partition=partition,
            log_retention_days=log_retention_days,
            retain_data=retain,
            network=network,
            key_arn=key.arn,
            data=buckets["data"],
            artifacts=buckets["artifacts"],
            capture=buckets["capture"],
            audit=buckets["audit"],
            training_role=roles["training"],
            serving_role=roles["serving"],
            pipeline_role=roles["pipeline"],
            release_role=roles["release"],
            machine_role=roles["machine"],
            events_role=roles["events"],
            features=features,
        )
        self.key_arn = key.arn
        self.data_bucket = pulumi.Output.from_input(self.ref.data.name)
        self.artifacts_bucket = pulumi.Output.from_input(self.ref.artifacts.name)
        self.capture_bucket = pulumi.Output.from_input(self.ref.capture.name)
        self.audit_bucket = pulumi.Output.from_input(self.ref.audit.name)
        self.register_outputs(
            {
                "keyArn": self.key_arn,
                "dataBucket": self.data_bucket,
                "artifactsBucket": self.artifacts_bucket,
                "captureBucket": self.capture_bucket,
                "auditBucket": self.audit_bucket,
            }
        )

    def _key(
        self, name: str, alias: str, description: str, policy: pulumi.Input[str], retain: bool
    ) -> kms.Key:
        key = rotated_key(
            name,
            description=description,
            policy=policy,
            # Data that stays is lost without its key.
            opts=pulumi.ResourceOptions(parent=self, protect=retain, retain_on_delete=retain),
        )
        kms.Alias(
            f"{name}-alias",
            name=f"alias/{alias}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=retain),
        )
        return key

    def _network(self, name: str, args: FoundationArgs, key: kms.Key, log_retention_days: int) -> NetworkRef:
        # The provider's classes of networks take half a second to import, which a stack without one saves.
        from headway_components.network import DEFAULT_CIDR, Network, NetworkArgs  # noqa: PLC0415

        network = NetworkArgs(
            prefix=prefix_of(args.system),
            account_id=args.account_id,
            region=args.region,
            partition=partition_of(args.region),
            key_arn=key.arn,
            log_retention_days=log_retention_days,
            cidr=DEFAULT_CIDR if args.network_cidr is None else args.network_cidr,
            availability_zones=args.availability_zones,
        )
        return Network(f"{name}-network", network, pulumi.ResourceOptions(parent=self)).ref

    def _retain(self, args: FoundationArgs) -> bool:
        """Whether data outlives the stack: only both keys together let it go."""
        reproducible = args.reproducible_data is True
        destroy = args.destroy_data is True
        if destroy and not reproducible:
            pulumi.log.warn(
                f"the data of {args.system} is kept although headway:retainData is false, because it is not "
                "declared reproducible; to let it go with the stack, declare "
                "ComplianceSpec(data_retention=DataRetention.REPRODUCIBLE)",
                self,
            )
        if reproducible and args.destroy_data is None:
            pulumi.log.warn(
                f"the data of {args.system} is declared reproducible but is kept; to let it go with the "
                "stack, run: pulumi config set headway:retainData false",
                self,
            )
        return not (reproducible and destroy)

    def _role(self, name: str, noun: str, args: FoundationArgs) -> RoleRef:
        return service_role(
            f"{name}-{noun}-role",
            service=_ROLES[noun],
            account_id=args.account_id,
            description=f"Assumed for the {noun} of {args.system}",
            parent=self,
        )


def _trail_of(args: FoundationArgs, prefix: str, partition: str) -> str | None:
    """ARN of the system's trail; None where there is none."""
    if args.audit_trail is False:
        return None
    return trail_arn(partition=partition, region=args.region, account_id=args.account_id, prefix=prefix)


def _capture(args: FoundationArgs) -> BucketPlan:
    if args.personal_data is True:
        return BucketPlan(
            noun="capture",
            expiration_days=_defaults.PERSONAL_CAPTURE_EXPIRATION_DAYS,
            version_days=_defaults.PERSONAL_VERSION_DAYS,
        )
    return BucketPlan(noun="capture", expiration_days=_defaults.CAPTURE_EXPIRATION_DAYS)


def _features(args: FoundationArgs) -> BucketPlan:
    kept_d = {} if args.feature_retention_d is None else args.feature_retention_d
    return BucketPlan(
        noun="features",
        expirations={f"{label}/": days for label, days in kept_d.items()},
        version_days=_defaults.PERSONAL_VERSION_DAYS if kept_d else _defaults.NONCURRENT_VERSION_DAYS,
    )


def _bucket_plans(args: FoundationArgs, retain: bool, trail: str | None) -> tuple[BucketPlan, ...]:
    def audit(bucket_arn: pulumi.Output[str]) -> tuple[Statement, ...]:
        return () if trail is None else deliver_trail(bucket_arn, args.account_id, trail)

    return (
        # What the quarantine keeps under its own key is not kept a second time without it.
        BucketPlan(
            noun="data", expirations={f"{prefix_of(args.system)}/set-aside/": _defaults.SET_ASIDE_DAYS}
        ),
        BucketPlan(noun="artifacts"),
        _capture(args),
        # What may be destroyed with the stack cannot be locked against it.
        BucketPlan(noun="audit", lock_days=_defaults.AUDIT_LOCK_DAYS if retain else None, statements=audit),
    )
