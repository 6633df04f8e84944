"""AWS as the monitor's function sees it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError

from headway_runtime.monitor.control.retraining import (
    DATA,
    PERIOD_S,
    TRIGGER_PARAMETER,
    Training,
)
from headway_runtime.monitor.control.window import CapturedFile

NAMESPACE = "Headway/Drift"
TRAIN_STEP = "Train"
"""Step of the training pipeline that trains."""
JOB_SAYS = "AlgorithmError"
"""How SageMaker begins the reason of a job whose own code has ended it: again it would end so again."""
_METRICS_A_CALL = 500


@dataclass(frozen=True)
class Serving:
    """The model that answers.

    Attributes:
        package_arn: Its package; empty for one that was not registered, such as the placeholder.
        baseline_uri: Where the baseline of its training is; empty if it has none.
        changed_at: When the endpoint changed last, seconds since the epoch.
        evaluation_uri: Where its evaluation is; empty if it has none.
        artifact_uri: Where the model itself is; empty if it was not registered.
        metadata: What is known about its version.
    """

    package_arn: str
    baseline_uri: str
    changed_at: float
    evaluation_uri: str = ""
    artifact_uri: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


class Cloud:
    """The calls of the monitor's function.

    Args:
        clients: boto3 clients by the name of the service: s3, sagemaker, cloudwatch.
    """

    def __init__(self, clients: Mapping[str, Any]) -> None:
        self._s3 = clients["s3"]
        self._sagemaker = clients["sagemaker"]
        self._cloudwatch = clients["cloudwatch"]

    def serving(self, endpoint: str, variant: str) -> Serving:
        """The model behind a variant of an endpoint.

        Raises:
            ClientError: There is no such endpoint, or AWS refuses.
        """
        described = self._sagemaker.describe_endpoint(EndpointName=endpoint)
        changed_at = described["LastModifiedTime"].timestamp()
        config = self._sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
        models = {item["VariantName"]: item["ModelName"] for item in config["ProductionVariants"]}
        if variant not in models:
            return Serving("", "", changed_at)
        model = self._sagemaker.describe_model(ModelName=models[variant])
        package_arn = model.get("PrimaryContainer", {}).get("ModelPackageName", "")
        if not package_arn:
            return Serving("", "", changed_at)
        package = self._sagemaker.describe_model_package(ModelPackageName=package_arn)
        found = package.get("ModelMetrics", {})
        data, model = (
            found.get(name, {}).get("Statistics", {}).get("S3Uri", "")
            for name in ("ModelDataQuality", "ModelQuality")
        )
        containers = package.get("InferenceSpecification", {}).get("Containers", ())
        artifact = next((item["ModelDataUrl"] for item in containers if "ModelDataUrl" in item), "")
        return Serving(
            package_arn=package_arn,
            baseline_uri=data.rpartition("/")[0],
            changed_at=changed_at,
            evaluation_uri=model,
            artifact_uri=artifact,
            metadata=package.get("CustomerMetadataProperties", {}),
        )

    def serving_if_any(self, endpoint: str, variant: str) -> Serving | None:
        """The model behind a variant of an endpoint; None where there is no such endpoint yet.

        Raises:
            ClientError: AWS refuses.
        """
        try:
            return self.serving(endpoint, variant)
        except ClientError as error:
            told = error.response.get("Error", {})
            if told.get("Code") == "ValidationException" and "Could not find" in told.get("Message", ""):
                return None
            raise

    def captured(self, bucket: str, prefix: str, cursor: str) -> Iterator[CapturedFile]:
        """Files of JSON Lines below a prefix, from a key on."""
        return (file for file in self.listed(bucket, prefix, cursor) if file.key.endswith(".jsonl"))

    def listed(self, bucket: str, prefix: str, cursor: str = "") -> Iterator[CapturedFile]:
        """All objects below a prefix, in the order of their keys, from a key on."""
        after = {"StartAfter": cursor} if cursor else {}
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **after)
        for page in pages:
            for item in page.get("Contents", ()):
                yield CapturedFile(item["Key"], item["LastModified"].timestamp(), item["ETag"].strip('"'))

    def read(self, bucket: str, key: str) -> tuple[dict[str, Any], str] | None:
        """A JSON object and its entity tag; None when it is not there."""
        try:
            found = self._s3.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404"):
                return None
            raise
        return json.loads(found["Body"].read()), found["ETag"]

    def write(self, bucket: str, key: str, value: object) -> None:
        """Write JSON."""
        self._s3.put_object(Bucket=bucket, Key=key, Body=_json(value), ContentType="application/json")

    def replace(self, bucket: str, key: str, value: object, tag: str) -> bool:
        """Write JSON in place of what was read, unless somebody else has.

        Args:
            bucket: The bucket.
            key: The key.
            value: JSON values.
            tag: Entity tag of what was read; empty when nothing was there.

        Returns:
            Whether it was written.
        """
        condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        try:
            self._s3.put_object(
                Bucket=bucket, Key=key, Body=_json(value), ContentType="application/json", **condition
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in (
                "PreconditionFailed",
                "ConditionalRequestConflict",
            ):
                return False
            raise
        return True

    def trainings(self, pipeline: str, now: float) -> list[Training]:
        """Executions of a pipeline in the time over which automatic ones are counted."""
        found: list[Training] = []
        pages = self._sagemaker.get_paginator("list_pipeline_executions").paginate(
            PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending"
        )
        for page in pages:
            for item in page["PipelineExecutionSummaries"]:
                started_at = item["StartTime"].timestamp()
                if now - started_at >= PERIOD_S:
                    return found
                found.append(self._training(item, started_at))
        return found

    def _training(self, execution: Mapping[str, Any], started_at: float) -> Training:
        arn, status = execution["PipelineExecutionArn"], execution["PipelineExecutionStatus"]
        running, trigger = status in ("Executing", "Stopping"), self._trigger(arn)
        known = Training(
            started_at,
            running,
            trigger,
            name=execution.get("PipelineExecutionDisplayName", ""),
            succeeded=status == "Succeeded",
            stopped=status == "Stopped",
        )
        if trigger != DATA or running:
            return known
        pages = self._sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=arn
        )
        steps = [step for page in pages for step in page["PipelineExecutionSteps"]]
        said = map(_refusal, steps)
        trained = any(step["StepName"] == TRAIN_STEP for step in steps)
        return replace(known, trained=trained, refused=next(filter(None, said), ""))

    def start(
        self, pipeline: str, name: str, description: str, parameters: Mapping[str, str], token: str
    ) -> None:
        """Starts a pipeline; the same token again starts nothing.

        Args:
            pipeline: Name of the pipeline.
            name: Display name of the execution.
            description: Why it is started, for people.
            parameters: Parameters of the execution.
            token: What tells one start from another, 32 to 128 characters.
        """
        self._sagemaker.start_pipeline_execution(
            PipelineName=pipeline,
            PipelineExecutionDisplayName=name,
            PipelineExecutionDescription=description,
            PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
            ClientRequestToken=token,
        )

    def _trigger(self, execution_arn: str) -> str:
        pages = self._sagemaker.get_paginator("list_pipeline_parameters_for_execution").paginate(
            PipelineExecutionArn=execution_arn
        )
        given = {item["Name"]: item["Value"] for page in pages for item in page["PipelineParameters"]}
        return str(given.get(TRIGGER_PARAMETER, ""))

    def publish(self, metrics: Sequence[Mapping[str, Any]], system: str, endpoint: str) -> None:
        """Publish metrics of an endpoint: name, value and, for that of one column, `feature`."""
        data = []
        for metric in metrics:
            dimensions = {"System": system, "Endpoint": endpoint}
            if "feature" in metric:
                dimensions["Feature"] = metric["feature"]
            data.append(
                {
                    "MetricName": metric["name"],
                    "Value": float(metric["value"]),
                    "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
                }
            )
        self.put_metrics(NAMESPACE, data)

    def put_metrics(self, namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
        """Publish metrics as PutMetricData takes them."""
        for start in range(0, len(data), _METRICS_A_CALL):
            self._cloudwatch.put_metric_data(
                Namespace=namespace, MetricData=data[start : start + _METRICS_A_CALL]
            )


def _refusal(step: Mapping[str, Any]) -> str:
    """What a gate or a job says that has ended an execution; empty for a step that went well or broke off."""
    why = str(step.get("FailureReason", ""))
    told = str(step.get("Metadata", {}).get("Fail", {}).get("ErrorMessage", ""))
    return told or (f"{step['StepName']}: {why}" if why.startswith(JOB_SAYS) else "")


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()
