"""Endpoints: created, described, listed, updated, reweighted and deleted, in SageMaker's words."""

from __future__ import annotations

from collections.abc import Iterator

from headway_sandbox.dataplane.plan import FleetPlan
from headway_sandbox.dataplane.plane import plane_of
from headway_sandbox.sagemaker.endpoint_alarms import alarm_states
from headway_sandbox.sagemaker.endpoint_configs import find_config
from headway_sandbox.sagemaker.endpoint_deployment import KIND, begin, save
from headway_sandbox.sagemaker.endpoint_guardrails import Guardrails, problems
from headway_sandbox.sagemaker.endpoint_plans import plan_for, retaining
from headway_sandbox.sagemaker.endpoint_states import (
    CREATING,
    DELETING,
    IN_PROGRESS,
    IN_SERVICE,
    UPDATING,
    moved,
)
from headway_sandbox.sagemaker.endpoint_view import described
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import Document, SageMaker, operation, validation_error
from headway_sandbox.sagemaker.tags import save_tags

_SUMMARY = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")


@operation("CreateEndpoint")
async def create_endpoint(service: SageMaker, request: Document) -> Document:
    """Creates an endpoint; its model servers start after the answer."""
    name = request["EndpointName"]
    arn = service.arn(KIND, name)
    if service.store.get(KIND, name) is not None:
        raise validation_error(f'Cannot create already existing endpoint "{arn}".')
    plan = plan_for(service, request["EndpointConfigName"])
    _refuse(problems(request.get("DeploymentConfig"), plan, None))
    save_tags(service, arn, request.get("Tags"))
    now = service.clock()
    endpoint: Document = {
        "EndpointName": name,
        "EndpointArn": arn,
        "EndpointConfigName": plan.config_name,
        "EndpointStatus": CREATING,
        "CreationTime": now,
        "LastModifiedTime": now,
        "Serving": None,
        "Pending": _pending(plan, now, request.get("DeploymentConfig")),
    }
    if "DeploymentConfig" in request:
        endpoint["LastDeploymentConfig"] = request["DeploymentConfig"]
    save(service, endpoint)
    begin(service, endpoint)
    return {"EndpointArn": arn}


@operation("DescribeEndpoint")
async def describe_endpoint(service: SageMaker, request: Document) -> Document:
    """Describes an endpoint."""
    endpoint = _find(service, request["EndpointName"])
    plane, name = plane_of(service), endpoint["EndpointName"]
    return described(endpoint, plane.fleet(name), capturing=plane.capturing(name))


@operation("ListEndpoints")
async def list_endpoints(service: SageMaker, request: Document) -> Document:
    """Lists endpoints, the newest first."""
    chosen = select(
        service.store.list(KIND),
        request,
        name="EndpointName",
        equal={"StatusEquals": "EndpointStatus"},
        sort_keys={"Name": "EndpointName", "CreationTime": "CreationTime", "Status": "EndpointStatus"},
    )
    endpoints, token = page(chosen, request)
    return {"Endpoints": [{key: item[key] for key in _SUMMARY} for item in endpoints], **token}


@operation("UpdateEndpoint")
async def update_endpoint(service: SageMaker, request: Document) -> Document:
    """Moves an endpoint to another configuration; the old one serves until the new one is ready."""
    pending = _planned(service, request)
    guardrails = Guardrails.of(pending["DeploymentConfig"], FleetPlan.from_document(pending["Plan"]))
    missing = set(guardrails.alarms) - set(await alarm_states(service, guardrails.alarms))
    if missing:
        raise validation_error(
            f"AutoRollbackConfiguration names alarms that do not exist: {', '.join(sorted(missing))}."
        )
    # Planned once more, because another change may have begun while CloudWatch was asked.
    return _start_update(service, _changeable(service, request["EndpointName"]), _planned(service, request))


@operation("UpdateEndpointWeightsAndCapacities")
async def update_endpoint_weights_and_capacities(service: SageMaker, request: Document) -> Document:
    """Changes weights and instance counts of the variants that serve."""
    endpoint = _changeable(service, request["EndpointName"])
    plan = FleetPlan.from_document(endpoint["Serving"])
    desired = request["DesiredWeightsAndCapacities"]
    weights = {item["VariantName"]: item["DesiredWeight"] for item in desired if "DesiredWeight" in item}
    counts = {
        item["VariantName"]: item["DesiredInstanceCount"]
        for item in desired
        if "DesiredInstanceCount" in item
    }
    serverless = {
        item["VariantName"]: item["ServerlessUpdateConfig"]
        for item in desired
        if "ServerlessUpdateConfig" in item
    }
    changed = plan.with_weights(weights, counts).with_serverless(serverless)
    _refuse(_weight_problems(endpoint, changed, desired))
    pending = {**_pending(changed, service.clock(), None), "InPlace": True}
    return _start_update(service, endpoint, pending)


@operation("DeleteEndpoint")
async def delete_endpoint(service: SageMaker, request: Document) -> Document:
    """Deletes an endpoint and ends its model servers."""
    endpoint = _find(service, request["EndpointName"])
    _refuse_in_progress(endpoint)
    deleting = moved(endpoint, DELETING, service.clock())
    save(service, deleting)
    begin(service, deleting)
    return {}


def _find(service: SageMaker, name: str) -> Document:
    endpoint = service.store.get(KIND, name)
    if endpoint is None:
        raise validation_error(f'Could not find endpoint "{service.arn(KIND, name)}".')
    return endpoint


def _changeable(service: SageMaker, name: str) -> Document:
    endpoint = _find(service, name)
    _refuse_in_progress(endpoint)
    if endpoint["EndpointStatus"] != IN_SERVICE:
        status, arn = endpoint["EndpointStatus"], endpoint["EndpointArn"]
        raise validation_error(
            f'Cannot update endpoint "{arn}" in status {status}; the only operation on it is DeleteEndpoint.'
        )
    return endpoint


def _refuse_in_progress(endpoint: Document) -> None:
    if endpoint["EndpointStatus"] in IN_PROGRESS:
        raise validation_error(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')


def _planned(service: SageMaker, request: Document) -> Document:
    """What an UpdateEndpoint request starts."""
    endpoint = _changeable(service, request["EndpointName"])
    # SageMaker needs the configuration that is in use to update away from it.
    find_config(service, endpoint["EndpointConfigName"])
    serving = FleetPlan.from_document(endpoint["Serving"])
    plan = retaining(plan_for(service, request["EndpointConfigName"]), serving, request)
    deployment = request.get("DeploymentConfig")
    if deployment is None and request.get("RetainDeploymentConfig", False):
        deployment = endpoint.get("LastDeploymentConfig")
    _refuse(problems(deployment, plan, serving))
    return _pending(plan, service.clock(), deployment)


def _refuse(found: Iterator[str]) -> None:
    """Refuses a request that has problems, naming all of them."""
    if text := " ".join(found):
        raise validation_error(text)


def _start_update(service: SageMaker, endpoint: Document, pending: Document) -> Document:
    updating = moved({**endpoint, "Pending": pending}, UPDATING, service.clock())
    save(service, updating)
    begin(service, updating)
    return {"EndpointArn": endpoint["EndpointArn"]}


def _pending(plan: FleetPlan, now: float, deployment: Document | None) -> Document:
    return {"Plan": plan.document(), "StartTime": now, "DeploymentConfig": deployment, "InPlace": False}


def _weight_problems(endpoint: Document, plan: FleetPlan, desired: list[Document]) -> Iterator[str]:
    names = [variant.name for variant in (*plan.variants, *plan.shadows)]
    unknown = sorted({item["VariantName"] for item in desired} - set(names))
    if unknown:
        yield (
            f'Could not find variant {", ".join(unknown)} in endpoint "{endpoint["EndpointArn"]}"; '
            f"its variants are: {', '.join(names)}."
        )
    kinds = {variant.name: variant.max_concurrency is not None for variant in plan.variants}
    for item in desired:
        for member, belongs in (("DesiredInstanceCount", False), ("ServerlessUpdateConfig", True)):
            if member in item and kinds.get(item["VariantName"], belongs) != belongs:
                kind = "not serverless" if belongs else "serverless"
                yield f"Variant {item['VariantName']} is {kind}, so {member} must not be specified for it."
    if not any(variant.weight > 0 for variant in plan.variants):
        yield "At least one production variant must keep a DesiredWeight greater than 0."
