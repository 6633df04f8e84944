"""Trails, repositories, budgets, secrets."""

from __future__ import annotations

import json
from typing import Any

from support.round_trip.case import Case

DATA_EVENTS = {
    "field_selectors": [
        {"field": "eventCategory", "equals": ["Data"]},
        {"field": "resources.type", "equals": ["AWS::S3::Object"]},
    ],
    "name": "objects",
}


def _stop(client: Any, resource_id: str, _outputs: Any) -> None:
    client("cloudtrail").stop_logging(Name=resource_id)


def _mutable(client: Any, resource_id: str, _outputs: Any) -> None:
    client("ecr").put_image_tag_mutability(repositoryName=resource_id, imageTagMutability="MUTABLE")


def _other_policy(client: Any, resource_id: str, _outputs: Any) -> None:
    client("ecr").put_lifecycle_policy(repositoryName=resource_id, lifecyclePolicyText=_expiry(99))


def _expiry(days: int) -> str:
    selection = {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": days,
    }
    return json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})


def _forget(client: Any, resource_id: str, outputs: Any) -> None:
    client("budgets").delete_notification(
        AccountId=outputs["accountId"],
        BudgetName=outputs["name"],
        Notification={
            "NotificationType": "ACTUAL",
            "ComparisonOperator": "GREATER_THAN",
            "Threshold": 80.0,
            "ThresholdType": "PERCENTAGE",
        },
    )


def _describe(client: Any, resource_id: str, _outputs: Any) -> None:
    client("secretsmanager").update_secret(SecretId=resource_id, Description="other")


def _told(threshold: float, *addresses: str) -> dict[str, Any]:
    return {
        "comparison_operator": "GREATER_THAN",
        "notification_type": "ACTUAL",
        "threshold": threshold,
        "threshold_type": "PERCENTAGE",
        "subscriber_email_addresses": list(addresses),
    }


def _policy(sid: str) -> str:
    statement = {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "secretsmanager:DeleteSecret",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


CASES = (
    Case(
        "trail",
        "aws:cloudtrail/trail:Trail",
        lambda _: {
            "s3_bucket_name": "trails",
            "is_multi_region_trail": True,
            "enable_log_file_validation": True,
            "advanced_event_selectors": [DATA_EVENTS],
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"s3_key_prefix": "all", "enable_logging": False, "tags": {"n": "2"}},
        outside=_stop,
    ),
    Case(
        "otherTrail",
        "aws:cloudtrail/trail:Trail",
        lambda _: {
            "name": "one",
            "s3_bucket_name": "trails",
            "event_selectors": [
                {"data_resources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3:::data/"]}]}
            ],
        },
        replaced=lambda _: {"name": "two"},
    ),
    Case(
        "images",
        "aws:ecr/repository:Repository",
        lambda _: {
            "name": "images",
            "image_tag_mutability": "IMMUTABLE",
            "force_delete": True,
            "image_scanning_configuration": {"scan_on_push": True},
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"image_scanning_configuration": {"scan_on_push": False}, "tags": {"n": "2"}},
        replaced=lambda _: {"encryption_configurations": [{"encryption_type": "KMS", "kms_key": "alias/a"}]},
        outside=_mutable,
    ),
    Case(
        "expiry",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        lambda made: {"repository": made.images.name, "policy": _expiry(14)},
        replaced=lambda _: {"policy": _expiry(7)},
        outside=_other_policy,
    ),
    Case(
        "budget",
        "aws:budgets/budget:Budget",
        lambda _: {
            "budget_type": "COST",
            "time_unit": "MONTHLY",
            "limit_amount": "100",
            "limit_unit": "USD",
            "cost_filters": [{"name": "TagKeyValue", "values": ["user:headway:system$max"]}],
            "notifications": [_told(80, "a@example.com"), _told(100, "a@example.com")],
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {
            "limit_amount": "200.0",
            "notifications": [_told(90, "b@example.com"), _told(100, "a@example.com", "b@example.com")],
            "tags": {"n": "2"},
        },
        replaced=lambda _: {"name": "other"},
        outside=_forget,
    ),
    Case(
        "secret",
        "aws:secretsmanager/secret:Secret",
        lambda _: {
            "description": "one",
            "recovery_window_in_days": 0,
            "policy": _policy("One"),
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"description": "two", "policy": _policy("Two"), "tags": {"n": "2"}},
        replaced=lambda _: {"name": "other"},
        outside=_describe,
    ),
)
