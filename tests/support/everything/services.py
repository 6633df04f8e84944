"""Messages, alarms, functions, rules and state machines."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws

from support.everything.phase import allow, changed, number, replaced

CODE = """
def handler(event, context):
    return event
"""


def messages(bucket: aws.s3.Bucket) -> tuple[aws.sns.Topic, aws.sqs.Queue]:
    topic = aws.sns.Topic("topic", display_name=f"topic {number}", tags={"n": str(number)})
    aws.sns.TopicPolicy("topicPolicy", arn=topic.arn, policy=topic.arn.apply(topic_policy))
    fifo = aws.sns.Topic("ordered", fifo_topic=True, content_based_deduplication=changed)
    pulumi.export("fifo", fifo.name)
    dead = aws.sqs.Queue("dead")
    queue = aws.sqs.Queue(
        "queue",
        visibility_timeout_seconds=30 * number,
        redrive_policy=dead.arn.apply(
            lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 4})
        ),
        tags={"n": str(number)},
    )
    aws.sqs.QueuePolicy(
        "queuePolicy",
        queue_url=queue.url,
        policy=queue.arn.apply(
            lambda arn: allow(["sqs:SendMessage"], [arn], Sid=f"S{number}", Principal="*")
        ),
    )
    aws.sns.TopicSubscription(
        "subscription",
        topic=topic.arn,
        protocol="sqs",
        endpoint=queue.arn,
        raw_message_delivery=changed,
        filter_policy=json.dumps({"kind": [f"k{number}"]}),
    )
    aws.s3.BucketNotification(
        "notification",
        bucket=bucket.id,
        eventbridge=changed,
        queues=[
            {
                "queue_arn": queue.arn,
                "events": ["s3:ObjectCreated:*"],
                "filter_prefix": f"in{number}/",
                "id": "in",
            }
        ],
    )
    return topic, queue


def topic_policy(arn: str) -> str:
    statement = {
        "Sid": f"Publish{number}",
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": arn,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def observability(key: aws.kms.Key, topic: aws.sns.Topic) -> aws.cloudwatch.LogGroup:
    group = aws.cloudwatch.LogGroup(
        "group", retention_in_days=7 * number, kms_key_id=key.arn, tags={"n": str(number)}
    )
    alarm = aws.cloudwatch.MetricAlarm(
        "alarm",
        name="everything-b" if replaced else "everything-a",
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=number,
        metric_name="Errors",
        namespace="Headway",
        period=60,
        statistic="Sum",
        threshold=1.5,
        dimensions={"B": "2", "A": "1"},
        alarm_actions=[topic.arn],
        tags={"n": str(number)},
    )
    maths = aws.cloudwatch.MetricAlarm(
        "maths",
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        threshold=0.1,
        metric_queries=[
            {
                "id": "errors",
                "label": f"errors {number}",
                "return_data": True,
                "metric": {
                    "metric_name": "E",
                    "namespace": "N",
                    "period": 60,
                    "stat": "Sum",
                    "dimensions": {"A": "1"},
                },
            },
        ],
    )
    aws.cloudwatch.CompositeAlarm(
        "composite",
        alarm_name="everything-composite",
        alarm_rule=pulumi.Output.concat(
            "ALARM(", alarm.name, f") OR {'ALARM' if changed else 'OK'}(", maths.name, ")"
        ),
        alarm_actions=[topic.arn],
    )
    aws.cloudwatch.Dashboard(
        "dashboard",
        dashboard_name="everything",
        dashboard_body=json.dumps(
            {
                "widgets": [
                    {
                        "type": "text",
                        "x": 0,
                        "y": 0,
                        "width": 6,
                        "height": 2,
                        "properties": {"markdown": f"{number}"},
                    }
                ]
            }
        ),
    )
    return group


def functions(role: aws.iam.Role, queue: aws.sqs.Queue) -> aws.lambda_.Function:
    function = aws.lambda_.Function(
        "function",
        runtime=f"python3.1{number}",
        handler="main.handler",
        role=role.arn,
        memory_size=128 * number,
        code=pulumi.AssetArchive({"main.py": pulumi.StringAsset(f"{CODE}# {number}\n")}),
        environment={"variables": {"NUMBER": str(number)}} if not replaced else None,
        tags={"n": str(number)},
    )
    rule = aws.cloudwatch.EventRule(
        "rule",
        event_pattern=json.dumps({"source": [f"headway.{number}"]}),
        description=f"rule {number}",
        tags={"n": str(number)},
    )
    aws.cloudwatch.EventTarget(
        "target",
        rule=rule.name,
        target_id="b" if replaced else "a",
        arn=function.arn,
        input_transformer={
            "input_paths": {"source": "$.source"},
            "input_template": f'{{"n": {number}, "s": <source>}}',
        },
    )
    aws.lambda_.Permission(
        "permission",
        action="lambda:InvokeFunction",
        function=function.name,
        principal="events.amazonaws.com",
        source_arn=rule.arn,
        statement_id="b" if replaced else "a",
    )
    invocation = aws.lambda_.Invocation(
        "invocation", function_name=function.name, input=json.dumps({"n": number}), lifecycle_scope="CRUD"
    )
    pulumi.export("result", invocation.result)
    aws.scheduler.Schedule(
        "schedule",
        flexible_time_window={"mode": "OFF"},
        schedule_expression=f"rate({number} hours)" if number > 1 else "rate(1 hour)",
        target={"arn": queue.arn, "role_arn": role.arn, "input": json.dumps({"n": number})},
        state="DISABLED",
    )
    return function


def machine(role: aws.iam.Role, group: aws.cloudwatch.LogGroup) -> None:
    states: dict[str, Any] = {"Only": {"Type": "Pass", "Comment": str(number), "End": True}}
    aws.sfn.StateMachine(
        "machine",
        role_arn=role.arn,
        definition=json.dumps({"StartAt": "Only", "States": states}),
        type="EXPRESS" if replaced else "STANDARD",
        logging_configuration={"level": "ERROR", "log_destination": pulumi.Output.concat(group.arn, ":*")},
        tags={"n": str(number)},
    )
