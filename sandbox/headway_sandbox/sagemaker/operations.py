"""Which modules implement operations, of SageMaker and of the services beside it."""

from __future__ import annotations

import importlib

_MODULES = (
    "models",
    "endpoint_configs",
    "endpoints",
    "jobs.training",
    "jobs.processing",
    "jobs.transform",
    "pipelines.api",
    "pipelines.execution_api",
    "model_package_groups",
    "model_packages",
    "tags",
    "feature_store.groups",
    "feature_store.features",
    "feature_store.runtime",
    "monitoring.definitions",
    "monitoring.schedules",
    "monitoring.executions",
    "model_cards",
    "flow_definitions",
)

_OTHER_SERVICES = (
    "service_quotas",
    "application_autoscaling.targets",
    "application_autoscaling.policies",
)


def load_operations() -> None:
    """Imports every module that registers operations."""
    for module in _MODULES:
        importlib.import_module(f"{__package__}.{module}")
    for module in _OTHER_SERVICES:
        importlib.import_module(f"headway_sandbox.services.{module}")
