"""What the function of a release may do."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from headway_components._arns import appconfig_arn, sagemaker_arn
from headway_components._grants import (
    DELETE_MODELS,
    ENCRYPT,
    LIST_MODELS,
    READ_MODELS,
    WRITE_LOGS,
    Statement,
    attach_volumes,
    read,
    use_models,
    write,
)
from headway_components._refs import FeatureFlagRef, FoundationRef, RegistryRef
from headway_components._text import suffixed

EVIDENCE_PREFIX = "releases/"


@dataclass(frozen=True, kw_only=True)
class ReleaseThings:
    """What the function works with."""

    table_arn: pulumi.Input[str]
    """Table with the records."""
    logs_arn: pulumi.Input[str]
    """Log group of the function."""
    parameter_arn: pulumi.Input[str]
    """Parameter with the plan."""
    topic_arn: pulumi.Input[str]
    """Topic of those who are told."""
    switch: FeatureFlagRef | None = None
    """Switches of the system; none when left out."""
    labels: str | None = None
    """Where true answers arrive later, below the system's part of the data bucket; nowhere when left out."""


def function_statements(
    foundation: FoundationRef, registry: RegistryRef, things: ReleaseThings
) -> Sequence[Statement]:
    """What the function that takes the steps may do, and nothing else.

    Args:
        foundation: What the machine builds on.
        registry: Where approved models come from.
        things: What the function works with.
    """
    return [
        *_move(foundation),
        *_record(foundation, things),
        *_watch(foundation),
        *_labels(foundation, things),
        *([] if things.switch is None else _clean_switches(foundation, things.switch)),
        Statement(sid="Encrypt", actions=ENCRYPT, resources=[foundation.key_arn]),
        attach_volumes(foundation.key_arn),
        use_models(registry, *READ_MODELS, *DELETE_MODELS, sid="Versions"),
        Statement(sid="Logs", actions=WRITE_LOGS, resources=[suffixed(things.logs_arn, ":*")]),
    ]


def _move(foundation: FoundationRef) -> list[Statement]:
    ours = f"{foundation.prefix}-*"
    configs = sagemaker_arn(foundation, "endpoint-config", ours)
    endpoint = sagemaker_arn(foundation, "endpoint", foundation.prefix)
    return [
        Statement(
            sid="Move",
            actions=("sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpoint"),
            resources=[endpoint, configs],
        ),
        Statement(
            sid="Weigh", actions=("sagemaker:UpdateEndpointWeightsAndCapacities",), resources=[endpoint]
        ),
        Statement(
            sid="Shapes",
            actions=(
                *("sagemaker:CreateEndpointConfig", "sagemaker:DescribeEndpointConfig"),
                "sagemaker:DeleteEndpointConfig",
            ),
            resources=[configs],
        ),
        Statement(
            sid="Models",
            actions=("sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:DeleteModel"),
            resources=[sagemaker_arn(foundation, "model", ours)],
        ),
        # Listing has no resource.
        Statement(
            sid="List",
            actions=("sagemaker:ListEndpointConfigs", *LIST_MODELS, "sagemaker:ListModels"),
            resources=["*"],
        ),
        Statement(
            sid="RunAsServingRole",
            actions=("iam:PassRole",),
            resources=[foundation.serving_role.arn],
            condition={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
    ]


def _record(foundation: FoundationRef, things: ReleaseThings) -> list[Statement]:
    place = f"{foundation.region}:{foundation.account_id}"
    bus = f"arn:{foundation.partition}:events:{place}:event-bus/default"
    return [
        Statement(
            sid="Records",
            actions=("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
            resources=[things.table_arn],
        ),
        Statement(sid="Plan", actions=("ssm:GetParameter",), resources=[things.parameter_arn]),
        Statement(sid="Announce", actions=("events:PutEvents",), resources=[bus]),
        Statement(sid="Tell", actions=("sns:Publish",), resources=[things.topic_arn]),
        *write(foundation.audit, f"{EVIDENCE_PREFIX}{foundation.prefix}/", sid="Evidence"),
    ]


def _watch(foundation: FoundationRef) -> list[Statement]:
    return [
        # Metrics have no resource.
        Statement(sid="Metrics", actions=("cloudwatch:GetMetricData",), resources=["*"]),
        *read(foundation.capture, f"{foundation.prefix}/", sid="Captured"),
    ]


def _labels(foundation: FoundationRef, things: ReleaseThings) -> Sequence[Statement]:
    if things.labels is None:
        return ()
    return read(foundation.data, f"{foundation.prefix}/{things.labels.rstrip('/')}/", sid="Labels")


def _clean_switches(foundation: FoundationRef, switch: FeatureFlagRef) -> list[Statement]:
    """Whoever turns a switch adds versions that the stack does not know; a profile with versions stays."""
    path = pulumi.Output.format(
        "application/{0}/configurationprofile/{1}", switch.application_id, switch.profile_id
    )
    application = pulumi.Output.format("application/{0}", switch.application_id)
    versions = pulumi.Output.format("{0}/hostedconfigurationversion/*", path)
    places = (application, path, versions)
    return [
        Statement(
            sid="Switches",
            actions=(
                "appconfig:ListHostedConfigurationVersions",
                "appconfig:DeleteHostedConfigurationVersion",
            ),
            resources=[place.apply(lambda text: appconfig_arn(foundation, text)) for place in places],
        )
    ]
