"""Brings endpoints from status to status: the work that runs after an operation has answered.

The endpoint's document holds `Serving` (the plan that answers requests) and `Pending` (the plan on its way
and what it was asked for with), so that a sandbox that was killed in the middle goes on where it was.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from typing import Any

from headway_sandbox.dataplane.errors import DeploymentError
from headway_sandbox.dataplane.plan import FleetPlan
from headway_sandbox.dataplane.plane import plane_of
from headway_sandbox.sagemaker.endpoint_guardrails import Guardrails
from headway_sandbox.sagemaker.endpoint_rollout import Stage, rollout_of
from headway_sandbox.sagemaker.endpoint_states import (
    CREATING,
    DELETING,
    FAILED,
    IN_SERVICE,
    OUT_OF_SERVICE,
    ROLLING_BACK,
    UPDATING,
    moved,
    without_reason,
)
from headway_sandbox.sagemaker.endpoint_view import deployment_detail, event_detail
from headway_sandbox.sagemaker.protocol import Document, SageMaker
from headway_sandbox.sagemaker.tags import delete_tags

KIND = "endpoint"

EVENT = "SageMaker Endpoint State Change"
DEPLOYMENT_EVENT = "SageMaker Endpoint Deployment State Change"

Work = Callable[[SageMaker, str], Coroutine[Any, Any, None]]

_log = logging.getLogger(__name__)


def save(service: SageMaker, endpoint: Document) -> None:
    """Writes an endpoint's document and tells EventBridge about its status."""
    service.store.put(KIND, endpoint["EndpointName"], endpoint)
    service.events.put(EVENT, event_detail(endpoint), [endpoint["EndpointArn"]])


def begin(service: SageMaker, endpoint: Document) -> None:
    """Starts, or after a restart resumes, what an endpoint's status stands for, in the background."""
    work = _WORK.get(endpoint["EndpointStatus"])
    if work is not None:
        _start(service, endpoint["EndpointName"], work)


def resume(service: SageMaker) -> None:
    """Brings back every endpoint after a start of the sandbox."""
    for endpoint in service.store.list(KIND):
        if endpoint["EndpointStatus"] in _SERVES:
            plane_of(service).restoring(endpoint["EndpointName"])
            _start(service, endpoint["EndpointName"], _bring_back)
        if endpoint["EndpointStatus"] in _INTERRUPTED:
            pending = {key: value for key, value in endpoint["Pending"].items() if key != "Stage"}
            reason = _INTERRUPTED[endpoint["EndpointStatus"]]
            save(service, {**endpoint, "Pending": pending, "FailureReason": reason})
        begin(service, endpoint)


def _start(service: SageMaker, name: str, work: Work) -> None:
    # The name is unique for each piece of work: one may begin while the one before has just saved its result.
    service.tasks.start(f"endpoint/{name}/{uuid.uuid4().hex}", _to_the_end(service, name, work))


async def _to_the_end(service: SageMaker, name: str, work: Work) -> None:
    """Does a piece of work; whoever waits for the endpoint is told where the sandbox itself is at fault."""
    try:
        await work(service, name)
    except Exception as error:
        endpoint = service.store.get(KIND, name)
        if endpoint is not None:
            reason = f"The sandbox failed: {type(error).__name__}: {error}; see `headway sandbox logs`"
            save(service, moved({**endpoint, "Pending": None}, FAILED, service.clock(), reason))
        raise


async def _create(service: SageMaker, name: str) -> None:
    endpoint = _load(service, name)
    plan = FleetPlan.from_document(endpoint["Pending"]["Plan"])
    fleet = plane_of(service).new_fleet(name, plan)
    try:
        await fleet.start()
    except DeploymentError as error:
        save(service, moved(endpoint, FAILED, service.clock(), str(error)))
        return
    plane_of(service).serve(name, fleet)
    served = {**without_reason(endpoint), "Serving": plan.document(), "Pending": None}
    save(service, moved(served, IN_SERVICE, service.clock()))


async def _update(service: SageMaker, name: str) -> None:
    """Makes the new fleet ready, moves the traffic, ends the old fleet; or discards the new one."""
    serving = await plane_of(service).serving(name)
    if serving is None:
        return
    endpoint = _load(service, name)
    pending = endpoint["Pending"]
    plan = FleetPlan.from_document(pending["Plan"])
    guardrails = Guardrails.of(pending["DeploymentConfig"], plan)
    rollout = rollout_of(guardrails, in_place=pending["InPlace"])(
        service,
        serving,
        plan,
        guardrails,
        note=lambda stage: _note(service, name, stage),
    )
    try:
        await rollout.run()
    except DeploymentError as error:
        reason = str(error)
        _log.warning("the update of endpoint %s is rolled back: %s", name, reason)
        save(service, moved(_load(service, name), ROLLING_BACK, service.clock(), reason))
        await rollout.undo()
        await _finish_rollback(service, name)
        return
    served = {
        **without_reason(_load(service, name)),
        "Serving": plan.document(),
        "Pending": None,
        "EndpointConfigName": plan.config_name,
    }
    if pending["DeploymentConfig"] is not None:
        served["LastDeploymentConfig"] = pending["DeploymentConfig"]
    save(service, moved(served, IN_SERVICE, service.clock()))


def _note(service: SageMaker, name: str, stage: Stage) -> None:
    """Keeps what an update is doing, for DescribeEndpoint, and tells EventBridge about it."""
    endpoint = _load(service, name)
    kept = {**asdict(stage), "share": float(stage.share), "since": service.clock()}
    endpoint = {**endpoint, "Pending": {**endpoint["Pending"], "Stage": kept}}
    service.store.put(KIND, name, endpoint)
    service.events.put(DEPLOYMENT_EVENT, deployment_detail(endpoint), [endpoint["EndpointArn"]])


async def _finish_rollback(service: SageMaker, name: str) -> None:
    """Sets the last status: the new fleet is gone already, and the old one never stopped serving."""
    if await plane_of(service).serving(name) is None:
        return
    endpoint = {**_load(service, name), "Pending": None}
    save(service, moved(endpoint, IN_SERVICE, service.clock()))


async def _delete(service: SageMaker, name: str) -> None:
    plane = plane_of(service)
    await plane.serving(name)  # an endpoint that is being brought back can be ended only after that
    fleet = plane.withdraw(name)
    if fleet is not None:
        await fleet.close()
    endpoint = _load(service, name)
    service.store.delete(KIND, name)
    delete_tags(service, endpoint["EndpointArn"])


async def _bring_back(service: SageMaker, name: str) -> None:
    """Starts what served before the restart; an endpoint for which that fails is out of service."""
    plane = plane_of(service)
    fleet = plane.new_fleet(name, FleetPlan.from_document(_load(service, name)["Serving"]))
    try:
        await fleet.start(provisioned=True)
    except DeploymentError as error:
        endpoint = _load(service, name)
        if endpoint["EndpointStatus"] != DELETING:
            reason = f"The endpoint could not be brought back after a restart of the sandbox: {error}"
            save(service, moved({**endpoint, "Pending": None}, OUT_OF_SERVICE, service.clock(), reason))
        plane.restored(name)
        return
    plane.serve(name, fleet)


def _load(service: SageMaker, name: str) -> Document:
    endpoint = service.store.get(KIND, name)
    assert endpoint is not None, f"endpoint {name} is worked on but does not exist"
    return endpoint


_INTERRUPTED = {
    CREATING: "The sandbox was stopped while it created this endpoint; the creation has begun anew.",
    UPDATING: "The sandbox was stopped while it updated this endpoint; the update has begun anew.",
}
_SERVES = frozenset({IN_SERVICE, UPDATING, ROLLING_BACK})
_WORK: dict[str, Work] = {
    CREATING: _create,
    UPDATING: _update,
    ROLLING_BACK: _finish_rollback,
    DELETING: _delete,
}
