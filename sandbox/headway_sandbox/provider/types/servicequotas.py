"""Service Quotas: limits that a system needs above AWS's defaults."""

from __future__ import annotations

from headway_sandbox.provider.aws import AwsError
from headway_sandbox.provider.table import ResourceType, Session
from headway_sandbox.provider.values import Properties

_SERVICE = "service-quotas"
_OPEN = frozenset({"PENDING", "CASE_OPENED"})
_ABSENT = frozenset({"NoSuchResourceException"})


def _named(state: Properties) -> Properties:
    return {"ServiceCode": state["serviceCode"], "QuotaCode": state["quotaCode"]}


def _open_request(session: Session, state: Properties) -> Properties | None:
    """The increase that was asked for and is not decided."""
    request_id = state.get("requestId")
    if not request_id:
        return None
    asked = session.call(_SERVICE, "GetRequestedServiceQuotaChange", {"RequestId": request_id})
    found: Properties = asked["RequestedQuota"]
    return found if found["Status"] in _OPEN else None


def _live(session: Session, state: Properties) -> Properties:
    """A quota as it is; while an increase is being decided, the value is the one that was asked for."""
    default = session.call(_SERVICE, "GetAWSDefaultServiceQuota", _named(state))["Quota"]
    try:
        quota = session.call(_SERVICE, "GetServiceQuota", _named(state))["Quota"]
    except AwsError as error:
        # A quota that nobody raised has no value of its own.
        if error.code not in _ABSENT:
            raise
        quota = default
    asked = _open_request(session, state)
    return {
        "serviceCode": quota["ServiceCode"],
        "quotaCode": quota["QuotaCode"],
        "serviceName": quota.get("ServiceName"),
        "quotaName": quota.get("QuotaName"),
        "arn": quota.get("QuotaArn"),
        "adjustable": quota.get("Adjustable"),
        "defaultValue": default["Value"],
        "value": quota["Value"] if asked is None else asked["DesiredValue"],
        "requestId": None if asked is None else asked["Id"],
        "requestStatus": None if asked is None else asked["Status"],
    }


def _ask(session: Session, state: Properties, value: float) -> Properties:
    request = {**_named(state), "DesiredValue": value}
    asked = session.call(_SERVICE, "RequestServiceQuotaIncrease", request)["RequestedQuota"]
    return _live(session, {**state, "requestId": asked["Id"]})


class _Quota:
    """A quota exists always; it can only be raised."""

    def create(self, session: Session, inputs: Properties) -> Properties:
        """Asks for an increase where the quota is below the wanted value."""
        live, wanted = _live(session, inputs), float(inputs["value"])
        if wanted < live["value"]:
            reason = f"the quota {live['quotaName']} is {live['value']:g} already; {wanted:g} is below it"
            raise AwsError("RequestServiceQuotaIncrease", "ValidationException", reason)
        return live if wanted == live["value"] else _ask(session, inputs, wanted)

    def read(self, session: Session, state: Properties) -> Properties | None:
        """The quota, or None for a service or code that there is not."""
        try:
            return _live(session, state)
        except AwsError as error:
            if error.code in _ABSENT:
                return None
            raise

    def update(self, session: Session, state: Properties, inputs: Properties) -> Properties:
        """Asks for another value."""
        return _ask(session, state, float(inputs["value"]))

    def delete(self, session: Session, state: Properties) -> None:
        """Leaves the quota as it is: what was raised stays raised."""


SERVICE_QUOTA = ResourceType(
    pulumi_type="aws:servicequotas/serviceQuota:ServiceQuota",
    service=_SERVICE,
    id=("serviceCode", "quotaCode"),
    id_separator="/",
    handler=_Quota(),
    force_new=frozenset({"quotaCode", "serviceCode"}),
    volatile=frozenset({"requestId", "requestStatus"}),
)

TYPES = (SERVICE_QUOTA,)
