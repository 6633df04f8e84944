"""From an endpoint configuration and its models to what the data plane is to run."""

from __future__ import annotations

from headway_sandbox.dataplane.plan import FleetPlan, VariantPlan
from headway_sandbox.sagemaker.endpoint_configs import find_config
from headway_sandbox.sagemaker.models import container_plans, execution_mode, find_model
from headway_sandbox.sagemaker.protocol import Document, SageMaker

_EXTRAS = ("ServerlessConfig", "ManagedInstanceScaling", "RoutingConfig")
_DESIRED_COUNT = "DesiredInstanceCount"
_DESIRED_WEIGHT = "DesiredWeight"
_DATA_CAPTURE = "DataCaptureConfig"


def plan_for(service: SageMaker, config_name: str) -> FleetPlan:
    """What an endpoint configuration asks for.

    Raises:
        ServiceError: The configuration or one of its models does not exist.
    """
    config = find_config(service, config_name)
    return FleetPlan(
        config_name=config_name,
        variants=tuple(_variant(service, item) for item in config["ProductionVariants"]),
        shadows=tuple(_variant(service, item) for item in config.get("ShadowProductionVariants", [])),
        data_capture=config.get("DataCaptureConfig"),
        async_inference=config.get("AsyncInferenceConfig"),
    )


def retaining(new: FleetPlan, old: FleetPlan, request: Document) -> FleetPlan:
    """A new plan with the properties of the old one that an UpdateEndpoint request wants retained.

    Args:
        new: What the new configuration asks for.
        old: What serves now.
        request: The UpdateEndpoint request.
    """
    if not request.get("RetainAllVariantProperties", False):
        return new
    excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties", [])}
    serving = {variant.name: variant for variant in (*old.variants, *old.shadows)}
    kept = new.with_weights(
        {} if _DESIRED_WEIGHT in excluded else {name: variant.weight for name, variant in serving.items()},
        {}
        if _DESIRED_COUNT in excluded
        else {name: variant.instance_count for name, variant in serving.items()},
    )
    if _DATA_CAPTURE in excluded:
        return kept
    return FleetPlan(kept.config_name, kept.variants, kept.shadows, old.data_capture, kept.async_inference)


def _variant(service: SageMaker, item: Document) -> VariantPlan:
    model = find_model(service, item["ModelName"])
    return VariantPlan(
        name=item["VariantName"],
        model=item["ModelName"],
        weight=item["InitialVariantWeight"],
        instance_count=item.get("InitialInstanceCount", 1),
        mode=execution_mode(model),
        containers=container_plans(service, model),
        isolated=model["EnableNetworkIsolation"],
        startup_timeout_s=item.get("ContainerStartupHealthCheckTimeoutInSeconds"),
        extras={key: item[key] for key in _EXTRAS if key in item},
        instance_type=item.get("InstanceType"),
        download_timeout_s=item.get("ModelDataDownloadTimeoutInSeconds"),
        role_arn=model.get("ExecutionRoleArn"),
    )
