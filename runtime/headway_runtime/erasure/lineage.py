"""What was made of datasets: trainings that are at work, and models that have learned from the subject."""

from collections.abc import Collection
from typing import Any

_AT_WORK = ("Executing", "Stopping")


def running_executions(sagemaker: Any, pipeline: str) -> set[str]:  # noqa: ANN401 - boto3 has no types
    """Ids of a pipeline's executions that have not ended.

    Args:
        sagemaker: A boto3 client.
        pipeline: Name of the pipeline.
    """
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName=pipeline)
    return {
        item["PipelineExecutionArn"].rpartition("/")[2]
        for page in pages
        for item in page["PipelineExecutionSummaries"]
        if item["PipelineExecutionStatus"] in _AT_WORK
    }


def models_of(sagemaker: Any, group: str, executions: Collection[str]) -> dict[str, str]:  # noqa: ANN401 - boto3 has no types
    """The execution that trained each model package, of those that one of some executions has trained.

    Args:
        sagemaker: A boto3 client.
        group: Name of the model package group.
        executions: Ids of executions.
    """
    found = {}
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
    for arn in [item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"]]:
        metrics = sagemaker.describe_model_package(ModelPackageName=arn).get("ModelMetrics", {})
        # The evaluation lies below the execution that trained the model.
        uri = metrics.get("ModelQuality", {}).get("Statistics", {}).get("S3Uri", "")
        for execution in executions:
            if f"/{execution}/" in uri:
                found[arn] = execution
    return found
