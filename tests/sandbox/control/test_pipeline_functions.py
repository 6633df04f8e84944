"""Steps of a pipeline that call a function: what it gets, what later steps learn from it, and failure."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from support.control import ROLE, Cloud, refused, unique, until

DOUBLES = (
    "def handle(event, context):\n    return {'twice': event['n'] * 2, 'word': event['word'], 'more': 1}\n"
)
FAILS = "def handle(event, context):\n    raise ValueError('no such window')\n"


def function(cloud: Cloud, code: str) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("work.py", code)
    created = cloud.client("lambda").create_function(
        FunctionName=unique("work"),
        Runtime="python3.12",
        Handler="work.handle",
        Role=ROLE,
        Code={"ZipFile": archive.getvalue()},
    )
    return str(created["FunctionArn"])


def definition(arn: str, outputs: tuple[str, ...] = ("twice", "word"), **more: Any) -> str:
    call = {
        "Name": "Plan",
        "Type": "Lambda",
        "FunctionArn": arn,
        "Arguments": {"n": 21, "word": {"Get": "Parameters.Word"}},
        "OutputParameters": [{"OutputName": name, "OutputType": "String"} for name in outputs],
        **more,
    }
    said = {
        "Std:Join": {"On": " ", "Values": [{"Get": f"Steps.Plan.OutputParameters['{n}']"} for n in outputs]}
    }
    after = {"Name": "Say", "Type": "Fail", "Arguments": {"ErrorMessage": said}}
    parameters = [{"Name": "Word", "Type": "String", "DefaultValue": "hello"}]
    return json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": [call, after]})


def run(cloud: Cloud, text: str) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The ended execution and its steps by name."""
    sagemaker = cloud.client("sagemaker")
    name = unique("Calls")
    sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=text, RoleArn=ROLE, ClientRequestToken="t" * 32
    )
    arn = sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return None if found["PipelineExecutionStatus"] == "Executing" else found

    found = until(ended, "the end of the execution")
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return found, {step["StepName"]: step for step in steps}


def test_later_steps_learn_what_a_function_answered(cloud: Cloud) -> None:
    arn = function(cloud, DOUBLES)
    _, steps = run(cloud, definition(arn))

    assert steps["Plan"]["StepStatus"] == "Succeeded"
    assert steps["Plan"]["Metadata"]["Lambda"] == {
        "Arn": arn,
        "OutputParameters": [{"Name": "twice", "Value": "42"}, {"Name": "word", "Value": "hello"}],
    }
    assert steps["Say"]["FailureReason"] == "42 hello"


@pytest.mark.parametrize(
    ("code", "outputs", "says"),
    [
        (FAILS, ("twice",), "no such window"),
        (DOUBLES, ("thrice",), "did not answer with thrice"),
    ],
)
def test_a_function_that_fails_or_says_too_little_fails_the_step(
    cloud: Cloud, code: str, outputs: tuple[str, ...], says: str
) -> None:
    execution, steps = run(cloud, definition(function(cloud, code), outputs))

    assert execution["PipelineExecutionStatus"] == "Failed"
    assert says in steps["Plan"]["FailureReason"]
    assert "Say" not in steps


def test_a_function_that_is_not_there_fails_the_step(cloud: Cloud) -> None:
    _, steps = run(cloud, definition("arn:aws:lambda:us-east-1:000000000000:function:nowhere"))

    assert "Failed to invoke lambda:Invoke" in steps["Plan"]["FailureReason"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"FunctionArn": None}, "FunctionArn is None"),
        ({"OutputParameters": ["twice"]}, "OutputParameters must be a list"),
        ({"PropertyFiles": [], "Payload": {}}, "unknown member Payload"),
    ],
)
def test_a_call_that_is_no_call_is_refused(cloud: Cloud, more: dict[str, Any], says: str) -> None:
    code, message = refused(
        cloud.client("sagemaker").create_pipeline,
        PipelineName=unique("Calls"),
        PipelineDefinition=definition("arn:aws:lambda:us-east-1:000000000000:function:f", **more),
        RoleArn=ROLE,
        ClientRequestToken="t" * 32,
    )

    assert code == "ValidationException"
    assert says in message
