"""Models and endpoint configurations: what is kept, and what is refused in which words."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from support.serving import Serving, refused, variant_of

ARN = "arn:aws:sagemaker:us-east-1:000000000000"
ROLE = "arn:aws:iam::000000000000:role/serving"
VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}


def link(name: str, kind: bytes, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_a_model_is_described_as_it_was_created(serving: Serving) -> None:
    sagemaker = serving.client("sagemaker")
    name = serving.name("model")
    container = {
        "Image": "registry/tiny-server@sha256:" + "0" * 64,
        "ModelDataUrl": serving.upload({"model.txt": "tree"}),
        "Environment": {"A": "1"},
        "Mode": "SingleModel",
    }

    arn = sagemaker.create_model(
        ModelName=name,
        PrimaryContainer=container,
        ExecutionRoleArn=ROLE,
        VpcConfig=VPC,
        Tags=[{"Key": "team", "Value": "delays"}],
    )["ModelArn"]

    model = sagemaker.describe_model(ModelName=name)
    assert arn == model["ModelArn"] == f"{ARN}:model/{name}"
    assert model["PrimaryContainer"] == container
    assert model["VpcConfig"] == VPC
    assert model["ExecutionRoleArn"] == ROLE
    assert model["EnableNetworkIsolation"] is False
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "delays"}]
    assert name in {item["ModelName"] for item in sagemaker.list_models(MaxResults=100)["Models"]}

    sagemaker.delete_model(ModelName=name)
    with refused("ValidationException", f'Could not find model "{ARN}:model/{name}".'):
        sagemaker.describe_model(ModelName=name)


def test_a_model_cannot_be_created_twice(serving: Serving) -> None:
    name = serving.model()

    with refused("ValidationException", f'Cannot create already existing model "{ARN}:model/{name}".'):
        serving.client("sagemaker").create_model(
            ModelName=name, PrimaryContainer={"Image": "tiny-server"}, ExecutionRoleArn=ROLE
        )


@pytest.mark.parametrize(
    ("request_parts", "words"),
    [
        ({}, ["Specify PrimaryContainer, or Containers"]),
        (
            {"PrimaryContainer": {"Image": "tiny-server"}, "Containers": [{"Image": "tiny-server"}]},
            ["either PrimaryContainer or Containers"],
        ),
        ({"PrimaryContainer": {}}, ["either Image or ModelPackageName"]),
        ({"PrimaryContainer": {"Image": "unheard-of:1"}}, ["unheard-of:1", "images.toml"]),
        (
            {"PrimaryContainer": {"Image": "tiny-server", "ModelDataUrl": "s3://nowhere/model.tar.gz"}},
            ["Could not find model data at s3://nowhere/model.tar.gz."],
        ),
        ({"PrimaryContainer": {"Image": "tiny-server", "Mode": "MultiModel"}}, ["MultiModel", "SingleModel"]),
        ({"PrimaryContainer": {"ModelPackageName": "nowhere"}}, ["model-package/nowhere does not exist"]),
        (
            {
                "Containers": [
                    {"Image": "a", "ContainerHostname": "x"},
                    {"Image": "b", "ContainerHostname": "x"},
                ]
            },
            ["ContainerHostname must be unique"],
        ),
    ],
)
def test_definitions_of_models_that_cannot_serve_are_refused(
    serving: Serving, request_parts: dict[str, Any], words: list[str]
) -> None:
    with refused("ValidationException", *words):
        serving.client("sagemaker").create_model(
            ModelName=serving.name("model"), ExecutionRoleArn=ROLE, **request_parts
        )


def test_a_configuration_is_described_as_it_was_created(serving: Serving) -> None:
    sagemaker = serving.client("sagemaker")
    model = serving.model()
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://capture/here",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    }
    asynchronous = {"OutputConfig": {"S3OutputPath": "s3://answers/here"}}
    shadow = variant_of(VariantName="shadow", ModelName=model, InitialVariantWeight=0.5)

    name = serving.config(
        {"ModelName": model},
        DataCaptureConfig=capture,
        AsyncInferenceConfig=asynchronous,
        ShadowProductionVariants=[shadow],
        KmsKeyId="alias/serving",
    )

    config = sagemaker.describe_endpoint_config(EndpointConfigName=name)
    assert config["EndpointConfigArn"] == f"{ARN}:endpoint-config/{name}"
    assert config["ProductionVariants"] == [{**variant_of(ModelName=model), "InitialVariantWeight": 1.0}]
    assert config["ShadowProductionVariants"] == [shadow]
    assert config["DataCaptureConfig"] == capture
    assert config["AsyncInferenceConfig"] == asynchronous
    assert config["KmsKeyId"] == "alias/serving"
    listed = sagemaker.list_endpoint_configs(NameContains=name, MaxResults=100)["EndpointConfigs"]
    assert name in {item["EndpointConfigName"] for item in listed}

    sagemaker.delete_endpoint_config(EndpointConfigName=name)
    with refused(
        "ValidationException", f'Could not find endpoint configuration "{ARN}:endpoint-config/{name}".'
    ):
        sagemaker.describe_endpoint_config(EndpointConfigName=name)


def test_a_weight_of_zero_stays_zero(serving: Serving) -> None:
    model = serving.model()
    variants: list[dict[str, Any]] = [
        {"VariantName": "on", "ModelName": model},
        {"VariantName": "off", "ModelName": model, "InitialVariantWeight": 0.0},
    ]

    name = serving.config(*variants)

    config = serving.client("sagemaker").describe_endpoint_config(EndpointConfigName=name)
    weights = {item["VariantName"]: item["InitialVariantWeight"] for item in config["ProductionVariants"]}
    assert weights == {"on": 1.0, "off": 0.0}


def test_a_configuration_cannot_be_created_twice(serving: Serving) -> None:
    name = serving.config_of()

    with refused("ValidationException", "Cannot create already existing endpoint configuration", name):
        serving.client("sagemaker").create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant_of(ModelName=serving.model())]
        )


@pytest.mark.parametrize(
    ("variants", "more", "words"),
    [
        ([variant_of(ModelName="nobody")], {}, [f'Could not find model "{ARN}:model/nobody".']),
        ([variant_of(ModelName="m"), variant_of(ModelName="m")], {}, ["unique", "main"]),
        ([{"VariantName": "main", "ModelName": "m"}], {}, ["InstanceType and InitialInstanceCount"]),
        ([variant_of()], {}, ["no ModelName"]),
        ([variant_of(ModelName="m", InitialVariantWeight=0.0)], {}, ["greater than 0"]),
        (
            [variant_of(ModelName="m"), variant_of(VariantName="b", ModelName="m")],
            {"ShadowProductionVariants": [variant_of(VariantName="s", ModelName="m")]},
            ["only one production and one shadow variant", "2 and 1"],
        ),
    ],
)
def test_configurations_that_cannot_serve_are_refused(
    serving: Serving, variants: list[dict[str, Any]], more: dict[str, Any], words: list[str]
) -> None:
    with refused("ValidationException", *words):
        serving.client("sagemaker").create_endpoint_config(
            EndpointConfigName=serving.name("config"), ProductionVariants=variants, **more
        )


def register(serving: Serving, status: str, **container: Any) -> str:
    sagemaker = serving.client("sagemaker")
    group = serving.name("group")
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arn: str = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus=status,
        InferenceSpecification={
            "Containers": [{"Image": "tiny-server", **container}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )["ModelPackageArn"]
    return arn


def test_an_approved_model_package_is_served(serving: Serving) -> None:
    package = register(
        serving,
        "Approved",
        ModelDataUrl=serving.upload({"model.txt": "registered"}),
        Environment={"NAME": "registered", "LATENCY": "0"},
    )
    model = serving.name("model")
    container = {"ModelPackageName": package, "Environment": {"NAME": "overridden"}}
    serving.client("sagemaker").create_model(
        ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE
    )

    said = serving.invoke(serving.endpoint(serving.config({"ModelName": model})))["Body"]

    assert said["files"] == {"model/model.txt": "registered"}
    assert said["name"] == "overridden"
    assert said["environment"]["LATENCY"] == "0"


def test_a_model_package_that_is_not_approved_cannot_be_deployed(serving: Serving) -> None:
    package = register(serving, "PendingManualApproval", ModelDataUrl=serving.upload({"model.txt": ""}))

    with refused("ValidationException", package, "PendingManualApproval", "UpdateModelPackage"):
        serving.client("sagemaker").create_model(
            ModelName=serving.name("model"),
            PrimaryContainer={"ModelPackageName": package},
            ExecutionRoleArn=ROLE,
        )


def test_a_model_of_plain_files_is_served(serving: Serving) -> None:
    serving.upload({"model.txt": ""})
    s3 = serving.client("s3")
    for key, text in {
        "plain/model.txt": "tree",
        "plain/code/app.py": "code",
        "plainer/other.txt": "x",
    }.items():
        s3.put_object(Bucket="models", Key=key, Body=text.encode())
    source = {"S3Uri": "s3://models/plain/", "S3DataType": "S3Prefix", "CompressionType": "None"}

    model = serving.model(ModelDataSource={"S3DataSource": source})
    said = serving.invoke(serving.endpoint(serving.config({"ModelName": model})))["Body"]

    assert said["files"] == {"model/model.txt": "tree", "model/code/app.py": "code"}


@pytest.mark.parametrize(
    "member",
    [
        tarfile.TarInfo("../../escaped.txt"),
        tarfile.TarInfo("/tmp/escaped.txt"),
        link("inside", tarfile.SYMTYPE, "../../../escaped.txt"),
        link("inside", tarfile.LNKTYPE, "../../../escaped.txt"),
        link("/escaped.txt", tarfile.SYMTYPE, "/etc/passwd"),
    ],
    ids=["parent", "absolute", "symbolic link", "hard link", "absolute link"],
)
def test_an_archive_cannot_reach_outside_its_directory(serving: Serving, member: tarfile.TarInfo) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.addfile(member)
    url = serving.upload({})
    serving.client("s3").put_object(
        Bucket="models", Key=url.removeprefix("s3://models/"), Body=content.getvalue()
    )
    name = serving.name("endpoint")
    serving.client("sagemaker").create_endpoint(
        EndpointName=name, EndpointConfigName=serving.config({"ModelName": serving.model(ModelDataUrl=url)})
    )

    endpoint = serving.settled(name)

    if endpoint["EndpointStatus"] == "InService":  # tarfile takes the root off an absolute name
        assert set(serving.invoke(name)["Body"]["files"]) <= {"model/tmp/escaped.txt"}
    else:
        assert "Failed to extract model data archive" in endpoint["FailureReason"]
        assert (
            "outside the destination" in endpoint["FailureReason"] or "absolute" in endpoint["FailureReason"]
        )
    assert not [path for path in serving.state_dir.parent.rglob("escaped.txt") if "model" not in path.parts]


def test_a_bucket_that_is_missing_fails_the_endpoint(serving: Serving) -> None:
    source = {"S3Uri": "s3://nowhere/at-all/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    model = serving.model(ModelDataSource={"S3DataSource": source})
    name = serving.name("endpoint")
    serving.client("sagemaker").create_endpoint(
        EndpointName=name, EndpointConfigName=serving.config({"ModelName": model})
    )

    failed = serving.settled(name)

    assert failed["EndpointStatus"] == "Failed"
    assert 'Failed to download model data for container "primary"' in failed["FailureReason"]
    assert "s3://nowhere/at-all/" in failed["FailureReason"]


def test_keys_cannot_reach_outside_the_model_directory(serving: Serving) -> None:
    serving.upload({})
    serving.client("s3").put_object(Bucket="models", Key="sly/../../escaped.txt", Body=b"out")
    source = {"S3Uri": "s3://models/sly/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    model = serving.model(ModelDataSource={"S3DataSource": source})
    name = serving.name("endpoint")
    serving.client("sagemaker").create_endpoint(
        EndpointName=name, EndpointConfigName=serving.config({"ModelName": model})
    )

    failed = serving.settled(name)

    assert failed["EndpointStatus"] == "Failed"
    assert "would be written outside the model directory" in failed["FailureReason"]
