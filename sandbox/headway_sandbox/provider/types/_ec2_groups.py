"""Security groups, with their rules inside, and the one that each VPC has from the start."""

from __future__ import annotations

from headway_sandbox.provider.aws import AwsError
from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Session, Step
from headway_sandbox.provider.types._ec2_common import BY_ID, TAGS, TAGS_AFTERWARDS, arn, tagged
from headway_sandbox.provider.types._ec2_rules import blocks_of, put_rules, same_rules
from headway_sandbox.provider.values import Properties

_RULES = frozenset({"ingress", "egress"})
_NO_GROUP = frozenset({"InvalidGroup.NotFound", "InvalidGroupId.Malformed"})


def _group(element: Properties) -> Properties:
    return {
        **element,
        "name": element.get("GroupName"),
        "ingress": blocks_of(element, "ingress"),
        "egress": blocks_of(element, "egress"),
    }


def _own_rules(inputs: Properties) -> Properties:
    """Without rules in the program, a new group gets none: what AWS lets out by default goes."""
    return {**inputs, "egress": inputs["egress"] if inputs.get("egress") is not None else []}


_GROUP_READS = (
    Read(
        "DescribeSecurityGroups",
        at="SecurityGroups",
        where={"GroupId": "id"},
        absent=_NO_GROUP,
        unfold=_group,
    ),
)
_GROUP_STEPS = (
    Step(("ingress",), work=put_rules("ingress")),
    Step(("egress",), work=put_rules("egress")),
)

SECURITY_GROUP = ResourceType(
    pulumi_type="aws:ec2/securityGroup:SecurityGroup",
    service="ec2",
    id=BY_ID,
    id_member="GroupId",
    identity={"GroupId": "id", "GroupIds": "id"},
    create=Call("CreateSecurityGroup", fold=tagged("security-group")),
    reads=_GROUP_READS,
    steps=_GROUP_STEPS,
    delete=(Call("DeleteSecurityGroup"),),
    renames={"name": "GroupName", "arn": "SecurityGroupArn"},
    tagging=TAGS,
    force_new=frozenset({"description", "name", "namePrefix", "vpcId"}),
    defaults={
        "description": "Managed by Pulumi",
        "revokeRulesOnDelete": False,
        "ingress[].self": False,
        "egress[].self": False,
    },
    computed=_RULES | {"vpcId"},
    local=frozenset({"namePrefix", "revokeRulesOnDelete"}),
    folded=_RULES,
    derived=arn("security-group"),
    autoname=Autoname(max_length=255),
    exclusive=(("name", "namePrefix"),),
    fold=_own_rules,
    equivalent={"ingress": same_rules, "egress": same_rules},
)


def _default_group(session: Session, inputs: Properties) -> Properties:
    """The group that AWS makes with a VPC; without a VPC, the one of the region's default VPC."""
    vpc_id = inputs.get("vpcId")
    if vpc_id is None:
        vpcs = session.call("ec2", "DescribeVpcs", {})["Vpcs"]
        vpc_id = next((vpc["VpcId"] for vpc in vpcs if vpc.get("IsDefault")), None)
    for group in session.call("ec2", "DescribeSecurityGroups", {})["SecurityGroups"]:
        if group.get("GroupName") == "default" and group.get("VpcId") == vpc_id:
            return {"id": group["GroupId"], "vpcId": vpc_id}
    named = vpc_id if vpc_id is not None else "of the region"
    raise AwsError(
        "DescribeSecurityGroups", "InvalidGroup.NotFound", f"the VPC {named} has no default security group"
    )


def _no_rules(inputs: Properties) -> Properties:
    """The default group keeps only the rules of the program."""
    return {**inputs, **{name: inputs[name] if inputs.get(name) is not None else [] for name in _RULES}}


DEFAULT_SECURITY_GROUP = ResourceType(
    pulumi_type="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    service="ec2",
    id=BY_ID,
    id_member="GroupId",
    identity={"GroupId": "id", "GroupIds": "id"},
    adopt=_default_group,
    reads=_GROUP_READS,
    steps=_GROUP_STEPS,
    renames={"name": "GroupName", "arn": "SecurityGroupArn"},
    tagging=TAGS_AFTERWARDS,
    force_new=frozenset({"vpcId"}),
    defaults={"revokeRulesOnDelete": False, "ingress[].self": False, "egress[].self": False},
    computed=_RULES | {"vpcId"},
    local=frozenset({"revokeRulesOnDelete"}),
    folded=_RULES | {"vpcId"},
    derived=arn("security-group"),
    fold=_no_rules,
    equivalent={"ingress": same_rules, "egress": same_rules},
)
