"""Budgets: what may be spent, and who is told."""

from __future__ import annotations

import datetime

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Session, Step, Tagging
from headway_sandbox.provider.values import Properties, Value

_TIME = "%Y-%m-%d_%H:%M"
_END = "2087-06-15_00:00"
_SUBSCRIBERS = (("subscriberEmailAddresses", "EMAIL"), ("subscriberSnsTopicArns", "SNS"))
_NOTIFICATION = {
    "comparisonOperator": "ComparisonOperator",
    "notificationType": "NotificationType",
    "threshold": "Threshold",
    "thresholdType": "ThresholdType",
}
_PERCENTAGE = "PERCENTAGE"
_FOLDED = frozenset({"costFilters", "metrics", "plannedLimits", "timePeriodEnd", "timePeriodStart"})
_TYPES_OF_COST = {
    "includeCredit": True,
    "includeDiscount": True,
    "includeOtherSubscription": True,
    "includeRecurring": True,
    "includeRefund": True,
    "includeSubscription": True,
    "includeSupport": True,
    "includeTax": True,
    "includeUpfront": True,
    "useAmortized": False,
    "useBlended": False,
}


def _instant(text: str) -> datetime.datetime:
    return datetime.datetime.strptime(text, _TIME).replace(tzinfo=datetime.UTC)


def _text(instant: Value) -> str:
    return str(instant.astimezone(datetime.UTC).strftime(_TIME))


def _members(inputs: Properties) -> Properties:
    """What a budget calls otherwise: times, maps of lists, and limits by the time that they start at."""
    members: Properties = {}
    if inputs.get("costFilters"):
        members["CostFilters"] = {item["name"]: item["values"] for item in inputs["costFilters"]}
    if inputs.get("metrics") is not None:
        members["Metrics"] = [inputs["metrics"]]
    if inputs.get("plannedLimits"):
        members["PlannedBudgetLimits"] = {
            str(int(_instant(item["startTime"]).timestamp())): {
                "Amount": item["amount"],
                "Unit": item["unit"],
            }
            for item in inputs["plannedLimits"]
        }
    names = (("Start", "timePeriodStart"), ("End", "timePeriodEnd"))
    period = {member: _instant(inputs[name]) for member, name in names if inputs.get(name) is not None}
    return {**members, "TimePeriod": period} if period else members


def _new(inputs: Properties) -> Properties:
    tags = inputs.get("tags")
    pairs = [{"Key": key, "Value": value} for key, value in sorted(tags.items())] if tags else None
    kept = {name: value for name, value in inputs.items() if name not in _FOLDED | {"tags"}}
    return {**kept, "Budget": _members(inputs), **({"ResourceTags": pairs} if pairs else {})}


def _changed(inputs: Properties) -> Properties:
    kept = {name: value for name, value in inputs.items() if name not in _FOLDED}
    return {**kept, "NewBudget": {"BudgetName": inputs["name"], **_members(inputs)}}


def _live(budget: Properties) -> Properties:
    period, filters = budget.get("TimePeriod", {}), budget.get("CostFilters") or {}
    found: Properties = {
        "timePeriodStart": _text(period["Start"]) if "Start" in period else None,
        "timePeriodEnd": _text(period["End"]) if "End" in period else None,
        "costFilters": [{"name": name, "values": values} for name, values in sorted(filters.items())],
    }
    planned = budget.get("PlannedBudgetLimits") or {}
    found["plannedLimits"] = [
        {
            "startTime": _text(datetime.datetime.fromtimestamp(int(start), datetime.UTC)),
            "amount": limit["Amount"],
            "unit": limit["Unit"],
        }
        for start, limit in sorted(planned.items())
    ]
    kept = {
        name: value
        for name, value in budget.items()
        if name not in {"CostFilters", "Metrics", "PlannedBudgetLimits", "TimePeriod"}
    }
    metrics = budget.get("Metrics") or [None]
    return {**kept, **found, "metrics": metrics[0]}


def _named(known: Properties) -> Properties:
    return {"AccountId": known["accountId"], "BudgetName": known["name"]}


def _notifications(session: Session, known: Properties) -> Properties:
    """The notifications with their subscribers, which each take a call."""
    listed = session.call("budgets", "DescribeNotificationsForBudget", _named(known))
    blocks = []
    for live in listed.get("Notifications", ()):
        told = _subscribers(session, known, live)
        block = {
            name: live.get(member, _PERCENTAGE if name == "thresholdType" else None)
            for name, member in _NOTIFICATION.items()
        }
        for name, kind in _SUBSCRIBERS:
            addresses = sorted(item["Address"] for item in told if item["SubscriptionType"] == kind)
            block |= {name: addresses} if addresses else {}
        blocks.append(block)
    return {"notifications": blocks}


def _subscribers(session: Session, known: Properties, live: Properties) -> list[Properties]:
    request = {**_named(known), "Notification": _key(live)}
    found: list[Properties] = session.call("budgets", "DescribeSubscribersForNotification", request).get(
        "Subscribers", []
    )
    return found


def _key(live: Properties) -> Properties:
    return {member: live[member] for member in _NOTIFICATION.values() if member in live}


def _rows(blocks: Value) -> list[tuple[object, ...]]:
    """Notifications without an order, to compare them."""
    return sorted(
        (
            str(block.get("comparisonOperator")),
            str(block.get("notificationType")),
            float(block["threshold"]),
            str(block.get("thresholdType")),
            *(tuple(sorted(block.get(name) or ())) for name, _ in _SUBSCRIBERS),
        )
        for block in blocks or ()
    )


def _same_notifications(one: Value, other: Value) -> bool:
    return _rows(one) == _rows(other)


def _put_notifications(session: Session, known: Properties, inputs: Properties) -> None:
    """A changed notification is deleted and made anew."""
    named = {"accountId": inputs.get("accountId") or known["accountId"], "name": inputs["name"]}
    request = _named(named)
    present = _notifications(session, named)["notifications"]
    wanted = inputs.get("notifications") or []
    for block in present:
        if not any(_same_notifications([block], [item]) for item in wanted):
            key = {member: block[name] for name, member in _NOTIFICATION.items()}
            session.call("budgets", "DeleteNotification", {**request, "Notification": key})
    for block in wanted:
        if not any(_same_notifications([block], [item]) for item in present):
            told = [
                {"SubscriptionType": kind, "Address": address}
                for name, kind in _SUBSCRIBERS
                for address in block.get(name) or ()
            ]
            key = {member: block[name] for name, member in _NOTIFICATION.items()}
            session.call(
                "budgets", "CreateNotification", {**request, "Notification": key, "Subscribers": told}
            )


def _same_amount(one: object, other: object) -> bool:
    return float(str(one)) == float(str(other))


BUDGET = ResourceType(
    pulumi_type="aws:budgets/budget:Budget",
    service="budgets",
    id=("accountId", "name"),
    identity={"AccountId": "accountId", "BudgetName": "name"},
    create=Call("CreateBudget", at="Budget", fold=_new),
    reads=(Read("DescribeBudget", at="Budget", absent=frozenset({"NotFoundException"}), unfold=_live),),
    steps=(
        Step(("notifications",), work=_put_notifications),
        Step((), Call("UpdateBudget", at="NewBudget", fold=_changed), on_create=False),
    ),
    delete=(Call("DeleteBudget"),),
    renames={"name": "BudgetName", "limitAmount": "BudgetLimit.Amount", "limitUnit": "BudgetLimit.Unit"},
    tagging=Tagging(
        "TagResource",
        "UntagResource",
        identity={"ResourceARN": "arn"},
        read="ListTagsForResource",
        member="ResourceTags",
        keys="ResourceTagKeys",
    ),
    force_new=frozenset({"accountId", "name", "namePrefix"}),
    defaults={"timePeriodEnd": _END, **{f"costTypes.{name}": on for name, on in _TYPES_OF_COST.items()}},
    computed=frozenset(
        {
            "accountId",
            "billingViewArn",
            "costFilters",
            "costTypes",
            "filterExpression",
            "limitAmount",
            "limitUnit",
            "metrics",
            "timePeriodStart",
        }
    ),
    sets=frozenset({"costFilters"}),
    local=frozenset({"namePrefix"}),
    folded=_FOLDED | {"notifications"},
    derived={"arn": "arn:{partition}:budgets::{accountId}:budget/{name}"},
    autoname=Autoname(max_length=100),
    exclusive=(
        ("name", "namePrefix"),
        ("limitAmount", "plannedLimits"),
        ("costFilters", "filterExpression"),
    ),
    own_account="accountId",
    gather=_notifications,
    equivalent={"notifications": _same_notifications, "limitAmount": _same_amount},
)

TYPES = (BUDGET,)
