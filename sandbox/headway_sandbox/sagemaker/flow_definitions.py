"""Human review: task templates and flow definitions; they are kept, and no person is asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from headway_sandbox.sagemaker.credentials import check_role
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import (
    Coverage,
    Document,
    SageMaker,
    ServiceError,
    operation,
    validation_error,
)
from headway_sandbox.sagemaker.tags import delete_tags, save_tags

FLOW_KIND = "flow-definition"
UI_KIND = "human-task-ui"
ACTIVE = "Active"

_FLOW_SUMMARY = ("FlowDefinitionName", "FlowDefinitionArn", "FlowDefinitionStatus", "CreationTime")
_UI_SUMMARY = ("HumanTaskUiName", "HumanTaskUiArn", "CreationTime")


@operation("CreateHumanTaskUi", Coverage.KEEPS_STATE)
async def create_human_task_ui(service: SageMaker, request: Document) -> Document:
    """Keeps a task template."""
    name = request["HumanTaskUiName"]
    arn = service.arn(UI_KIND, name)
    if service.store.get(UI_KIND, name) is not None:
        raise ServiceError("ResourceInUse", f"Human Task Ui {arn} already exists.")
    save_tags(service, arn, request.get("Tags"))
    content = request["UiTemplate"]["Content"]
    document = {
        "HumanTaskUiName": name,
        "HumanTaskUiArn": arn,
        "HumanTaskUiStatus": ACTIVE,
        "CreationTime": service.clock(),
        "UiTemplate": {"ContentSha256": hashlib.sha256(content.encode()).hexdigest()},
    }
    service.store.put(UI_KIND, name, document)
    return {"HumanTaskUiArn": arn}


@operation("DescribeHumanTaskUi", Coverage.KEEPS_STATE)
async def describe_human_task_ui(service: SageMaker, request: Document) -> Document:
    """Describes a task template."""
    return _find(service, UI_KIND, request["HumanTaskUiName"])


@operation("ListHumanTaskUis", Coverage.KEEPS_STATE)
async def list_human_task_uis(service: SageMaker, request: Document) -> Document:
    """Lists task templates, the newest first unless asked otherwise."""
    found, token = page(select(service.store.list(UI_KIND), request, name="HumanTaskUiName"), request)
    return {"HumanTaskUiSummaries": [{name: item[name] for name in _UI_SUMMARY} for item in found], **token}


@operation("DeleteHumanTaskUi", Coverage.KEEPS_STATE)
async def delete_human_task_ui(service: SageMaker, request: Document) -> Document:
    """Deletes a task template."""
    _delete(service, UI_KIND, request["HumanTaskUiName"], "HumanTaskUiArn")
    return {}


@operation("CreateFlowDefinition", Coverage.KEEPS_STATE)
async def create_flow_definition(service: SageMaker, request: Document) -> Document:
    """Keeps a flow definition."""
    name = request["FlowDefinitionName"]
    arn = service.arn(FLOW_KIND, name)
    if service.store.get(FLOW_KIND, name) is not None:
        raise ServiceError("ResourceInUse", f"Flow Definition {arn} already exists.")
    problems = list(_problems(service, request))
    if problems:
        raise validation_error("; ".join(problems))
    check_role(service, request["RoleArn"])
    save_tags(service, arn, request.get("Tags"))
    document = {
        **{member: value for member, value in request.items() if member != "Tags"},
        "FlowDefinitionArn": arn,
        "FlowDefinitionStatus": ACTIVE,
        "CreationTime": service.clock(),
    }
    service.store.put(FLOW_KIND, name, document)
    return {"FlowDefinitionArn": arn}


@operation("DescribeFlowDefinition", Coverage.KEEPS_STATE)
async def describe_flow_definition(service: SageMaker, request: Document) -> Document:
    """Describes a flow definition."""
    return _find(service, FLOW_KIND, request["FlowDefinitionName"])


@operation("ListFlowDefinitions", Coverage.KEEPS_STATE)
async def list_flow_definitions(service: SageMaker, request: Document) -> Document:
    """Lists flow definitions, the newest first unless asked otherwise."""
    found, token = page(select(service.store.list(FLOW_KIND), request, name="FlowDefinitionName"), request)
    return {
        "FlowDefinitionSummaries": [{name: item[name] for name in _FLOW_SUMMARY} for item in found],
        **token,
    }


@operation("DeleteFlowDefinition", Coverage.KEEPS_STATE)
async def delete_flow_definition(service: SageMaker, request: Document) -> Document:
    """Deletes a flow definition."""
    _delete(service, FLOW_KIND, request["FlowDefinitionName"], "FlowDefinitionArn")
    return {}


def _find(service: SageMaker, kind: str, name: str) -> Document:
    document = service.store.get(kind, name)
    if document is None:
        raise ServiceError("ResourceNotFound", f"Could not find {service.arn(kind, name)}.")
    return document


def _delete(service: SageMaker, kind: str, name: str, arn: str) -> None:
    document = _find(service, kind, name)
    service.store.delete(kind, name)
    delete_tags(service, document[arn])


def _problems(service: SageMaker, request: Document) -> Iterator[str]:
    activation, source = (name in request for name in ("HumanLoopActivationConfig", "HumanLoopRequestSource"))
    if activation and not source:
        yield "HumanLoopRequestSource must be given with a HumanLoopActivationConfig"
    if activation:
        conditions = request["HumanLoopActivationConfig"]["HumanLoopActivationConditionsConfig"]
        try:
            json.loads(conditions["HumanLoopActivationConditions"])
        except ValueError as error:
            yield f"HumanLoopActivationConditions is not JSON: {error}"
    ui_arn = request.get("HumanLoopConfig", {}).get("HumanTaskUiArn", "")
    # Templates of AWS itself belong to another account.
    if f":{service.account}:" in ui_arn and service.store.get(UI_KIND, ui_arn.rpartition("/")[2]) is None:
        yield f"Could not find the human task UI {ui_arn}"
