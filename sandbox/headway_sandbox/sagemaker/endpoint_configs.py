"""Endpoint configurations: which models serve with which weights; never changed once created."""

from __future__ import annotations

from collections.abc import Iterator

from headway_sandbox.sagemaker.models import find_model
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import Document, SageMaker, operation, validation_error
from headway_sandbox.sagemaker.tags import delete_tags, save_tags

KIND = "endpoint-config"

_EVENT = "SageMaker Endpoint Config State Change"
_SUMMARY = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")


def find_config(service: SageMaker, name: str) -> Document:
    """An endpoint configuration.

    Raises:
        ServiceError: There is none of that name.
    """
    config = service.store.get(KIND, name)
    if config is None:
        raise validation_error(f'Could not find endpoint configuration "{service.arn(KIND, name)}".')
    return config


@operation("CreateEndpointConfig")
async def create_endpoint_config(service: SageMaker, request: Document) -> Document:
    """Creates an endpoint configuration; its models must exist."""
    name = request["EndpointConfigName"]
    arn = service.arn(KIND, name)
    if service.store.get(KIND, name) is not None:
        raise validation_error(f'Cannot create already existing endpoint configuration "{arn}".')
    problems = list(_problems(request))
    if problems:
        raise validation_error(" ".join(problems))
    for variant in _all_variants(request):
        find_model(service, variant["ModelName"])
    save_tags(service, arn, request.get("Tags"))
    config = {
        **{key: value for key, value in request.items() if key != "Tags"},
        **{key: [_with_defaults(item) for item in request[key]] for key in _VARIANT_LISTS if key in request},
        "EndpointConfigArn": arn,
        "CreationTime": service.clock(),
    }
    service.store.put(KIND, name, config)
    service.events.put(_EVENT, _event_detail(config), [arn])
    return {"EndpointConfigArn": arn}


@operation("DescribeEndpointConfig")
async def describe_endpoint_config(service: SageMaker, request: Document) -> Document:
    """Describes an endpoint configuration."""
    return find_config(service, request["EndpointConfigName"])


@operation("ListEndpointConfigs")
async def list_endpoint_configs(service: SageMaker, request: Document) -> Document:
    """Lists endpoint configurations, the newest first."""
    chosen = select(
        service.store.list(KIND),
        request,
        name="EndpointConfigName",
        sort_keys={"Name": "EndpointConfigName", "CreationTime": "CreationTime"},
    )
    configs, token = page(chosen, request)
    return {"EndpointConfigs": [{key: config[key] for key in _SUMMARY} for config in configs], **token}


@operation("DeleteEndpointConfig")
async def delete_endpoint_config(service: SageMaker, request: Document) -> Document:
    """Deletes an endpoint configuration, also one that an endpoint uses, as SageMaker does."""
    config = find_config(service, request["EndpointConfigName"])
    service.store.delete(KIND, config["EndpointConfigName"])
    delete_tags(service, config["EndpointConfigArn"])
    service.events.put(_EVENT, _event_detail(config), [config["EndpointConfigArn"]])
    return {}


_VARIANT_LISTS = ("ProductionVariants", "ShadowProductionVariants")


def _all_variants(request: Document) -> list[Document]:
    return [variant for key in _VARIANT_LISTS for variant in request.get(key, [])]


def _problems(request: Document) -> Iterator[str]:
    variants = _all_variants(request)
    names = [variant["VariantName"] for variant in variants]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"Variant names must be unique, but {name} comes more than once."
    for variant in variants:
        where = f"Variant {variant['VariantName']}"
        if "ModelName" not in variant:
            yield f"{where} has no ModelName; inference components are not emulated by this sandbox."
        if "ServerlessConfig" in variant:
            if "InstanceType" in variant or "InitialInstanceCount" in variant:
                yield f"{where} must not have InstanceType or InitialInstanceCount beside ServerlessConfig."
        else:
            missing = [key for key in ("InstanceType", "InitialInstanceCount") if key not in variant]
            if missing:
                yield f"{where} must have {' and '.join(missing)}, or a ServerlessConfig."
    shadows = request.get("ShadowProductionVariants", [])
    production = request["ProductionVariants"]
    if shadows and (len(shadows) > 1 or len(production) > 1):
        yield (
            "With ShadowProductionVariants there can be only one production and one shadow variant, "
            f"but there are {len(production)} and {len(shadows)}."
        )
    if production and all(variant.get("InitialVariantWeight") == 0 for variant in production):
        yield "At least one production variant must have an InitialVariantWeight greater than 0."


def _with_defaults(variant: Document) -> Document:
    return {"InitialVariantWeight": 1.0, **variant}


def _event_detail(config: Document) -> Document:
    return {
        "EndpointConfigName": config["EndpointConfigName"],
        "EndpointConfigArn": config["EndpointConfigArn"],
        "ProductionVariants": config["ProductionVariants"],
        "CreationTime": round(config["CreationTime"] * 1000),
    }
