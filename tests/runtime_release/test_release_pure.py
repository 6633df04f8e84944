"""Shapes and leftovers: what the release machine makes and deletes, without any AWS."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_runtime.release.shapes import (
    Shape,
    alone,
    derive_model,
    is_made_for,
    leftovers,
    named,
    shadowed,
    split,
)
from support.aws_models import api_problems

PREFIX = "fraud-prod"
ROLE = "arn:aws:iam::000000000000:role/serving"
PACKAGE = "arn:aws:sagemaker:us-east-1:000000000000:model-package/fraud-prod/7"
BASE: dict[str, Any] = {
    "EndpointConfigName": "fraud-prod-base-0123456789ab",
    "EndpointConfigArn": "arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/base",
    "CreationTime": 1,
    "KmsKeyId": "arn:aws:kms:us-east-1:000000000000:key/k",
    "DataCaptureConfig": {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://capture/fraud-prod",
        "CaptureOptions": [{"CaptureMode": "Input"}],
    },
    "VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    "EnableNetworkIsolation": True,
    "ProductionVariants": [
        {
            "VariantName": "champion",
            "ModelName": "fraud-prod-model-0123456789ab",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 2,
            "InitialVariantWeight": 1.0,
        }
    ],
}


CHAMPION_MODEL, CHALLENGER_MODEL = "fraud-prod-model-aaaaaaaaaaaa", "fraud-prod-model-bbbbbbbbbbbb"
SHAPES = {
    "alone": alone(PREFIX, BASE, CHALLENGER_MODEL),
    "shadowed": shadowed(PREFIX, BASE, CHAMPION_MODEL, CHALLENGER_MODEL, 50),
    "split": split(PREFIX, BASE, CHAMPION_MODEL, CHALLENGER_MODEL, 1),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))
def test_a_shape_is_the_base_with_other_models(shape: Shape) -> None:
    assert shape.config is not None
    (base_variant,) = BASE["ProductionVariants"]
    kept = ("KmsKeyId", "DataCaptureConfig", "VpcConfig", "EnableNetworkIsolation")
    variants = [*shape.config["ProductionVariants"], *shape.config.get("ShadowProductionVariants", [])]

    assert {key: shape.config[key] for key in kept} == {key: BASE[key] for key in kept}
    for variant in variants:
        assert variant["InstanceType"] == base_variant["InstanceType"]
        assert variant["InitialInstanceCount"] == base_variant["InitialInstanceCount"]
    assert "CreationTime" not in shape.config
    assert sum(shape.weights.values()) == 100
    assert list(api_problems("sagemaker", "CreateEndpointConfig", dict(shape.config))) == []


def test_who_answers_in_which_shape() -> None:
    def answering(shape: Shape) -> dict[str, float]:
        assert shape.config is not None
        return {
            variant["ModelName"]: variant["InitialVariantWeight"]
            for variant in shape.config["ProductionVariants"]
        }

    assert answering(SHAPES["alone"]) == {CHALLENGER_MODEL: 100}
    assert answering(SHAPES["shadowed"]) == {CHAMPION_MODEL: 100}
    assert answering(SHAPES["split"]) == {CHAMPION_MODEL: 99, CHALLENGER_MODEL: 1}


def test_a_model_runs_where_the_model_of_its_base_does() -> None:
    network = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    model = derive_model(PREFIX, {"VpcConfig": network}, ROLE, PACKAGE)

    assert model["PrimaryContainer"] == {"ModelPackageName": PACKAGE}
    assert (model["ExecutionRoleArn"], model["VpcConfig"]) == (ROLE, network)
    assert "VpcConfig" not in derive_model(PREFIX, {}, ROLE, PACKAGE)


def test_with_its_own_model_the_base_itself_is_the_shape() -> None:
    own = BASE["ProductionVariants"][0]["ModelName"]

    assert alone(PREFIX, BASE, own).name == BASE["EndpointConfigName"]
    assert alone(PREFIX, BASE, own).config is None


def test_equal_content_has_one_name_and_other_content_another() -> None:
    again = alone(PREFIX, {**BASE, "CreationTime": 2}, CHALLENGER_MODEL)
    bigger = {
        **BASE,
        "ProductionVariants": [{**BASE["ProductionVariants"][0], "InstanceType": "ml.m5.xlarge"}],
    }
    names = [shape.name for shape in (*SHAPES.values(), alone(PREFIX, bigger, CHALLENGER_MODEL))]

    assert again.name == names[0]
    assert len(set(names)) == 4


def test_a_derived_shape_shares_nothing_with_its_base() -> None:
    shape = alone(PREFIX, BASE, CHALLENGER_MODEL)
    assert shape.config is not None
    shape.config["DataCaptureConfig"]["EnableCapture"] = False

    assert BASE["DataCaptureConfig"]["EnableCapture"] is True


def test_names_fit_sagemaker() -> None:
    assert len(named("x" * 44, "shape", {})) <= 63


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("fraud-prod-shape-0123456789ab", True),
        ("fraud-prod-2-shape-0123456789ab", False),
        ("x-fraud-prod-shape-0123456789ab", False),
        ("fraud-prod-shape-0123456789abc", False),
        ("fraud-prod-shape-mine", False),
        ("fraud-prod-base-0123456789ab", False),
    ],
)
def test_only_exact_names_are_ours(name: str, ours: bool) -> None:
    assert is_made_for(PREFIX, "shape", name) is ours


_CONFIGS = st.sets(
    st.sampled_from(
        [named(PREFIX, noun, {"n": n}) for noun in ("base", "shape") for n in range(4)]
        + ["other", "fraud-prod", "fraud-prod-2-shape-0123456789ab"]
    )
)


@given(there=_CONFIGS, keep=_CONFIGS)
def test_leftovers_are_ours_and_unneeded(there: set[str], keep: set[str]) -> None:
    found = leftovers(PREFIX, there, keep)

    assert set(found) <= there - keep
    assert all(is_made_for(PREFIX, "base", name) or is_made_for(PREFIX, "shape", name) for name in found)
    assert leftovers(PREFIX, there - set(found), keep) == []
