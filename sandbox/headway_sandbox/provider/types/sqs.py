"""SQS: queues and their policy."""

from __future__ import annotations

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.types._fifo import suffix, without_order
from headway_sandbox.provider.values import Properties

_ABSENT = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
_QUEUE = {"QueueUrl": "url"}
_SETTABLE = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
_STANDARD = without_order("fifoQueue")


def _queue_of(resource_id: str) -> Properties:
    return {"url": resource_id, "name": resource_id.rsplit("/", 1)[-1]}


def _named_urls(answer: Properties) -> Properties:
    return {"QueueUrls": [{"QueueUrl": url} for url in answer.get("QueueUrls", ())]}


QUEUE = ResourceType(
    pulumi_type="aws:sqs/queue:Queue",
    service="sqs",
    id=("url",),
    identity=_QUEUE,
    create=Call("CreateQueue", fold=_STANDARD),
    reads=(
        Read("GetQueueAttributes", at="Attributes", constants={"AttributeNames": ["All"]}, absent=_ABSENT),
    ),
    listing=Read("ListQueues", at="QueueUrls", where={"QueueUrl": "url"}, decode=_named_urls),
    steps=(Step(tuple(_SETTABLE), Call("SetQueueAttributes", fold=_STANDARD), on_create=False),),
    delete=(Call("DeleteQueue"),),
    renames={"name": "QueueName", "url": "QueueUrl"},
    attributes={**_SETTABLE, "fifoQueue": "FifoQueue", "arn": "QueueArn"},
    tagging=Tagging("TagQueue", "UntagQueue", identity=_QUEUE, read="ListQueueTags"),
    force_new=frozenset({"fifoQueue", "name", "namePrefix"}),
    defaults={
        "contentBasedDeduplication": False,
        "delaySeconds": 0,
        "fifoQueue": False,
        "maxMessageSize": 262144,
        "messageRetentionSeconds": 345600,
        "receiveWaitTimeSeconds": 0,
        "visibilityTimeoutSeconds": 30,
    },
    computed=frozenset(
        {
            "deduplicationScope",
            "fifoThroughputLimit",
            "kmsDataKeyReusePeriodSeconds",
            "policy",
            "redriveAllowPolicy",
            "redrivePolicy",
            "sqsManagedSseEnabled",
        }
    ),
    json=frozenset({"policy", "redrivePolicy", "redriveAllowPolicy"}),
    local=frozenset({"namePrefix"}),
    autoname=Autoname(max_length=80, suffix=suffix("fifoQueue")),
    exclusive=(("name", "namePrefix"), ("kmsMasterKeyId", "sqsManagedSseEnabled")),
    parse_id=_queue_of,
)

_PUT_POLICY = Call("SetQueueAttributes")

QUEUE_POLICY = ResourceType(
    pulumi_type="aws:sqs/queuePolicy:QueuePolicy",
    service="sqs",
    id=("queueUrl",),
    identity={"QueueUrl": "queueUrl"},
    create=_PUT_POLICY,
    reads=(
        Read(
            "GetQueueAttributes",
            at="Attributes",
            constants={"AttributeNames": ["Policy"]},
            absent=_ABSENT,
            gone={"Policy": frozenset({""})},
        ),
    ),
    steps=(Step(("policy",), _PUT_POLICY, on_create=False),),
    delete=(Call("SetQueueAttributes", constants={"Attributes": {"Policy": ""}}, ignore=_ABSENT),),
    attributes={"policy": "Policy"},
    force_new=frozenset({"queueUrl"}),
    json=frozenset({"policy"}),
)

TYPES = (QUEUE, QUEUE_POLICY)
