"""What a feature group says about a single feature: description and parameters."""

from __future__ import annotations

from headway_sandbox.sagemaker.feature_store.groups import find_group, metadata_of, save_metadata
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, operation, validation_error

PARAMETER_LIMIT = 25


@operation("DescribeFeatureMetadata")
async def describe_feature_metadata(service: SageMaker, request: Document) -> Document:
    """Describes a feature."""
    document, definition = _find(service, request)
    metadata = metadata_of(service, document, definition["FeatureName"])
    return {
        "FeatureGroupArn": document["FeatureGroupArn"],
        "FeatureGroupName": document["FeatureGroupName"],
        "FeatureName": definition["FeatureName"],
        "FeatureType": definition["FeatureType"],
        "CreationTime": document["CreationTime"],
        "LastModifiedTime": document["CreationTime"],
        **metadata,
    }


@operation("UpdateFeatureMetadata")
async def update_feature_metadata(service: SageMaker, request: Document) -> Document:
    """Changes the description and the parameters of a feature."""
    document, definition = _find(service, request)
    metadata = metadata_of(service, document, definition["FeatureName"])
    parameters = {item["Key"]: item["Value"] for item in metadata.get("Parameters", [])}
    additions = request.get("ParameterAdditions", [])
    incomplete = [item for item in additions if not ("Key" in item and "Value" in item)]
    if incomplete:
        raise validation_error("Each of ParameterAdditions needs a Key and a Value.")
    for key in request.get("ParameterRemovals", []):
        parameters.pop(key, None)
    parameters |= {item["Key"]: item["Value"] for item in additions}
    if len(parameters) > PARAMETER_LIMIT:
        raise validation_error(
            f"A feature can have {PARAMETER_LIMIT} parameters; this one would have {len(parameters)}."
        )
    changed = {**metadata, "LastModifiedTime": service.clock()}
    if "Description" in request:
        changed["Description"] = request["Description"]
    changed["Parameters"] = [{"Key": key, "Value": value} for key, value in parameters.items()]
    save_metadata(service, document, definition["FeatureName"], changed)
    return {}


def _find(service: SageMaker, request: Document) -> tuple[Document, Document]:
    document = find_group(service, request["FeatureGroupName"])
    for definition in document["FeatureDefinitions"]:
        if definition["FeatureName"] == request["FeatureName"]:
            return document, definition
    raise ServiceError(
        "ResourceNotFound",
        f"The feature group {document['FeatureGroupName']} has no feature {request['FeatureName']}.",
    )
