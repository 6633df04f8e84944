"""Pipelines through the API: real jobs, branches, registration, failure and stop."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.control import BUCKET, RESOURCES, ROLE, Cloud, Jobs, refused, unique, until


def get(path: str) -> dict[str, str]:
    return {"Get": path}


def join(*values: Any, on: str = "/") -> dict[str, Any]:
    return {"Std:Join": {"On": on, "Values": list(values)}}


class Pipeline:
    """A small pipeline like the real ones: train, evaluate, gate, register or fail."""

    def __init__(self, cloud: Cloud, jobs: Jobs) -> None:
        self.cloud = cloud
        self.jobs = jobs
        self.name = unique("Pipe")
        self.group = unique("Group")

    def training(self, code: str = "(base / 'model/m').write_text('m')") -> dict[str, Any]:
        return {
            "Name": "Train",
            "Type": "Training",
            "Arguments": {
                "AlgorithmSpecification": {
                    "TrainingImage": "any-image",
                    "TrainingInputMode": "File",
                    "ContainerEntrypoint": self.jobs.script(code),
                },
                "RoleArn": ROLE,
                "HyperParameters": {"rounds": join(get("Parameters.Rounds"), on="")},
                "OutputDataConfig": {
                    "S3OutputPath": join(f"s3://{BUCKET}/models", get("Execution.PipelineExecutionId"))
                },
                "ResourceConfig": RESOURCES,
                "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            },
        }

    def evaluation(self) -> dict[str, Any]:
        decision = """
import json
assert (base / "processing/input/model/model.tar.gz").exists()
(base / "processing/output/evaluation/decision.json").write_text(json.dumps({"auc": float(sys.argv[1])}))
"""
        return {
            "Name": "Evaluate",
            "Type": "Processing",
            "Arguments": {
                "AppSpecification": {
                    "ImageUri": "any-image",
                    "ContainerEntrypoint": self.jobs.script(decision),
                    "ContainerArguments": [get("Parameters.Auc")],
                },
                "RoleArn": ROLE,
                "ProcessingResources": {"ClusterConfig": RESOURCES},
                "ProcessingInputs": [
                    {
                        "InputName": "model",
                        "S3Input": {
                            "S3Uri": get("Steps.Train.ModelArtifacts.S3ModelArtifacts"),
                            "LocalPath": "/opt/ml/processing/input/model",
                            "S3DataType": "S3Prefix",
                            "S3InputMode": "File",
                        },
                    }
                ],
                "ProcessingOutputConfig": {
                    "Outputs": [
                        {
                            "OutputName": "evaluation",
                            "S3Output": {
                                "S3Uri": join(
                                    f"s3://{BUCKET}/evaluations", get("Execution.PipelineExecutionId")
                                ),
                                "LocalPath": "/opt/ml/processing/output/evaluation",
                                "S3UploadMode": "EndOfJob",
                            },
                        }
                    ]
                },
            },
            "PropertyFiles": [
                {"PropertyFileName": "Decision", "OutputName": "evaluation", "FilePath": "decision.json"}
            ],
        }

    def gate(self) -> dict[str, Any]:
        auc = {"Std:JsonGet": {"PropertyFile": get("Steps.Evaluate.PropertyFiles.Decision"), "Path": "auc"}}
        register = {
            "Name": "Register",
            "Type": "RegisterModel",
            "Arguments": {
                "ModelPackageGroupName": self.group,
                "ModelApprovalStatus": "Approved",
                "InferenceSpecification": {
                    "Containers": [
                        {
                            "Image": "headway-runtime:1",
                            "ModelDataUrl": get("Steps.Train.ModelArtifacts.S3ModelArtifacts"),
                        }
                    ],
                    "SupportedContentTypes": ["text/csv"],
                    "SupportedResponseMIMETypes": ["text/csv"],
                },
                "ModelMetrics": {
                    "ModelQuality": {
                        "Statistics": {
                            "ContentType": "application/json",
                            "S3Uri": join(
                                get(
                                    "Steps.Evaluate.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri"
                                ),
                                "decision.json",
                            ),
                        }
                    }
                },
            },
        }
        below = {
            "Name": "BelowFloor",
            "Type": "Fail",
            "Arguments": {"ErrorMessage": join("the AUC is", get("Parameters.Auc"), on=" ")},
        }
        enough = {"Type": "GreaterThanOrEqualTo", "LeftValue": auc, "RightValue": 0.66}
        return {
            "Name": "Gate",
            "Type": "Condition",
            "Arguments": {"Conditions": [enough], "IfSteps": [register], "ElseSteps": [below]},
        }

    def create(self, *steps: dict[str, Any]) -> None:
        self.cloud.sagemaker.create_pipeline(
            PipelineName=self.name, PipelineDefinition=self.definition(*steps), RoleArn=ROLE
        )

    def definition(self, *steps: dict[str, Any]) -> str:
        parameters = [
            {"Name": "Rounds", "Type": "Integer", "DefaultValue": 3},
            {"Name": "Auc", "Type": "String", "DefaultValue": "0.7"},
        ]
        return json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": list(steps)})

    def start(self, **members: Any) -> str:
        arn: str = self.cloud.sagemaker.start_pipeline_execution(PipelineName=self.name, **members)[
            "PipelineExecutionArn"
        ]
        return arn

    def ended(self, arn: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            described: dict[str, Any] = self.cloud.sagemaker.describe_pipeline_execution(
                PipelineExecutionArn=arn
            )
            return None if described["PipelineExecutionStatus"] in ("Executing", "Stopping") else described

        execution: dict[str, Any] = until(found, f"the end of {arn}")
        return execution

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        found = self.cloud.sagemaker.list_pipeline_execution_steps(
            PipelineExecutionArn=arn, SortOrder="Ascending"
        )
        return {item["StepName"]: item for item in found["PipelineExecutionSteps"]}


@pytest.fixture
def pipeline(cloud: Cloud, jobs: Jobs) -> Pipeline:
    return Pipeline(cloud, jobs)


def test_a_model_above_the_floor_is_registered(cloud: Cloud, pipeline: Pipeline) -> None:
    pipeline.create(pipeline.training(), pipeline.evaluation(), pipeline.gate())
    arn = pipeline.start(
        PipelineParameters=[{"Name": "Rounds", "Value": "5"}], PipelineExecutionDisplayName="first"
    )

    execution = pipeline.ended(arn)

    assert execution["PipelineExecutionStatus"] == "Succeeded", pipeline.steps(arn)
    assert execution["PipelineExecutionDisplayName"] == "first"
    steps = pipeline.steps(arn)
    assert list(steps) == ["Train", "Evaluate", "Gate", "Register"]
    assert {item["StepStatus"] for item in steps.values()} == {"Succeeded"}
    assert steps["Gate"]["Metadata"] == {"Condition": {"Outcome": "True"}}
    package = cloud.sagemaker.describe_model_package(
        ModelPackageName=steps["Register"]["Metadata"]["RegisterModel"]["Arn"]
    )
    assert (package["ModelPackageGroupName"], package["ModelApprovalStatus"]) == (pipeline.group, "Approved")
    evidence = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    assert json.loads(cloud.get(evidence)) == {"auc": 0.7}
    job_name = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    job = cloud.sagemaker.describe_training_job(TrainingJobName=job_name)
    assert job["HyperParameters"] == {"rounds": "5"}
    assert (
        package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        == job["ModelArtifacts"]["S3ModelArtifacts"]
    )
    values = cloud.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)[
        "PipelineParameters"
    ]
    assert values == [{"Name": "Rounds", "Value": "5"}, {"Name": "Auc", "Value": "0.7"}]


def test_a_model_below_the_floor_fails_the_execution_with_the_reason(pipeline: Pipeline) -> None:
    pipeline.create(pipeline.training(), pipeline.evaluation(), pipeline.gate())
    arn = pipeline.start(PipelineParameters=[{"Name": "Auc", "Value": "0.5"}])

    execution = pipeline.ended(arn)

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == "Step failure: One or multiple steps failed."
    steps = pipeline.steps(arn)
    assert list(steps) == ["Train", "Evaluate", "Gate", "BelowFloor"]
    assert steps["Gate"]["Metadata"] == {"Condition": {"Outcome": "False"}}
    assert (steps["BelowFloor"]["StepStatus"], steps["BelowFloor"]["FailureReason"]) == (
        "Failed",
        "the AUC is 0.5",
    )


def test_a_failed_job_fails_its_step_and_nothing_after_it_runs(pipeline: Pipeline) -> None:
    pipeline.create(
        pipeline.training("print('no rows'); sys.exit(2)"), pipeline.evaluation(), pipeline.gate()
    )
    arn = pipeline.start()

    assert pipeline.ended(arn)["PipelineExecutionStatus"] == "Failed"
    steps = pipeline.steps(arn)
    assert list(steps) == ["Train"]
    assert steps["Train"]["FailureReason"] == "AlgorithmError: no rows, exit code: 2"


def test_a_request_that_the_api_refuses_fails_its_step_with_the_apis_words(pipeline: Pipeline) -> None:
    training = pipeline.training()
    training["Arguments"]["ResourceConfig"] = {**RESOURCES, "InstanceType": "ml.imaginary.large"}
    pipeline.create(training)
    arn = pipeline.start()

    assert pipeline.ended(arn)["PipelineExecutionStatus"] == "Failed"
    reason = pipeline.steps(arn)["Train"]["FailureReason"]
    assert reason.startswith("ClientError: Failed to invoke sagemaker:CreateTrainingJob.")
    assert "ml.imaginary.large" in reason


def test_stopping_stops_the_running_job(cloud: Cloud, pipeline: Pipeline) -> None:
    pipeline.create(pipeline.training("import time; time.sleep(600)"), pipeline.evaluation())
    arn = pipeline.start()
    until(lambda: pipeline.steps(arn).get("Train", {}).get("Metadata"), "the running job")
    running = refused(cloud.sagemaker.delete_pipeline, PipelineName=pipeline.name)
    assert running[0] == "ConflictException"

    cloud.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)

    assert pipeline.ended(arn)["PipelineExecutionStatus"] == "Stopped"
    steps = pipeline.steps(arn)
    assert {name: item["StepStatus"] for name, item in steps.items()} == {"Train": "Stopped"}
    job_name = steps["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    assert cloud.sagemaker.describe_training_job(TrainingJobName=job_name)["TrainingJobStatus"] == "Stopped"
    assert (
        refused(cloud.sagemaker.stop_pipeline_execution, PipelineExecutionArn=arn)[0] == "ConflictException"
    )


def test_every_change_of_state_is_an_event(cloud: Cloud, pipeline: Pipeline) -> None:
    pipeline.create({"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "on purpose"}})
    arn = cloud.sagemaker.describe_pipeline(PipelineName=pipeline.name)["PipelineArn"]
    events = cloud.events({"source": ["aws.sagemaker"], "detail": {"pipelineArn": [arn]}})

    execution = pipeline.start()
    pipeline.ended(execution)

    seen = events.wait_for(5)
    kinds = [
        (event["detail-type"].removeprefix("SageMaker Model Building Pipeline Execution "), event["detail"])
        for event in seen
    ]
    assert [
        (kind, detail.get("currentPipelineExecutionStatus", detail.get("currentStepStatus")))
        for kind, detail in kinds
    ] == [
        ("Status Change", "Executing"),
        ("Step Status Change", "Starting"),
        ("Step Status Change", "Executing"),
        ("Step Status Change", "Failed"),
        ("Status Change", "Failed"),
    ]
    failed = kinds[3][1]
    assert (failed["stepName"], failed["stepType"], failed["failureReason"]) == ("Stop", "Fail", "on purpose")
    assert failed["metadata"] == {"fail": {"errorMessage": "on purpose"}}
    assert seen[-1]["resources"] == [arn, execution]
    assert seen[-1]["detail"]["previousPipelineExecutionStatus"] == "Executing"


def test_the_same_token_starts_and_creates_only_once(cloud: Cloud, pipeline: Pipeline) -> None:
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}
    token = "token-of-at-least-thirty-two-characters"
    request = {
        "PipelineName": pipeline.name,
        "PipelineDefinition": pipeline.definition(fail),
        "RoleArn": ROLE,
        "ClientRequestToken": token,
    }

    assert len({cloud.sagemaker.create_pipeline(**request)["PipelineArn"] for _ in range(2)}) == 1
    other = refused(cloud.sagemaker.create_pipeline, **{**request, "ClientRequestToken": f"{token}-2"})
    assert "already exists" in other[1]
    assert pipeline.start(ClientRequestToken=token) == pipeline.start(ClientRequestToken=token)
    found = cloud.sagemaker.list_pipeline_executions(PipelineName=pipeline.name)["PipelineExecutionSummaries"]
    assert len(found) == 1


def test_an_update_changes_later_executions_only(cloud: Cloud, pipeline: Pipeline) -> None:
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "first"}}
    pipeline.create(fail)
    arn = pipeline.start()
    changed = pipeline.definition({**fail, "Arguments": {"ErrorMessage": "second"}})
    location = cloud.put(f"definitions/{pipeline.name}.json", changed.encode())

    cloud.sagemaker.update_pipeline(
        PipelineName=pipeline.name,
        PipelineDefinitionS3Location={
            "Bucket": BUCKET,
            "ObjectKey": location.removeprefix(f"s3://{BUCKET}/"),
        },
        PipelineDescription="changed",
    )

    described = cloud.sagemaker.describe_pipeline(PipelineName=pipeline.name)
    assert (described["PipelineDefinition"], described["PipelineDescription"]) == (changed, "changed")
    started_with = cloud.sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)
    assert "first" in started_with["PipelineDefinition"]
    listed = cloud.sagemaker.list_pipelines(PipelineNamePrefix=pipeline.name)["PipelineSummaries"]
    assert [item["PipelineArn"] for item in listed] == [described["PipelineArn"]]
    assert "LastExecutionTime" in listed[0]
    pipeline.ended(arn)
    cloud.sagemaker.delete_pipeline(PipelineName=pipeline.name)
    code, message = refused(cloud.sagemaker.describe_pipeline, PipelineName=pipeline.name)
    assert (code, message) == ("ResourceNotFound", f"Pipeline '{described['PipelineArn']}' does not exist.")
    assert (
        refused(cloud.sagemaker.describe_pipeline_execution, PipelineExecutionArn=arn)[0]
        == "ResourceNotFound"
    )


def test_what_is_wrong_is_refused_before_anything_runs(cloud: Cloud, pipeline: Pipeline) -> None:
    bad = pipeline.definition({"Name": "A", "Type": "EMR", "Arguments": {"x": get("Parameters.Nope")}})

    code, message = refused(
        cloud.sagemaker.create_pipeline, PipelineName=pipeline.name, PipelineDefinition=bad, RoleArn=ROLE
    )

    assert code == "ValidationException"
    assert "steps of type 'EMR' are not emulated" in message
    assert "Parameters.Nope does not exist" in message
    pipeline.create({"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}})
    wrong = refused(
        pipeline.start, PipelineParameters=[{"Name": "Rounds", "Value": "many"}, {"Name": "No", "Value": "1"}]
    )
    assert "[many] is no Integer" in wrong[1]
    assert "[No] is not declared" in wrong[1]
