"""The model registry: which package is approved for what the stack declares now."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headway_cli.aws import Aws
from headway_cli.systems import System

APPROVED = "Approved"
REHEARSAL = "rehearsal"
"""Metadata of a package that was registered for a rehearsal alone: the time at which it was."""
_COPIED = (
    "ModelPackageGroupName",
    "InferenceSpecification",
    "ModelMetrics",
    "DriftCheckBaselines",
    "Domain",
    "Task",
    "SamplePayloadUrl",
)


def declared_metadata(definition: Mapping[str, Any]) -> dict[str, str]:
    """What a pipeline definition writes on the packages that it registers, but for what only a run can know.

    Args:
        definition: The definition, as SageMaker keeps it.
    """
    for step in _steps(definition.get("Steps", [])):
        if step.get("Type") == "RegisterModel":
            given = step.get("Arguments", {}).get("CustomerMetadataProperties", {})
            return {name: value for name, value in given.items() if isinstance(value, str)}
    return {}


def is_made_by(package: Mapping[str, Any], declared: Mapping[str, str]) -> bool:
    """Whether a model package carries what the definition would write on it today, and is no rehearsal."""
    carried = package.get("CustomerMetadataProperties") or {}
    return REHEARSAL not in carried and all(carried.get(name) == value for name, value in declared.items())


def declared_package(aws: Aws, system: System) -> dict[str, Any] | None:
    """The model package that the current definition has made: the newest that is approved, else the newest.

    Args:
        aws: Clients of the stack's account.
        system: A system that trains.

    Returns:
        The package as SageMaker describes it; None where there is none.
    """
    pipeline = aws.client("sagemaker").describe_pipeline(PipelineName=system.pipeline_name)
    declared = declared_metadata(json.loads(pipeline["PipelineDefinition"]))
    newest = None
    for package in _packages(aws, system):
        if not is_made_by(package, declared):
            continue
        if package["ModelApprovalStatus"] == APPROVED:
            return package
        newest = package if newest is None else newest
    return newest


def approved_package(aws: Aws, system: System) -> dict[str, Any] | None:
    """The model package that was approved last, whatever is declared by now; None where there is none.

    Args:
        aws: Clients of the stack's account.
        system: A system that trains.
    """
    approved = (item for item in _packages(aws, system) if item["ModelApprovalStatus"] == APPROVED)
    return next(approved, None)


def _packages(aws: Aws, system: System) -> Iterator[dict[str, Any]]:
    """The model packages of a system as SageMaker describes them, the newest first."""
    sagemaker = aws.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=system.model_package_group_name, SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        for entry in page["ModelPackageSummaryList"]:
            yield sagemaker.describe_model_package(ModelPackageName=entry["ModelPackageArn"])


def register_again(aws: Aws, package: Mapping[str, Any], at: str) -> str:
    """Registers an approved model once more, as something new that is never taken for what is declared.

    Args:
        aws: Clients of the stack's account.
        package: The model package, as SageMaker describes it.
        at: The time, ISO 8601; keeps it apart from every other one.

    Returns:
        ARN of the new version.
    """
    copied = {name: package[name] for name in _COPIED if name in package}
    metadata = {**package.get("CustomerMetadataProperties", {}), REHEARSAL: at}
    answer = aws.client("sagemaker").create_model_package(
        **copied, CustomerMetadataProperties=metadata, ModelApprovalStatus=APPROVED
    )
    return str(answer["ModelPackageArn"])


def _steps(steps: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in steps:
        yield step
        arguments = step.get("Arguments", {})
        if step.get("Type") == "Condition":
            for branch in ("IfSteps", "ElseSteps"):
                yield from _steps(arguments.get(branch, []))
