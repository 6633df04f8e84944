"""SNS: topics, their policy and subscriptions."""

from __future__ import annotations

import json

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.types._fifo import suffix, without_order
from headway_sandbox.provider.values import Properties

_ABSENT = frozenset({"NotFound", "NotFoundException", "ResourceNotFound"})
_OWNER_ACTIONS = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)

_TOPIC_ATTRIBUTES = {
    "displayName": "DisplayName",
    "policy": "Policy",
    "deliveryPolicy": "DeliveryPolicy",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "fifoTopic": "FifoTopic",
    "fifoThroughputScope": "FifoThroughputScope",
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "signatureVersion": "SignatureVersion",
    "tracingConfig": "TracingConfig",
    "archivePolicy": "ArchivePolicy",
    "beginningArchiveTime": "BeginningArchiveTime",
    "owner": "Owner",
    **{
        f"{property_name}{kind}": f"{attribute}{attribute_kind}"
        for property_name, attribute in (
            ("application", "Application"),
            ("firehose", "Firehose"),
            ("http", "HTTP"),
            ("lambda", "Lambda"),
            ("sqs", "SQS"),
        )
        for kind, attribute_kind in (
            ("FailureFeedbackRoleArn", "FailureFeedbackRoleArn"),
            ("SuccessFeedbackRoleArn", "SuccessFeedbackRoleArn"),
            ("SuccessFeedbackSampleRate", "SuccessFeedbackSampleRate"),
        )
    },
}
_STANDARD = without_order("fifoTopic")


def _topic_of(resource_id: str) -> Properties:
    return {"arn": resource_id, "name": resource_id.rsplit(":", 1)[-1]}


def _owner_policy(inputs: Properties) -> Properties:
    """A topic always has a policy; without one of its own it is AWS's: the owner may do everything."""
    arn = inputs["arn"]
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in _OWNER_ACTIONS],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": inputs.get("owner", arn.split(":")[4])}},
    }
    document = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    return {"AttributeValue": json.dumps(document)}


_UPDATABLE = tuple(
    name for name in _TOPIC_ATTRIBUTES if name not in {"fifoTopic", "owner", "beginningArchiveTime"}
)

TOPIC = ResourceType(
    pulumi_type="aws:sns/topic:Topic",
    service="sns",
    id=("arn",),
    identity={"TopicArn": "arn"},
    create=Call("CreateTopic", fold=_STANDARD),
    reads=(Read("GetTopicAttributes", at="Attributes", absent=_ABSENT),),
    listing=Read("ListTopics", at="Topics", where={"TopicArn": "arn"}),
    steps=(Step(_UPDATABLE, Call("SetTopicAttributes", each_attribute=True), on_create=False),),
    delete=(Call("DeleteTopic"),),
    renames={"arn": "TopicArn"},
    attributes=_TOPIC_ATTRIBUTES,
    tagging=Tagging(
        "TagResource", "UntagResource", identity={"ResourceArn": "arn"}, read="ListTagsForResource"
    ),
    force_new=frozenset({"fifoTopic", "name", "namePrefix"}),
    defaults={"contentBasedDeduplication": False, "fifoTopic": False},
    computed=frozenset({"policy", "signatureVersion", "tracingConfig", "fifoThroughputScope"}),
    json=frozenset({"policy", "deliveryPolicy", "archivePolicy"}),
    local=frozenset({"namePrefix"}),
    autoname=Autoname(max_length=80, suffix=suffix("fifoTopic")),
    exclusive=(("name", "namePrefix"),),
    unsupported=frozenset({"maximumMessageSize"}),
    parse_id=_topic_of,
)

_SET_POLICY = Call("SetTopicAttributes", constants={"AttributeName": "Policy"})

TOPIC_POLICY = ResourceType(
    pulumi_type="aws:sns/topicPolicy:TopicPolicy",
    service="sns",
    id=("arn",),
    identity={"TopicArn": "arn"},
    create=_SET_POLICY,
    reads=(
        Read(
            "GetTopicAttributes",
            at="Attributes",
            absent=_ABSENT,
            unfold=lambda answer: {"policy": answer.get("Policy"), "owner": answer.get("Owner")},
        ),
    ),
    steps=(Step(("policy",), _SET_POLICY, on_create=False),),
    delete=(Call("SetTopicAttributes", constants={"AttributeName": "Policy"}, only=(), fold=_owner_policy),),
    renames={"policy": "AttributeValue", "arn": "TopicArn"},
    force_new=frozenset({"arn"}),
    json=frozenset({"policy"}),
)

_SUBSCRIPTION_ATTRIBUTES = {
    "deliveryPolicy": "DeliveryPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "filterPolicy": "FilterPolicy",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
    "replayPolicy": "ReplayPolicy",
    "subscriptionRoleArn": "SubscriptionRoleArn",
    "confirmationWasAuthenticated": "ConfirmationWasAuthenticated",
    "pendingConfirmation": "PendingConfirmation",
    "ownerId": "Owner",
    "topic": "TopicArn",
    "protocol": "Protocol",
    "endpoint": "Endpoint",
}
_SUBSCRIPTION_SETTABLE = tuple(_SUBSCRIPTION_ATTRIBUTES)[:7]
_SUBSCRIBED = ("topic", "protocol", "endpoint")


def _subscription(inputs: Properties) -> Properties:
    """Topic, protocol and endpoint are members of the request, though attributes of the answer."""
    attributes = {
        _SUBSCRIPTION_ATTRIBUTES[name]: str(inputs[name]).lower()
        if isinstance(inputs[name], bool)
        else inputs[name]
        for name in _SUBSCRIPTION_SETTABLE
        if inputs.get(name) not in {None, False}
    }
    request = {"TopicArn": inputs["topic"], "Protocol": inputs["protocol"], "Endpoint": inputs["endpoint"]}
    return {**request, "Attributes": attributes}


TOPIC_SUBSCRIPTION = ResourceType(
    pulumi_type="aws:sns/topicSubscription:TopicSubscription",
    service="sns",
    id=("arn",),
    identity={"SubscriptionArn": "arn"},
    create=Call("Subscribe", constants={"ReturnSubscriptionArn": True}, fold=_subscription),
    reads=(Read("GetSubscriptionAttributes", at="Attributes", absent=_ABSENT),),
    listing=Read("ListSubscriptions", at="Subscriptions", where={"SubscriptionArn": "arn"}),
    steps=(
        Step(_SUBSCRIPTION_SETTABLE, Call("SetSubscriptionAttributes", each_attribute=True), on_create=False),
    ),
    delete=(Call("Unsubscribe"),),
    renames={"arn": "SubscriptionArn"},
    attributes=_SUBSCRIPTION_ATTRIBUTES,
    force_new=frozenset(_SUBSCRIBED),
    defaults={"confirmationTimeoutInMinutes": 1, "endpointAutoConfirms": False, "rawMessageDelivery": False},
    computed=frozenset({"filterPolicyScope"}),
    json=frozenset({"filterPolicy", "deliveryPolicy", "redrivePolicy", "replayPolicy"}),
    local=frozenset({"endpointAutoConfirms", "confirmationTimeoutInMinutes"}),
)

TYPES = (TOPIC, TOPIC_POLICY, TOPIC_SUBSCRIPTION)
