"""A bucket's notifications: AWS keeps filters as lists of rules, pulumi-aws as two properties."""

from __future__ import annotations

from headway_sandbox.provider.values import Properties

_TARGETS = (
    ("lambdaFunctions", "LambdaFunctionConfigurations", "lambdaFunctionArn", "LambdaFunctionArn"),
    ("queues", "QueueConfigurations", "queueArn", "QueueArn"),
    ("topics", "TopicConfigurations", "topicArn", "TopicArn"),
)


def notification(inputs: Properties) -> Properties:
    """The one notification configuration that a bucket has, as the member of the request.

    Args:
        inputs: inputs of a BucketNotification.
    """
    configuration: Properties = {"EventBridgeConfiguration": {}} if inputs.get("eventbridge") is True else {}
    for blocks, member, target, target_member in _TARGETS:
        entries = [_notification_entry(block, target, target_member) for block in inputs.get(blocks) or []]
        if entries:
            configuration[member] = entries
    return {"bucket": inputs["bucket"], "NotificationConfiguration": configuration}


def _notification_entry(block: Properties, target: str, target_member: str) -> Properties:
    rules = [
        {"Name": name, "Value": block[property_name]}
        for name, property_name in (("prefix", "filterPrefix"), ("suffix", "filterSuffix"))
        if block.get(property_name) is not None
    ]
    entry: Properties = {target_member: block.get(target), "Events": block["events"]}
    if rules:
        entry["Filter"] = {"Key": {"FilterRules": rules}}
    if block.get("id") is not None:
        entry["Id"] = block["id"]
    return entry


def notification_blocks(answer: Properties) -> Properties:
    """The inputs of a BucketNotification for a bucket's configuration.

    Args:
        answer: answer of GetBucketNotificationConfiguration.
    """
    found: Properties = {"eventbridge": "EventBridgeConfiguration" in answer}
    for blocks, member, target, target_member in _TARGETS:
        if answer.get(member):
            found[blocks] = [_notification_block(entry, target, target_member) for entry in answer[member]]
    return found


def _notification_block(entry: Properties, target: str, target_member: str) -> Properties:
    rules = (entry.get("Filter") or {}).get("Key", {}).get("FilterRules", [])
    filters = {f"filter{rule['Name'].capitalize()}": rule["Value"] for rule in rules}
    return {"id": entry.get("Id"), "events": entry["Events"], target: entry.get(target_member), **filters}
