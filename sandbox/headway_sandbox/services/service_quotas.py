"""Service Quotas: what an account may use, and requests for more.

A request is granted a moment after it is made. Nothing in the sandbox is held to a quota.
"""

from __future__ import annotations

import functools
import tomllib
import uuid
from pathlib import Path

from headway_sandbox.sagemaker.paging import page
from headway_sandbox.sagemaker.protocol import (
    Coverage,
    Document,
    SageMaker,
    ServiceError,
    service_operation,
)

API = "service-quotas"
GRANTED_AFTER_S = 1.0
PAGE_SIZE = 100

_KIND = "service-quota-request"
_TABLE = Path(__file__).with_name("quotas.toml")
_OPEN = "PENDING"
_GRANTED = "APPROVED"


@functools.cache
def _services() -> dict[str, str]:
    """Names of the services by their codes."""
    services: dict[str, str] = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["services"]
    return services


@functools.cache
def _defaults() -> dict[tuple[str, str], tuple[str, float]]:
    """Name and default value of every quota by service and code."""
    table = tomllib.loads(_TABLE.read_text(encoding="utf-8"))["quotas"]
    return {
        (block["service"], code): (name, float(value))
        for block in table
        for code, name, value in block["values"]
    }


@service_operation(API, "ListServices", Coverage.KEEPS_STATE)
async def list_services(_service: SageMaker, request: Document) -> Document:
    """Lists the services that have quotas here."""
    services = [{"ServiceCode": code, "ServiceName": name} for code, name in sorted(_services().items())]
    found, token = page(services, request, default_size=PAGE_SIZE)
    return {"Services": found, **token}


@service_operation(API, "GetAWSDefaultServiceQuota", Coverage.KEEPS_STATE)
async def get_default(service: SageMaker, request: Document) -> Document:
    """A quota as every account has it."""
    return {"Quota": _quota(service, request["ServiceCode"], request["QuotaCode"], applied=False)}


@service_operation(API, "ListAWSDefaultServiceQuotas", Coverage.KEEPS_STATE)
async def list_defaults(service: SageMaker, request: Document) -> Document:
    """Lists the quotas of a service as every account has them."""
    return _listed(service, request, applied=False)


@service_operation(API, "GetServiceQuota", Coverage.KEEPS_STATE)
async def get_quota(service: SageMaker, request: Document) -> Document:
    """A quota of this account."""
    return {"Quota": _quota(service, request["ServiceCode"], request["QuotaCode"], applied=True)}


@service_operation(API, "ListServiceQuotas", Coverage.KEEPS_STATE)
async def list_quotas(service: SageMaker, request: Document) -> Document:
    """Lists this account's quotas of a service."""
    return _listed(service, request, applied=True)


@service_operation(API, "RequestServiceQuotaIncrease", Coverage.KEEPS_STATE)
async def request_increase(service: SageMaker, request: Document) -> Document:
    """Asks for a higher value."""
    quota = _quota(service, request["ServiceCode"], request["QuotaCode"], applied=True)
    desired = float(request["DesiredValue"])
    if desired <= quota["Value"]:
        raise ServiceError(
            "IllegalArgumentException",
            "You must provide a quota value greater than the current quota value of "
            f"{quota['Value']:g} for {quota['QuotaName']}; found {desired:g}.",
        )
    if any(
        item["Status"] == _OPEN for item in _requests(service, request["ServiceCode"], request["QuotaCode"])
    ):
        raise ServiceError(
            "ResourceAlreadyExistsException",
            f"Only one open service quota increase request is allowed per quota: {quota['QuotaName']}.",
        )
    document = {
        "Id": uuid.uuid4().hex,
        "ServiceCode": quota["ServiceCode"],
        "ServiceName": quota["ServiceName"],
        "QuotaCode": quota["QuotaCode"],
        "QuotaName": quota["QuotaName"],
        "DesiredValue": desired,
        "Status": _OPEN,
        "Created": service.clock(),
        "LastUpdated": service.clock(),
        "Requester": f'{{"accountId":"{service.account}"}}',
        "QuotaArn": quota["QuotaArn"],
        "GlobalQuota": False,
        "Unit": "None",
        "QuotaRequestedAtLevel": "ACCOUNT",
    }
    service.store.put(_KIND, document["Id"], document)
    return {"RequestedQuota": document}


@service_operation(API, "GetRequestedServiceQuotaChange", Coverage.KEEPS_STATE)
async def get_request(service: SageMaker, request: Document) -> Document:
    """A request for a higher value."""
    document = service.store.get(_KIND, request["RequestId"])
    if document is None:
        raise _missing(f"The request {request['RequestId']} does not exist.")
    return {"RequestedQuota": _current(service, document)}


@service_operation(API, "ListRequestedServiceQuotaChangeHistory", Coverage.KEEPS_STATE)
async def list_requests(service: SageMaker, request: Document) -> Document:
    """Lists requests for higher values, the newest first."""
    return _history(service, request)


@service_operation(API, "ListRequestedServiceQuotaChangeHistoryByQuota", Coverage.KEEPS_STATE)
async def list_requests_by_quota(service: SageMaker, request: Document) -> Document:
    """Lists requests for higher values of one quota, the newest first."""
    _quota(service, request["ServiceCode"], request["QuotaCode"], applied=False)
    return _history(service, request)


def _listed(service: SageMaker, request: Document, *, applied: bool) -> Document:
    code = request["ServiceCode"]
    if code not in _services():
        raise _missing(f"The service {code} has no quotas here; there are: {', '.join(sorted(_services()))}.")
    quotas = [
        _quota(service, code, quota, applied=applied)
        for owner, quota in _defaults()
        if owner == code and request.get("QuotaCode", quota) == quota
    ]
    found, token = page(quotas, request, default_size=PAGE_SIZE)
    return {"Quotas": found, **token}


def _history(service: SageMaker, request: Document) -> Document:
    requests = _requests(service, request.get("ServiceCode"), request.get("QuotaCode"))
    chosen = [item for item in requests if item["Status"] == request.get("Status", item["Status"])]
    found, token = page(chosen[::-1], request, default_size=PAGE_SIZE)
    return {"RequestedQuotas": found, **token}


def _requests(service: SageMaker, service_code: str | None, quota_code: str | None) -> list[Document]:
    return [
        _current(service, item)
        for item in service.store.list(_KIND)
        if service_code in (None, item["ServiceCode"]) and quota_code in (None, item["QuotaCode"])
    ]


def _current(service: SageMaker, request: Document) -> Document:
    """A request as it is by now."""
    granted_at = request["Created"] + GRANTED_AFTER_S
    if service.clock() < granted_at:
        return request
    return {**request, "Status": _GRANTED, "LastUpdated": granted_at}


def _quota(service: SageMaker, service_code: str, quota_code: str, *, applied: bool) -> Document:
    found = _defaults().get((service_code, quota_code))
    if found is None:
        raise _missing(
            f"The quota {quota_code} of the service {service_code} is not in the sandbox's table; "
            "ListServiceQuotas lists what is."
        )
    name, value = found
    if applied:
        granted = [
            item["DesiredValue"]
            for item in _requests(service, service_code, quota_code)
            if item["Status"] == _GRANTED
        ]
        value = max([value, *granted])
    return {
        "ServiceCode": service_code,
        "ServiceName": _services()[service_code],
        "QuotaArn": f"arn:aws:servicequotas:{service.region}:{service.account}:{service_code}/{quota_code}",
        "QuotaCode": quota_code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }


def _missing(message: str) -> ServiceError:
    return ServiceError("NoSuchResourceException", message)
