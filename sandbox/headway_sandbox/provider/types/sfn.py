"""Step Functions: state machines."""

from __future__ import annotations

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging

_CONFIGURATION = (
    "definition",
    "roleArn",
    "loggingConfiguration",
    "tracingConfiguration",
    "encryptionConfiguration",
    "publish",
)


STATE_MACHINE = ResourceType(
    pulumi_type="aws:sfn/stateMachine:StateMachine",
    service="stepfunctions",
    id=("arn",),
    identity={"stateMachineArn": "arn"},
    create=Call("CreateStateMachine"),
    reads=(
        Read(
            "DescribeStateMachine",
            absent=frozenset({"StateMachineDoesNotExist"}),
            gone={"status": frozenset({"DELETING"})},
        ),
    ),
    listing=Read("ListStateMachines", at="stateMachines", where={"stateMachineArn": "arn"}),
    steps=(Step(_CONFIGURATION, Call("UpdateStateMachine"), on_create=False),),
    delete=(Call("DeleteStateMachine"),),
    renames={
        "arn": "stateMachineArn",
        "loggingConfiguration.logDestination": "destinations[].cloudWatchLogsLogGroup.logGroupArn",
    },
    tagging=Tagging(
        "TagResource",
        "UntagResource",
        identity={"resourceArn": "arn"},
        read="ListTagsForResource",
        member="tags",
        keys="tagKeys",
    ),
    force_new=frozenset({"name", "namePrefix", "type"}),
    defaults={"publish": False, "type": "STANDARD"},
    computed=frozenset({"loggingConfiguration", "tracingConfiguration", "encryptionConfiguration"}),
    write_only=frozenset({"publish"}),
    local=frozenset({"namePrefix"}),
    volatile=frozenset({"revisionId", "stateMachineVersionArn"}),
    wait_deleted=True,
    autoname=Autoname(max_length=80),
    exclusive=(("name", "namePrefix"),),
)

TYPES = (STATE_MACHINE,)
