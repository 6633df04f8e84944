"""What one component hands to another: the identifiers a consumer needs, and the key to be granted on."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True, kw_only=True)
class RoleRef:
    """A role that a service assumes."""

    name: pulumi.Input[str]
    """Name of the role."""
    arn: pulumi.Input[str]
    """ARN of the role."""


@dataclass(frozen=True, kw_only=True)
class BucketRef:
    """A bucket and the key that its objects are encrypted with."""

    name: pulumi.Input[str]
    """Name of the bucket."""
    arn: pulumi.Input[str]
    """ARN of the bucket."""
    key_arn: pulumi.Input[str]
    """ARN of the key."""


@dataclass(frozen=True, kw_only=True)
class NetworkRef:
    """A private network, and the security group of what runs in it."""

    vpc_id: pulumi.Input[str]
    """Id of the network."""
    subnet_ids: Sequence[pulumi.Input[str]]
    """Ids of the subnets, one in each zone."""
    subnet_arns: Sequence[pulumi.Input[str]]
    """ARNs of the subnets."""
    security_group_id: pulumi.Input[str]
    """Id of the security group of jobs and models."""
    security_group_arn: pulumi.Input[str]
    """ARN of that security group."""


@dataclass(frozen=True, kw_only=True)
class FoundationRef:
    """What every other component of a system builds on."""

    system: str
    """Name of the system."""
    prefix: str
    """`<system>-<stack>`, the beginning of every name that must be known ahead."""
    account_id: str
    """The account that everything is in."""
    region: str
    """The region that everything is in."""
    partition: str
    """`aws`, `aws-cn` or `aws-us-gov`."""
    key_arn: pulumi.Input[str]
    """ARN of the system's key."""
    data: BucketRef
    """Bucket of raw and prepared data."""
    artifacts: BucketRef
    """Bucket of code, contracts, models and reports."""
    capture: BucketRef
    """Bucket of captured requests and answers."""
    audit: BucketRef
    """Bucket of evidence."""
    training_role: RoleRef
    """Role of training and processing jobs."""
    serving_role: RoleRef
    """Role of models behind an endpoint."""
    pipeline_role: RoleRef
    """Role of the training pipeline."""
    release_role: RoleRef
    """Role of the function that moves the endpoint."""
    machine_role: RoleRef
    """Role of the release state machine."""
    events_role: RoleRef
    """Role of the rule that starts the state machine."""
    log_retention_days: int
    """Days that logs are kept."""
    retain_data: bool
    """Whether stored data outlives the stack."""
    network: NetworkRef | None = None
    """Private network of jobs and models; SageMaker's own when left out."""
    features: BucketRef | None = None
    """Bucket of the feature store's history, with a key of its own; none when left out."""


@dataclass(frozen=True, kw_only=True)
class RegistryRef:
    """The versions of a system's model."""

    group_name: str
    """Name of the model package group."""
    group_arn: pulumi.Input[str]
    """ARN of the model package group."""
    version_arns: str
    """Pattern of the ARNs of the versions in the group."""


@dataclass(frozen=True, kw_only=True)
class ReleaseRef:
    """The machine that moves an endpoint from one shape to the next."""

    function_name: pulumi.Input[str]
    """Name of the function that takes the steps."""
    state_machine_arn: pulumi.Input[str]
    """ARN of the state machine that orders them."""
    table_name: pulumi.Input[str]
    """Name of the table with the record of every release."""


@dataclass(frozen=True, kw_only=True)
class FeatureFlagRef:
    """The switches of a system, by their ids in AppConfig."""

    application_id: pulumi.Input[str]
    """Id of the application."""
    environment_id: pulumi.Input[str]
    """Id of the environment."""
    profile_id: pulumi.Input[str]
    """Id of the configuration profile."""
    strategy_id: pulumi.Input[str]
    """Id of the deployment strategy that takes effect at once."""


@dataclass(frozen=True, kw_only=True)
class EndpointRef:
    """A live endpoint."""

    name: str
    """Name of the endpoint."""
    arn: pulumi.Input[str]
    """ARN of the endpoint."""
    variant_name: str
    """Name of the variant that answers users."""
    base_config_name: pulumi.Input[str]
    """Name of the configuration that every later shape is derived from."""


@dataclass(frozen=True, kw_only=True)
class DataQualityRef:
    """What arriving data is held to, where bad data is kept, and who may bring it there."""

    contracts_key: str
    """Prefix of the uploaded contracts in the artifacts bucket."""
    key_arn: pulumi.Input[str]
    """ARN of the key of the quarantine."""
    role: RoleRef
    """Role of the job that fills it."""


@dataclass(frozen=True, kw_only=True)
class TrainingCodeRef:
    """The code and the contract of a trained model, where they were uploaded."""

    code_key: str
    """Prefix of the code in the artifacts bucket."""
    contract_key: str
    """Prefix of the contract in the artifacts bucket."""
    features: str
    """`module:function` that turns tables into inputs."""


@dataclass(frozen=True, kw_only=True)
class PipelineRef:
    """A pipeline that others may start."""

    name: str
    """Name of the pipeline."""
    arn: pulumi.Input[str]
    """ARN of the pipeline."""
