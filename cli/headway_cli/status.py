"""What is live now: read back from the account, not from what was asked for."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from botocore.exceptions import ClientError

from headway_cli.aws import Aws, is_absent
from headway_cli.registry import APPROVED
from headway_cli.release import read_release
from headway_cli.systems import System
from headway_cli.training import execution_steps, failure_reason, last_execution, seconds

ABSENT = "absent"
_EVIDENCE = ("decision", "reproducibility")


def system_status(aws: Aws, system: System) -> dict[str, Any]:
    """Everything that a person or a program asks about a system, as plain JSON values."""
    endpoint = _endpoint(aws, system)
    package = None if endpoint["config"] is None else _serving_package(aws, endpoint["config"])
    return {
        "system": system.name,
        "endpoint": endpoint,
        "model_package": package,
        "dataset_version": _value(package, "reproducibility", "dataset_version"),
        "metrics": _value(package, "decision", "metrics"),
        "checks": _value(package, "decision", "checks"),
        "digests": _digests(system, package),
        "release": _release(aws, system),
        "pipeline": _pipeline(aws, system),
    }


def problems(status: Mapping[str, Any]) -> list[str]:
    """What is wrong with a system, each in a sentence; empty where all is well."""
    found = serving_problems(status)
    pipeline = status["pipeline"]
    if pipeline is not None and pipeline["failure"] is not None:
        found.append(f"the last training failed: {pipeline['failure']}")
    return found


def serving_problems(status: Mapping[str, Any]) -> list[str]:
    """What keeps a system from answering, each in a sentence."""
    endpoint = status["endpoint"]
    if endpoint["status"] == "InService":
        return []
    if endpoint["status"] == ABSENT:
        return ["the endpoint is absent; run `pulumi refresh` and then `headway up`, which makes it again"]
    reason = endpoint["failure_reason"]
    return [f"the endpoint is {endpoint['status']}" + (f": {reason}" if reason else "")]


def _endpoint(aws: Aws, system: System) -> dict[str, Any]:
    try:
        found = aws.client("sagemaker").describe_endpoint(EndpointName=system.endpoint_name)
    except ClientError as error:
        if not is_absent(error):
            raise
        return _endpoint_document(system.endpoint_name, {"EndpointStatus": ABSENT})
    return _endpoint_document(system.endpoint_name, found)


def _endpoint_document(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "status": found["EndpointStatus"],
        "config": found.get("EndpointConfigName"),
        "failure_reason": found.get("FailureReason"),
        "variants": [
            {
                "name": variant["VariantName"],
                "weight": variant.get("CurrentWeight"),
                "instances": variant.get("CurrentInstanceCount"),
            }
            for variant in found.get("ProductionVariants", [])
        ],
    }


def _serving_package(aws: Aws, config_name: str) -> dict[str, Any] | None:
    """The model package behind an endpoint configuration; None for a model that came from no registry."""
    sagemaker = aws.client("sagemaker")
    config = sagemaker.describe_endpoint_config(EndpointConfigName=config_name)
    model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
    containers = [model["PrimaryContainer"]] if "PrimaryContainer" in model else model.get("Containers", [])
    arn = next((item["ModelPackageName"] for item in containers if "ModelPackageName" in item), None)
    return None if arn is None else _package(aws, arn)


def _package(aws: Aws, arn: str) -> dict[str, Any]:
    found = aws.client("sagemaker").describe_model_package(ModelPackageName=arn)
    statistics = found.get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {}).get("S3Uri")
    return {
        "arn": found["ModelPackageArn"],
        "group": found.get("ModelPackageGroupName"),
        "version": found.get("ModelPackageVersion"),
        "approval": found.get("ModelApprovalStatus"),
        "approved": found.get("ModelApprovalStatus") == APPROVED,
        "metadata": found.get("CustomerMetadataProperties", {}),
        "evaluation_uri": statistics,
        **{name: _evidence(aws, statistics, name) for name in _EVIDENCE},
    }


def _evidence(aws: Aws, statistics_uri: str | None, name: str) -> dict[str, Any] | None:
    """A document that lies beside the evaluation."""
    if statistics_uri is None:
        return None
    content = aws.read_object(f"{statistics_uri.rsplit('/', 1)[0]}/{name}.json")
    return None if content is None else dict(json.loads(content))


def _digests(system: System, package: Mapping[str, Any] | None) -> dict[str, str]:
    record = (package or {}).get("reproducibility") or {}
    found = {name: value for name, value in record.items() if _is_digest(name) and isinstance(value, str)}
    return {"declared_contract_digest": system.contract_digest, **dict(sorted(found.items()))}


def _is_digest(name: str) -> bool:
    return name.endswith(("_digest", "_sha256", "_version"))


def _release(aws: Aws, system: System) -> dict[str, Any] | None:
    if system.release_table_name is None:
        return None
    found = read_release(aws, system)
    return None if found is None else asdict(found)


def _pipeline(aws: Aws, system: System) -> dict[str, Any] | None:
    if system.pipeline_name is None:
        return None
    latest = last_execution(aws, system)
    if latest is None:
        return {"name": system.pipeline_name, "execution": None, "status": None, "steps": [], "failure": None}
    steps = execution_steps(aws, latest["PipelineExecutionArn"])
    status = latest["PipelineExecutionStatus"]
    return {
        "name": system.pipeline_name,
        "execution": latest["PipelineExecutionArn"],
        "status": status,
        "steps": [
            {"name": step["StepName"], "status": step["StepStatus"], "seconds": seconds(step)}
            for step in steps
        ],
        "failure": (failure_reason(aws, steps) or f"it ended as {status}")
        if status in {"Failed", "Stopped"}
        else None,
    }


def _value(package: Mapping[str, Any] | None, document: str, name: str) -> Any:  # noqa: ANN401 - plain JSON
    return ((package or {}).get(document) or {}).get(name)
