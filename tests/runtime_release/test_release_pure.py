"""Shapes, verdicts and leftovers: the decisions of the release machine, without any AWS."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_runtime.release.judge import FAILED, RUNNING, SUCCEEDED, judge
from headway_runtime.release.shapes import derive_shape, is_made_for, leftovers, named

PREFIX = "fraud-prod"
ROLE = "arn:aws:iam::000000000000:role/serving"
PACKAGE = "arn:aws:sagemaker:us-east-1:000000000000:model-package/fraud-prod/7"
BASE: dict[str, Any] = {
    "EndpointConfigName": "fraud-prod-base-0123456789ab",
    "EndpointConfigArn": "arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/base",
    "CreationTime": 1,
    "KmsKeyId": "arn:aws:kms:us-east-1:000000000000:key/k",
    "DataCaptureConfig": {"EnableCapture": True, "InitialSamplingPercentage": 0},
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


def test_a_shape_is_the_base_with_another_model() -> None:
    shape = derive_shape(PREFIX, BASE, ROLE, PACKAGE)
    assert shape.config is not None
    assert shape.model is not None
    (variant,) = shape.config["ProductionVariants"]
    (base_variant,) = BASE["ProductionVariants"]
    kept = ("KmsKeyId", "DataCaptureConfig", "VpcConfig", "EnableNetworkIsolation")

    assert {key: shape.config[key] for key in kept} == {key: BASE[key] for key in kept}
    assert {**variant, "ModelName": ""} == {**base_variant, "ModelName": ""}
    assert variant["ModelName"] == shape.model["ModelName"]
    assert shape.model["PrimaryContainer"] == {"ModelPackageName": PACKAGE}
    assert shape.model["ExecutionRoleArn"] == ROLE
    assert "CreationTime" not in shape.config


def test_without_a_package_the_base_itself_is_the_shape() -> None:
    shape = derive_shape(PREFIX, BASE, ROLE, "")

    assert (shape.name, shape.config, shape.model) == (BASE["EndpointConfigName"], None, None)


def test_equal_content_has_one_name_and_other_content_another() -> None:
    again = derive_shape(PREFIX, {**BASE, "CreationTime": 2}, ROLE, PACKAGE)
    bigger = {
        **BASE,
        "ProductionVariants": [{**BASE["ProductionVariants"][0], "InstanceType": "ml.m5.xlarge"}],
    }
    names = [
        derive_shape(PREFIX, base, ROLE, package).name
        for base, package in ((BASE, PACKAGE), (BASE, PACKAGE.replace("/7", "/8")), (bigger, PACKAGE))
    ]

    assert again.name == names[0]
    assert len(set(names)) == 3


def test_a_derived_shape_shares_nothing_with_its_base() -> None:
    shape = derive_shape(PREFIX, BASE, ROLE, PACKAGE)
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


def _endpoint(status: str, config: str = "new", reason: str | None = None) -> dict[str, Any]:
    described = {"EndpointStatus": status, "EndpointConfigName": config}
    return described if reason is None else {**described, "FailureReason": reason}


@pytest.mark.parametrize(
    ("endpoint", "elapsed_s", "status", "says"),
    [
        (_endpoint("InService"), 5, SUCCEEDED, "new serves"),
        (_endpoint("InService"), 9_999, SUCCEEDED, "new serves"),
        (_endpoint("Updating", "old"), 5, RUNNING, "Updating"),
        (_endpoint("SystemUpdating"), 5, RUNNING, "SystemUpdating"),
        (_endpoint("RollingBack", "old"), 5, RUNNING, "RollingBack"),
        (_endpoint("Updating", "old"), 60, FAILED, "still Updating after 60 s"),
        (
            _endpoint("InService", "old", "the container died"),
            5,
            FAILED,
            "old serves instead of new: the container died",
        ),
        (_endpoint("InService", "old"), 5, FAILED, "somebody else"),
        (_endpoint("Failed", "new", "no capacity"), 5, FAILED, "Failed: no capacity"),
        (_endpoint("UpdateRollbackFailed", "old"), 5, FAILED, "UpdateRollbackFailed"),
        (_endpoint("OutOfService"), 5, FAILED, "OutOfService"),
        (None, 5, FAILED, "no endpoint"),
    ],
)
def test_only_what_is_read_back_counts(
    endpoint: dict[str, Any] | None, elapsed_s: float, status: str, says: str
) -> None:
    verdict = judge(endpoint, "new", elapsed_s, 60)

    assert verdict.status == status
    assert says in verdict.why
