"""The processing job that an execution runs: a pure function of definition, window and what was captured.

Environment, inputs and outputs: "Container Contract Inputs" in the Amazon SageMaker AI Developer Guide, and
the requests that SageMaker itself makes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headway_sandbox.sagemaker.monitoring.definitions import Definition
from headway_sandbox.sagemaker.monitoring.times import Window, hour_path, iso
from headway_sandbox.sagemaker.protocol import Document
from headway_sandbox.sagemaker.s3_files import S3Location

NAME_LIMIT = 63
BASELINE_ROOT = "/opt/ml/processing/baseline"
CODE_ROOT = "/opt/ml/processing/code"
CONFIG_PATH = "/opt/ml/processing/input/config"
MERGER_IMAGE = "sagemaker-model-monitor-groundtruth-merger"
MERGE_FOLDER = "merge"
PUBLISH = "publish_cloudwatch_metrics"

_MERGE_INPUT = "/opt/ml/processing/input_data"
_MERGE_LABELS = "/opt/ml/processing/groundtruth"
_MERGE_OUTPUT = "/opt/ml/processing/output"

_ATTRIBUTES = {
    "FeaturesAttribute": "features_attribute",
    "InferenceAttribute": "inference_attribute",
    "ProbabilityAttribute": "probability_attribute",
    "ProbabilityThresholdAttribute": "probability_threshold_attribute",
    "ExcludeFeaturesAttribute": "exclude_features_attribute",
}
"""Members of an input, and the environment variables that carry them."""

_SCRIPTS = {
    "RecordPreprocessorSourceUri": ("record_preprocessor_script", "preprocessing"),
    "PostAnalyticsProcessorSourceUri": ("post_analytics_processor_script", "postprocessing"),
}
"""Members of an application, the environment variables for their local paths, and their folders."""

_TRANSFERS = ("S3InputMode", "S3DataDistributionType")
_BASELINES = {"ConstraintsResource": "constraints", "StatisticsResource": "statistics"}


@dataclass(frozen=True)
class Run:
    """One execution of a schedule.

    Attributes:
        schedule: Name of the schedule.
        scheduled: When it was to start, seconds since the epoch.
        window: The time whose data it looks at.
        capture_prefix: Where the endpoint's captured data is; None for batch transform.
    """

    schedule: str
    scheduled: float
    window: Window
    capture_prefix: str | None

    def job_name(self, stem: str, started: float) -> str:
        """The name of a job of this execution.

        Args:
            stem: What it starts with, for example ``data-quality-monitoring``.
            started: When the execution really started; tells two executions of one scheduled time apart.
        """
        stamp = "".join(hour_path(self.scheduled).split("/")) + iso(self.scheduled)[14:16]
        digest = hashlib.sha256(f"{self.schedule}|{self.scheduled}|{started}".encode()).hexdigest()
        return f"{stem}-{stamp}-{digest[:24]}"[:NAME_LIMIT]


def monitoring_job(
    definition: Definition, run: Run, name: str, data: Mapping[str, str], baselines: Mapping[str, str]
) -> Document:
    """The request for the processing job that monitors.

    Args:
        definition: The monitoring job.
        run: The execution.
        name: The processing job's name.
        data: URI of each input by its path below the input's local path.
        baselines: URI of ``constraints`` and ``statistics``, as far as there are any.
    """
    local = definition.source["LocalPath"]
    output = definition.outputs["MonitoringOutputs"][0]["S3Output"]
    inputs = [
        _input(f"endpoint_input_{number}", uri, f"{local}/{path}", definition.source)
        for number, (path, uri) in enumerate(sorted(data.items()), 1)
    ]
    environment = {
        "dataset_format": _dataset_format(definition),
        "dataset_source": local,
        "output_path": output["LocalPath"],
        "start_time": iso(run.window.start),
        "end_time": iso(run.window.end),
        "metric_time": iso(run.window.start),
        PUBLISH: "Enabled",
        "sagemaker_monitoring_schedule_name": run.schedule,
    }
    if definition.endpoint is not None:
        environment["sagemaker_endpoint_name"] = definition.endpoint
    if run.capture_prefix is not None:
        environment["sagemaker_endpoint_datacapture_prefix"] = run.capture_prefix
    if definition.kind.analysis is not None:
        environment["analysis_type"] = definition.kind.analysis
    if "ProblemType" in definition.application:
        environment["problem_type"] = definition.application["ProblemType"]
    for member, variable in _ATTRIBUTES.items():
        if member in definition.source:
            environment[variable] = str(definition.source[member])
    for label, uri in baselines.items():
        folder = f"{BASELINE_ROOT}/{label}"
        inputs.append(_input(label, uri, folder))
        environment[f"baseline_{label}"] = f"{folder}/{_file_name(uri)}"
    for member, (variable, folder) in _SCRIPTS.items():
        if member in definition.application:
            uri = definition.application[member]
            inputs.append(_input(variable, uri, f"{CODE_ROOT}/{folder}"))
            environment[variable] = f"{CODE_ROOT}/{folder}/{_file_name(uri)}"
    if "ConfigUri" in definition.application:
        inputs.append(_input("analysis_config", definition.application["ConfigUri"], CONFIG_PATH))
    where = [definition.endpoint] if definition.endpoint is not None else []
    target = S3Location.parse(output["S3Uri"]).child(*where, run.schedule, hour_path(run.scheduled))
    return _job(
        definition,
        name,
        image=definition.application["ImageUri"],
        command={
            member: definition.application[member]
            for member in ("ContainerEntrypoint", "ContainerArguments")
            if member in definition.application
        },
        environment={**environment, **definition.environment},
        inputs=inputs,
        output=(output["LocalPath"], str(target), output.get("S3UploadMode", "Continuous")),
    )


def merge_job(
    definition: Definition, name: str, data: Mapping[str, str], labels: Mapping[str, str]
) -> Document:
    """The request for the processing job that joins captured data with ground truth.

    Args:
        definition: The monitoring job.
        name: The processing job's name.
        data: URI of captured data by ``endpoint/variant/yyyy/mm/dd/hh``.
        labels: URI of ground truth by ``yyyy/mm/dd/hh``.
    """
    inputs = [
        _input(f"groundtruth_input_{number}", uri, f"{_MERGE_LABELS}/{path}")
        for number, (path, uri) in enumerate(sorted(labels.items()), 1)
    ]
    inputs += [
        _input(f"endpoint_input_{number}", uri, f"{_MERGE_INPUT}/{path}")
        for number, (path, uri) in enumerate(sorted(data.items()), 1)
    ]
    return _job(
        definition,
        name,
        image=MERGER_IMAGE,
        command={},
        environment={
            "dataset_source": _MERGE_INPUT,
            "ground_truth_source": _MERGE_LABELS,
            "output_path": _MERGE_OUTPUT,
        },
        inputs=inputs,
        output=(_MERGE_OUTPUT, merged_uri(definition), "EndOfJob"),
    )


def merged_uri(definition: Definition) -> str:
    """Where merged data goes."""
    output = definition.outputs["MonitoringOutputs"][0]["S3Output"]
    return str(S3Location.parse(output["S3Uri"]).child(MERGE_FOLDER))


def baseline_uris(definition: Definition, outputs: Sequence[Document]) -> dict[str, str]:
    """URIs of a definition's baselines, by ``constraints`` and ``statistics``.

    Args:
        definition: The monitoring job.
        outputs: Outputs of the baselining job that it names; its files stand in for what is not given.
    """
    given = {
        label: definition.baseline[member]["S3Uri"]
        for member, label in _BASELINES.items()
        if "S3Uri" in definition.baseline.get(member, {})
    }
    if not outputs:
        return given
    folder = S3Location.parse(outputs[0]["S3Output"]["S3Uri"])
    labels = _BASELINES.values() if definition.kind.analysis is None else ("constraints",)
    return {**{label: str(folder.child(f"{label}.json")) for label in labels}, **given}


def _job(
    definition: Definition,
    name: str,
    *,
    image: str,
    command: Document,
    environment: Mapping[str, str],
    inputs: Sequence[Document],
    output: tuple[str, str, str],
) -> Document:
    local, target, mode = output
    result = {
        "OutputName": "result",
        "S3Output": {"S3Uri": target, "LocalPath": local, "S3UploadMode": mode},
    }
    key = definition.outputs.get("KmsKeyId")
    return {
        "ProcessingJobName": name,
        "ProcessingInputs": list(inputs),
        "ProcessingOutputConfig": {"Outputs": [result], **({"KmsKeyId": key} if key else {})},
        "ProcessingResources": definition.resources,
        "StoppingCondition": {"MaxRuntimeInSeconds": definition.max_runtime_s},
        "AppSpecification": {"ImageUri": image, **command},
        "Environment": dict(environment),
        "RoleArn": definition.role,
        **({} if definition.network is None else {"NetworkConfig": definition.network}),
    }


def _input(name: str, uri: str, path: str, as_asked: Mapping[str, str] | None = None) -> Document:
    """An input of a processing job; `as_asked` may say how the data gets to the job's hosts."""
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    asked = {} if as_asked is None else {name: as_asked[name] for name in _TRANSFERS if name in as_asked}
    return {"InputName": name, "S3Input": {**source, **asked}}


def _file_name(uri: str) -> str:
    return uri.rpartition("/")[2]


def _dataset_format(definition: Definition) -> str:
    batch = definition.inputs.get("BatchTransformInput")
    if batch is not None:
        kind, options = next(iter(batch["DatasetFormat"].items()))
        named = {name.lower(): value for name, value in options.items()}
        return json.dumps({kind.lower(): named}, separators=(",", ":"))
    indices = (
        ["endpointOutput"] if definition.kind.type == "ModelQuality" else ["endpointInput", "endpointOutput"]
    )
    kind = "sagemakerMergeJson" if definition.kind.labelled else "sagemakerCaptureJson"
    return json.dumps({kind: {"captureIndexNames": indices}}, separators=(",", ":"))
