"""Topics, queues, alarms, rules, functions, state machines and schedules."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from support.round_trip.case import Case
from support.round_trip.documents import allow

CW = "aws:cloudwatch/"


def _code(text: str) -> Any:
    import pulumi  # noqa: PLC0415

    source = f"def handler(event, context):\n    return event\n# {text}\n"
    return pulumi.AssetArchive({"main.py": pulumi.StringAsset(source)})


def _sends(arn: Any, sid: str) -> Any:
    return arn.apply(lambda value: allow(["sqs:SendMessage"], [value], Sid=sid, Principal="*"))


def _publishes(arn: Any, sid: str) -> Any:
    return arn.apply(
        lambda value: allow(
            ["sns:Publish"], [value], Sid=sid, Principal={"Service": "cloudwatch.amazonaws.com"}
        )
    )


def _alarm(**more: Any) -> dict[str, Any]:
    return {
        "comparison_operator": "GreaterThanThreshold",
        "evaluation_periods": 1,
        "metric_name": "Errors",
        "namespace": "Headway",
        "period": 60,
        "statistic": "Sum",
        "threshold": 1.5,
        "dimensions": {"A": "1"},
        **more,
    }


def _query(label: str) -> dict[str, Any]:
    metric = {"metric_name": "E", "namespace": "N", "period": 60, "stat": "Sum", "dimensions": {"A": "1"}}
    return {"id": "errors", "label": label, "return_data": True, "metric": metric}


def _when(state: str, made: Any) -> Any:
    return made.watched.name.apply(lambda name: f"{state}({name})")


def _text(value: str) -> str:
    widget = {
        "type": "text",
        "x": 0,
        "y": 0,
        "width": 6,
        "height": 2,
        "properties": {"markdown": value},
    }
    return json.dumps({"widgets": [widget]})


def _machine(comment: str) -> str:
    states = {"Only": {"Type": "Pass", "Comment": comment, "End": True}}
    return json.dumps({"StartAt": "Only", "States": states})


def _quiet(client: Any, resource_id: str, _outputs: Any) -> None:
    client("sns").set_topic_attributes(
        TopicArn=resource_id, AttributeName="DisplayName", AttributeValue="other"
    )


def _slow(client: Any, resource_id: str, _outputs: Any) -> None:
    client("sqs").set_queue_attributes(QueueUrl=resource_id, Attributes={"VisibilityTimeout": "77"})


def _gone(client: Any, resource_id: str, _outputs: Any) -> None:
    client("cloudwatch").delete_alarms(AlarmNames=[resource_id])


def _undrawn(client: Any, resource_id: str, _outputs: Any) -> None:
    client("cloudwatch").delete_dashboards(DashboardNames=[resource_id])


def _kept(client: Any, resource_id: str, _outputs: Any) -> None:
    client("logs").put_retention_policy(logGroupName=resource_id, retentionInDays=30)


def _unruled(client: Any, _id: str, outputs: Any) -> None:
    client("events").disable_rule(Name=outputs["name"])


def _untargeted(client: Any, _id: str, outputs: Any) -> None:
    client("events").remove_targets(Rule=outputs["rule"], Ids=[outputs["targetId"]])


def _grown(client: Any, resource_id: str, _outputs: Any) -> None:
    client("lambda").update_function_configuration(FunctionName=resource_id, Timeout=33)


def _forbidden(client: Any, _id: str, outputs: Any) -> None:
    client("lambda").remove_permission(FunctionName=outputs["function"], StatementId=outputs["statementId"])


def _other_machine(client: Any, resource_id: str, _outputs: Any) -> None:
    client("stepfunctions").update_state_machine(stateMachineArn=resource_id, definition=_machine("other"))


CASES = (
    Case(
        "topic",
        "aws:sns/topic:Topic",
        lambda _: {"display_name": "one", "tags": {"n": "1", "gone": "1"}},
        changed=lambda _: {"display_name": "two", "tags": {"n": "2"}},
        outside=_quiet,
    ),
    Case(
        "ordered",
        "aws:sns/topic:Topic",
        lambda _: {"fifo_topic": True},
        changed=lambda _: {"content_based_deduplication": True},
        replaced=lambda _: {"name": "other.fifo"},
    ),
    Case(
        "topicPolicy",
        "aws:sns/topicPolicy:TopicPolicy",
        lambda made: {"arn": made.topic.arn, "policy": _publishes(made.topic.arn, "One")},
        changed=lambda made: {"policy": _publishes(made.topic.arn, "Two")},
        stays=True,
    ),
    Case("dead", "aws:sqs/queue:Queue", lambda _: {}),
    Case(
        "queue",
        "aws:sqs/queue:Queue",
        lambda made: {
            "visibility_timeout_seconds": 30,
            "redrive_policy": made.dead.arn.apply(
                lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 4})
            ),
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"visibility_timeout_seconds": 60, "tags": {"n": "2"}},
        outside=_slow,
    ),
    Case(
        "line",
        "aws:sqs/queue:Queue",
        lambda _: {"fifo_queue": True},
        changed=lambda _: {"content_based_deduplication": True},
        replaced=lambda _: {"name": "other.fifo"},
    ),
    Case(
        "queuePolicy",
        "aws:sqs/queuePolicy:QueuePolicy",
        lambda made: {"queue_url": made.queue.url, "policy": _sends(made.queue.arn, "One")},
        changed=lambda made: {"policy": _sends(made.queue.arn, "Two")},
    ),
    Case(
        "subscription",
        "aws:sns/topicSubscription:TopicSubscription",
        lambda made: {
            "topic": made.topic.arn,
            "protocol": "sqs",
            "endpoint": made.queue.arn,
            "filter_policy": json.dumps({"kind": ["one"]}),
        },
        changed=lambda _: {"raw_message_delivery": True, "filter_policy": json.dumps({"kind": ["two"]})},
    ),
    Case(
        "notification",
        "aws:s3/bucketNotification:BucketNotification",
        lambda made: {
            "bucket": made.bucket.id,
            "queues": [{"queue_arn": made.queue.arn, "events": ["s3:ObjectCreated:*"], "id": "in"}],
        },
        changed=lambda _: {"eventbridge": True},
    ),
    Case(
        "logGroup",
        f"{CW}logGroup:LogGroup",
        lambda _: {"retention_in_days": 7, "tags": {"n": "1", "gone": "1"}},
        changed=lambda _: {"retention_in_days": 14, "tags": {"n": "2"}},
        replaced=lambda _: {"name": "other"},
        outside=_kept,
    ),
    Case(
        "alarm",
        f"{CW}metricAlarm:MetricAlarm",
        lambda made: _alarm(alarm_actions=[made.topic.arn], tags={"n": "1", "gone": "1"}),
        changed=lambda _: {"threshold": 2.5, "tags": {"n": "2"}},
        outside=_gone,
    ),
    Case(
        "otherAlarm",
        f"{CW}metricAlarm:MetricAlarm",
        lambda _: _alarm(name="one"),
        replaced=lambda _: {"name": "two"},
    ),
    Case(
        "watched",
        f"{CW}metricAlarm:MetricAlarm",
        lambda _: {
            "comparison_operator": "GreaterThanThreshold",
            "evaluation_periods": 1,
            "threshold": 0.1,
            "metric_queries": [_query("one")],
        },
        changed=lambda _: {"metric_queries": [_query("two")]},
    ),
    Case(
        "composite",
        f"{CW}compositeAlarm:CompositeAlarm",
        lambda made: {"alarm_name": "both", "alarm_rule": _when("ALARM", made)},
        changed=lambda made: {"alarm_rule": _when("OK", made)},
        replaced=lambda _: {"alarm_name": "others"},
        outside=_gone,
    ),
    Case(
        "dashboard",
        f"{CW}dashboard:Dashboard",
        lambda _: {"dashboard_name": "one", "dashboard_body": _text("one")},
        changed=lambda _: {"dashboard_body": _text("two")},
        replaced=lambda _: {"dashboard_name": "two"},
        outside=_undrawn,
    ),
    Case(
        "rule",
        f"{CW}eventRule:EventRule",
        lambda _: {
            "event_pattern": json.dumps({"source": ["one"]}),
            "state": "ENABLED",
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"event_pattern": json.dumps({"source": ["two"]}), "tags": {"n": "2"}},
        outside=_unruled,
    ),
    Case(
        "otherRule",
        f"{CW}eventRule:EventRule",
        lambda _: {"name": "one", "schedule_expression": "rate(1 hour)"},
        replaced=lambda _: {"name": "two"},
    ),
    Case(
        "target",
        f"{CW}eventTarget:EventTarget",
        lambda made: {"rule": made.rule.name, "target_id": "a", "arn": made.queue.arn},
        changed=lambda _: {
            "input_transformer": {
                "input_paths": {"source": "$.source"},
                "input_template": '{"n": 2, "s": <source>}',
            }
        },
        replaced=lambda _: {"target_id": "b"},
        outside=_untargeted,
        import_id=lambda _, outputs: f"{outputs['rule']}/{outputs['targetId']}",
    ),
    Case(
        "function",
        "aws:lambda/function:Function",
        lambda made: {
            "runtime": "python3.11",
            "handler": "main.handler",
            "role": made.role.arn,
            "code": _code("one"),
            "environment": {"variables": {"NUMBER": "1"}},
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {
            "memory_size": 256,
            "code": _code("two"),
            "environment": None,
            "tags": {"n": "2"},
        },
        outside=_grown,
    ),
    Case(
        "otherFunction",
        "aws:lambda/function:Function",
        lambda made: {
            "runtime": "python3.11",
            "handler": "main.handler",
            "role": made.role.arn,
            "code": _code("one"),
            "name": "one",
        },
        replaced=lambda _: {"name": "two"},
    ),
    Case(
        "called",
        "aws:lambda/invocation:Invocation",
        lambda made: {
            "function_name": made.function.name,
            "input": json.dumps({"n": 1}),
            "lifecycle_scope": "CRUD",
            "triggers": {"n": "1"},
        },
        changed=lambda _: {"input": json.dumps({"n": 2})},
        replaced=lambda _: {"triggers": {"n": "2"}},
        import_id=lambda _, outputs: ",".join(
            (
                outputs["functionName"],
                outputs["qualifier"],
                hashlib.md5(outputs["input"].encode(), usedforsecurity=False).hexdigest(),
            )
        ),
        unimported=frozenset({"input", "lifecycleScope", "triggers"}),
    ),
    Case(
        "permission",
        "aws:lambda/permission:Permission",
        lambda made: {
            "action": "lambda:InvokeFunction",
            "function": made.function.name,
            "principal": "events.amazonaws.com",
            "source_arn": made.rule.arn,
            "statement_id": "a",
        },
        replaced=lambda _: {"statement_id": "b"},
        outside=_forbidden,
        import_id=lambda _, outputs: f"{outputs['function']}/{outputs['statementId']}",
    ),
    Case(
        "machine",
        "aws:sfn/stateMachine:StateMachine",
        lambda made: {
            "role_arn": made.role.arn,
            "definition": _machine("one"),
            "type": "STANDARD",
            "logging_configuration": {
                "level": "ERROR",
                "log_destination": made.logGroup.arn.apply("{}:*".format),
            },
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"definition": _machine("two"), "tags": {"n": "2"}},
        replaced=lambda _: {"type": "EXPRESS"},
        outside=_other_machine,
    ),
    Case(
        "schedule",
        "aws:scheduler/schedule:Schedule",
        lambda made: {
            "flexible_time_window": {"mode": "OFF"},
            "schedule_expression": "rate(1 hour)",
            "target": {"arn": made.queue.arn, "role_arn": made.role.arn},
            "state": "DISABLED",
        },
        changed=lambda _: {"schedule_expression": "rate(2 hours)"},
        replaced=lambda _: {"name": "other"},
        import_id=lambda _, outputs: f"{outputs['groupName']}/{outputs['name']}",
    ),
)
