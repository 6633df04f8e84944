"""Which modules implement SageMaker's operations."""

from __future__ import annotations

import importlib
import importlib.util

_MODULES = (
    "models",
    "endpoint_configs",
    "endpoints",
    "jobs.training",
    "jobs.processing",
    "pipelines.api",
    "pipelines.execution_api",
    "model_package_groups",
    "model_packages",
    "tags",
)


def load_operations() -> None:
    """Imports every module that registers operations."""
    for module in _MODULES:
        name = f"{__package__}.{module}"
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
