"""Models that bring their own inference code, served in what AWS's framework images have inside."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from support.serving import ROLE, Serving, variant_of

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0"
MODEL_ONLY = """
import json, os
class Model:
    def __init__(self, factor):
        self.factor = factor
    def predict(self, rows):
        return rows * self.factor
def model_fn(model_dir):
    with open(os.path.join(model_dir, "factor.json")) as file:
        return Model(json.load(file))
"""
ALL_STEPS = """
import helper
def model_fn(model_dir, context):
    return context.system_properties["model_dir"]
def input_fn(body, content_type):
    if content_type != "text/lines":
        raise ValueError(f"no {content_type} here")
    return body.decode().split("\\n")
def predict_fn(lines, model):
    return [helper.shout(line) for line in lines]
def output_fn(prediction, accept):
    return " ".join(prediction), "text/loud"
"""
TRANSFORM = """
import json
def model_fn(model_dir):
    return "model"
def transform_fn(model, body, content_type, accept, context):
    said = context.get_request_header(0, "X-Amzn-SageMaker-Custom-Attributes")
    return json.dumps([model, body.decode(), content_type, accept, said])
"""


def deploy(serving: Serving, files: dict[str, str], environment: dict[str, str] | None = None) -> str:
    model = serving.name("scripted")
    container = {"Image": IMAGE, "ModelDataUrl": serving.upload(files), "Environment": environment or {}}
    sagemaker = serving.client("sagemaker")
    sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE)
    name = serving.name("scripted-endpoint")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=serving.config({"ModelName": model}))
    return name


def ask(serving: Serving, name: str, body: bytes, **more: Any) -> dict[str, Any]:
    arguments = {"ContentType": "application/json", "Accept": "application/json", **more}
    answer = serving.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=body, **arguments)
    return {**answer, "Body": answer["Body"].read()}


def test_a_model_with_model_fn_alone_is_asked_in_json_csv_and_npy(serving: Serving) -> None:
    name = deploy(serving, {"code/inference.py": MODEL_ONLY, "factor.json": "3"})
    assert serving.settled(name)["EndpointStatus"] == "InService", serving.describe(name)

    assert json.loads(ask(serving, name, b"[[1, 2]]")["Body"]) == [[3, 6]]
    rows = ask(serving, name, b"1,2\n3,4\n", ContentType="text/csv; charset=utf-8", Accept="text/csv")
    assert (rows["Body"], rows["ContentType"]) == (b"3.0,6.0\n9.0,12.0\n", "text/csv")
    array = io.BytesIO()
    np.save(array, np.array([1.5]))
    numbers = ask(
        serving, name, array.getvalue(), ContentType="application/x-npy", Accept="application/x-npy"
    )
    assert np.load(io.BytesIO(numbers["Body"])).tolist() == [4.5]
    for body, kinds, status in (
        (b"1", {"ContentType": "image/png"}, 415),
        (b"1", {"Accept": "image/png"}, 415),
        (b"no json", {}, 500),
    ):
        with pytest.raises(ClientError) as caught:
            ask(serving, name, body, **kinds)
        assert caught.value.response["OriginalStatusCode"] == status, kinds


def test_every_step_and_its_helpers_can_be_the_users(serving: Serving) -> None:
    helper = "def shout(text):\n    return text.upper()\n"
    name = deploy(
        serving,
        {"code/serve.py": ALL_STEPS, "code/helper.py": helper},
        {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
    )
    assert serving.settled(name)["EndpointStatus"] == "InService", serving.describe(name)

    answer = ask(serving, name, b"a\nb", ContentType="text/lines")

    assert (answer["Body"], answer["ContentType"]) == (b"A B", "text/loud")
    with pytest.raises(ClientError) as caught:
        ask(serving, name, b"a")
    assert "ValueError: no application/json here" in caught.value.response["OriginalMessage"]


def test_transform_fn_does_all_of_it_and_the_code_may_be_in_s3(serving: Serving) -> None:
    source = serving.upload({"handlers.py": TRANSFORM})
    name = deploy(
        serving,
        {"weights": "none"},
        {"SAGEMAKER_PROGRAM": "handlers.py", "SAGEMAKER_SUBMIT_DIRECTORY": source},
    )
    assert serving.settled(name)["EndpointStatus"] == "InService", serving.describe(name)

    answer = ask(serving, name, b"x", Accept="*/*", CustomAttributes="trace=1")

    assert json.loads(answer["Body"]) == ["model", "x", "application/json", "application/json", "trace=1"]


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"weights": "w"}, "Pack code/inference.py with model_fn"),
        ({"code/inference.py": "def predict_fn(data, model): ..."}, "has no function model_fn(model_dir)"),
        (
            {"code/inference.py": f"{TRANSFORM}\ndef input_fn(body, content_type): ...\n"},
            "transform_fn and input_fn",
        ),
        ({"code/inference.py": "import no_such_module"}, "No module named 'no_such_module'"),
    ],
)
def test_code_that_cannot_serve_fails_the_endpoint_and_says_why(
    serving: Serving, files: dict[str, str], problem: str
) -> None:
    endpoint = serving.settled(deploy(serving, files))

    assert endpoint["EndpointStatus"] == "Failed"
    assert problem in endpoint["FailureReason"]


def test_a_missing_framework_is_named_with_its_pip_command(serving: Serving) -> None:
    model = serving.name("pytorch")
    image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.3-cpu-py311"
    data = serving.upload({"code/inference.py": f"import torch\n{MODEL_ONLY}"})
    sagemaker = serving.client("sagemaker")
    sagemaker.create_model(
        ModelName=model, PrimaryContainer={"Image": image, "ModelDataUrl": data}, ExecutionRoleArn=ROLE
    )
    name = serving.name("pytorch-endpoint")
    config = serving.name("pytorch-config")
    sagemaker.create_endpoint_config(
        EndpointConfigName=config, ProductionVariants=[variant_of(ModelName=model)]
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)

    endpoint = serving.settled(name)

    assert endpoint["EndpointStatus"] == "Failed"
    assert "python -m pip install torch" in endpoint["FailureReason"]
