"""SageMaker as the release machine sees it: idempotent steps and reads that know `not there`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

_ABSENT = ("could not find", "does not exist", "not found")
_EXISTS = "already exist"


class Catalogue:
    """Models, endpoint configurations, endpoints and model packages.

    Args:
        sagemaker: A boto3 client.
    """

    def __init__(self, sagemaker: Any) -> None:  # noqa: ANN401 - boto3 has no types
        self._sagemaker = sagemaker

    def endpoint(self, name: str) -> dict[str, Any] | None:
        """An endpoint; None when there is none."""
        return _or_none(lambda: self._sagemaker.describe_endpoint(EndpointName=name))

    def config(self, name: str) -> dict[str, Any] | None:
        """An endpoint configuration; None when there is none."""
        return _or_none(lambda: self._sagemaker.describe_endpoint_config(EndpointConfigName=name))

    def model(self, name: str) -> dict[str, Any] | None:
        """A model; None when there is none."""
        return _or_none(lambda: self._sagemaker.describe_model(ModelName=name))

    def package(self, arn: str) -> dict[str, Any] | None:
        """A model package; None when there is none."""
        return _or_none(lambda: self._sagemaker.describe_model_package(ModelPackageName=arn))

    def ensure_model(self, request: Mapping[str, Any]) -> None:
        """Creates a model unless it exists; its name says what is in it."""
        _unless_exists(lambda: self._sagemaker.create_model(**request))

    def ensure_config(self, request: Mapping[str, Any]) -> None:
        """Creates an endpoint configuration unless it exists; its name says what is in it."""
        _unless_exists(lambda: self._sagemaker.create_endpoint_config(**request))

    def update_endpoint(self, endpoint: str, config: str) -> None:
        """Asks SageMaker to move an endpoint."""
        self._sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)

    def update_weights(self, endpoint: str, weights: Mapping[str, float]) -> None:
        """Splits the traffic of an endpoint anew among the variants that it has."""
        self._sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[
                {"VariantName": name, "DesiredWeight": weight} for name, weight in sorted(weights.items())
            ],
        )

    def configs(self, prefix: str) -> Iterator[str]:
        """Names of endpoint configurations that contain a text."""
        pages = self._sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=prefix)
        yield from (item["EndpointConfigName"] for page in pages for item in page["EndpointConfigs"])

    def models(self, prefix: str) -> Iterator[str]:
        """Names of models that contain a text."""
        pages = self._sagemaker.get_paginator("list_models").paginate(NameContains=prefix)
        yield from (item["ModelName"] for page in pages for item in page["Models"])

    def packages(self, group: str) -> Iterator[str]:
        """ARNs of the versions in a model package group."""
        pages = self._sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
        yield from (item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"])

    def delete_config(self, name: str) -> None:
        """Deletes an endpoint configuration if it is there."""
        _or_none(lambda: self._sagemaker.delete_endpoint_config(EndpointConfigName=name))

    def delete_model(self, name: str) -> None:
        """Deletes a model if it is there."""
        _or_none(lambda: self._sagemaker.delete_model(ModelName=name))

    def delete_package(self, arn: str) -> None:
        """Deletes a model package if it is there."""
        _or_none(lambda: self._sagemaker.delete_model_package(ModelPackageName=arn))


def message_of(error: ClientError) -> str:
    """What AWS said."""
    return str(error.response.get("Error", {}).get("Message", error))


def is_refusal(error: ClientError) -> bool:
    """Whether AWS refused the request itself, so that asking again would not help."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
    throttled = "Throttl" in error.response.get("Error", {}).get("Code", "")
    return 400 <= status < 500 and not throttled


def _or_none(call: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return call()
    except ClientError as error:
        # SageMaker answers both a wrong request and a missing thing with a ValidationException.
        if any(text in message_of(error).lower() for text in _ABSENT):
            return None
        raise


def _unless_exists(call: Callable[[], Any]) -> None:
    try:
        call()
    except ClientError as error:
        if _EXISTS not in message_of(error).lower():
            raise
