"""Endpoint: what answers users. The stack declares its base; the release machine moves what is live."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import appautoscaling, iam, lambda_, s3, sagemaker

from headway_components import _defaults
from headway_components._args import Args
from headway_components._grants import (
    SAGEMAKER_METRICS,
    WRITE_LOGS,
    Statement,
    grant,
    join_network,
    publish_metrics,
    pull_statements,
    read,
    write,
)
from headway_components._image import image_problems
from headway_components._instances import has_local_storage
from headway_components._log_group import log_group
from headway_components._names import named_by_content, short
from headway_components._refs import EndpointRef, FoundationRef, ReleaseRef, RoleRef
from headway_components._text import json_text, suffixed
from headway_components.contracts import InferenceContract, MonitoringContract
from headway_runtime.contract import placeholder_artifact


@dataclass(frozen=True, kw_only=True)
class EndpointArgs(Args):
    """Arguments of an Endpoint."""

    foundation: FoundationRef
    """What the endpoint builds on."""
    contract: InferenceContract
    """What the endpoint is asked and what it answers."""
    image: str
    """URI of the image that serves, pinned by its digest."""
    monitoring: MonitoringContract | None = None
    """What is captured of the traffic; everything when left out."""
    instance_type: pulumi.Input[str] | None = None
    """Machine that serves; `ml.m5.large` when left out."""
    instance_count: pulumi.Input[int] | None = None
    """Number of machines; one when left out."""
    maximum_instance_count: int | None = None
    """Number of machines that load may raise the count to; the count stays as it is when left out."""
    requests_per_machine_per_minute: int | None = None
    """Load of one machine above which another is added; 6,000 a minute when left out."""
    release: ReleaseRef | None = None
    """Machine that releases models to the endpoint; the placeholder answers for ever when left out."""

    def problems(self) -> Iterator[str]:
        """What is wrong with image, instance type and count."""
        yield from image_problems(self.image)
        if isinstance(self.instance_type, str) and not self.instance_type.startswith("ml."):
            yield (
                f"instance_type must be a hosting instance, got {self.instance_type!r}; "
                "write it like 'ml.m5.large'"
            )
        if isinstance(self.instance_count, int) and self.instance_count < 1:
            yield f"instance_count must be 1 or more, got {self.instance_count}; raise it to 1"
        count = _defaults.INSTANCE_COUNT if self.instance_count is None else self.instance_count
        most = self.maximum_instance_count
        if most is not None and isinstance(count, int) and most < count:
            yield f"maximum_instance_count must be {count} or more, got {most}; raise it to {count}"


class Endpoint(pulumi.ComponentResource):
    """A live endpoint, and the base of every shape that a release may give it."""

    endpoint_name: pulumi.Output[str]
    """Name of the endpoint."""
    endpoint_arn: pulumi.Output[str]
    """ARN of the endpoint."""
    base_config_name: pulumi.Output[str]
    """Name of the configuration that every later shape is derived from."""

    def __init__(self, name: str, args: EndpointArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = EndpointArgs.of(args)
        super().__init__("headway:index:Endpoint", name, {}, opts)
        foundation = args.foundation
        logs = log_group(f"{name}-logs", f"/aws/sagemaker/Endpoints/{foundation.prefix}", foundation, self)
        serving = grant(
            f"{name}-serving", foundation.serving_role, _serving_statements(args, logs.arn), parent=self
        )
        config = self._base(name, args)
        gates: list[pulumi.Resource] = [serving]
        if args.release is not None:
            gates.append(self._declare(name, args, args.release, config))
        endpoint = sagemaker.Endpoint(
            name,
            name=foundation.prefix,
            endpoint_config_name=config.name,
            opts=pulumi.ResourceOptions(
                parent=self,
                # The stack creates the endpoint; from then on the release machine owns what it serves.
                ignore_changes=["endpointConfigName"],
                depends_on=gates,
            ),
        )
        if args.maximum_instance_count is not None:
            self._scale(name, args, endpoint, args.maximum_instance_count)
        self.endpoint_name = endpoint.name
        self.endpoint_arn = endpoint.arn
        self.base_config_name = config.name
        self.ref = EndpointRef(
            name=foundation.prefix,
            arn=endpoint.arn,
            variant_name=_defaults.VARIANT_NAME,
            base_config_name=config.name,
        )
        self._name = name
        self.register_outputs(
            {
                "endpointName": self.endpoint_name,
                "endpointArn": self.endpoint_arn,
                "baseConfigName": self.base_config_name,
            }
        )

    def grant_invoke(self, role: RoleRef, name: str) -> iam.RolePolicy:
        """Lets a role ask the endpoint.

        Args:
            role: Role that may ask.
            name: What the role is for, one word; part of the grant's name.
        """
        ask = Statement(sid="Invoke", actions=("sagemaker:InvokeEndpoint",), resources=[self.endpoint_arn])
        return grant(f"{self._name}-invoke-{name}", role, [ask], parent=self)

    def _base(self, name: str, args: EndpointArgs) -> sagemaker.EndpointConfiguration:
        """The first model and the configuration that later shapes are derived from.

        Both outlive their replacement, because the endpoint may still run on them; the release machine
        collects them once nothing does.
        """
        foundation = args.foundation
        kept = pulumi.ResourceOptions(parent=self, retain_on_delete=args.release is not None)
        contract = args.contract.contract()
        artifact = s3.BucketObjectv2(
            f"{name}-placeholder",
            bucket=foundation.artifacts.name,
            key=f"models/placeholder/{short(contract.digest)}/model.tar.gz",
            content_base64=base64.b64encode(placeholder_artifact(contract)).decode(),
            content_type="application/gzip",
            kms_key_id=foundation.key_arn,
            server_side_encryption="aws:kms",
            opts=kept,
        )
        container = {
            "image": args.image,
            "model_data_url": pulumi.Output.concat("s3://", artifact.bucket, "/", artifact.key),
        }
        network = foundation.network
        place: dict[str, Any] | None = (
            None
            if network is None
            else {"subnets": list(network.subnet_ids), "security_group_ids": [network.security_group_id]}
        )
        model = sagemaker.Model(
            f"{name}-model",
            name=named_by_content(
                foundation.prefix,
                "model",
                {**container, "role": foundation.serving_role.arn, **({} if place is None else place)},
            ),
            execution_role_arn=foundation.serving_role.arn,
            enable_network_isolation=True,
            vpc_config=None if place is None else sagemaker.ModelVpcConfigArgs(**place),
            primary_container=sagemaker.ModelPrimaryContainerArgs(**container),
            opts=kept,
        )
        variant: dict[str, Any] = {
            "variant_name": _defaults.VARIANT_NAME,
            "model_name": model.name,
            "instance_type": _defaults.INSTANCE_TYPE if args.instance_type is None else args.instance_type,
            "initial_instance_count": (
                _defaults.INSTANCE_COUNT if args.instance_count is None else args.instance_count
            ),
            "initial_variant_weight": 1.0,
        }
        monitoring = MonitoringContract() if args.monitoring is None else args.monitoring
        capture: dict[str, Any] = {
            "destination_s3_uri": pulumi.Output.concat(
                "s3://", foundation.capture.name, "/", foundation.prefix
            ),
            "enable_capture": True,
            "initial_sampling_percentage": monitoring.capture_sampling_pct,
            "kms_key_id": foundation.key_arn,
        }
        machine = variant["instance_type"]
        # SageMaker refuses a key for a machine that encrypts its own disks.
        key_arn = None if isinstance(machine, str) and has_local_storage(machine) else foundation.key_arn
        return sagemaker.EndpointConfiguration(
            f"{name}-base",
            name=named_by_content(
                foundation.prefix, "base", {"variant": variant, "capture": capture, "key": key_arn}
            ),
            kms_key_arn=key_arn,
            production_variants=[sagemaker.EndpointConfigurationProductionVariantArgs(**variant)],
            data_capture_config=sagemaker.EndpointConfigurationDataCaptureConfigArgs(
                **capture,
                capture_options=[
                    sagemaker.EndpointConfigurationDataCaptureConfigCaptureOptionArgs(capture_mode=mode)
                    for mode in ("Input", "Output")
                ],
            ),
            opts=kept,
        )

    def _scale(self, name: str, args: EndpointArgs, endpoint: sagemaker.Endpoint, maximum: int) -> None:
        """Lets load change the number of machines; every shape of the endpoint has the variant it is for."""
        load = args.requests_per_machine_per_minute
        minimum = _defaults.INSTANCE_COUNT if args.instance_count is None else args.instance_count
        target = appautoscaling.Target(
            f"{name}-machines",
            service_namespace="sagemaker",
            resource_id=pulumi.Output.concat("endpoint/", endpoint.name, "/variant/", _defaults.VARIANT_NAME),
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            min_capacity=minimum,
            max_capacity=maximum,
            opts=pulumi.ResourceOptions(parent=self),
        )
        appautoscaling.Policy(
            f"{name}-load",
            name=f"{args.foundation.prefix}-load",
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            resource_id=target.resource_id,
            scalable_dimension=target.scalable_dimension,
            target_tracking_scaling_policy_configuration=appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                predefined_metric_specification=appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                    predefined_metric_type="SageMakerVariantInvocationsPerInstance"
                ),
                target_value=float(_defaults.REQUESTS_PER_MACHINE_PER_MINUTE if load is None else load),
                scale_in_cooldown=_defaults.SCALE_IN_COOLDOWN_S,
                scale_out_cooldown=_defaults.SCALE_OUT_COOLDOWN_S,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _declare(
        self, name: str, args: EndpointArgs, release: ReleaseRef, config: sagemaker.EndpointConfiguration
    ) -> lambda_.Invocation:
        """Tells the release machine what the base is, and has it collect what it made when the stack goes."""
        declaration = {
            "action": "declare",
            "base_endpoint_config_name": config.name,
            "contract_digest": args.contract.digest(),
            "state_machine_arn": release.state_machine_arn,
        }
        return lambda_.Invocation(
            f"{name}-declaration",
            function_name=release.function_name,
            input=json_text(declaration),
            lifecycle_scope="CRUD",
            opts=pulumi.ResourceOptions(parent=self),
        )


def _serving_statements(args: EndpointArgs, logs_arn: pulumi.Output[str]) -> list[Statement]:
    foundation = args.foundation
    return [
        *read(foundation.artifacts, "models/", sid="Models"),
        *write(foundation.capture, f"{foundation.prefix}/", sid="Capture"),
        Statement(sid="Logs", actions=WRITE_LOGS, resources=[suffixed(logs_arn, ":*")]),
        publish_metrics(SAGEMAKER_METRICS),
        *pull_statements(args.image, foundation.partition),
        *join_network(foundation),
    ]
