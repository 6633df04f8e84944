"""VPC endpoints and flow logs."""

from __future__ import annotations

from headway_sandbox.provider.table import Call, Read, ResourceType, Session, Step, Wait
from headway_sandbox.provider.types._ec2_common import BY_ID, TAGS, TAGS_AFTERWARDS, arn, tagged
from headway_sandbox.provider.values import Properties

# What an endpoint is attached to: property and the name of its members in ModifyVpcEndpoint.
_ATTACHED = {
    "routeTableIds": "RouteTableIds",
    "subnetIds": "SubnetIds",
    "securityGroupIds": "SecurityGroupIds",
}


def _attach(session: Session, known: Properties, inputs: Properties) -> None:
    """An endpoint's lists change by what is added and what is removed."""
    request: Properties = {}
    for name, member in _ATTACHED.items():
        present, wanted = set(known.get(name) or ()), inputs.get(name)
        if wanted is not None:
            request |= {f"Add{member}": sorted(set(wanted) - present)}
            request |= {f"Remove{member}": sorted(present - set(wanted))}
    request = {member: ids for member, ids in request.items() if ids}
    if request:
        session.call("ec2", "ModifyVpcEndpoint", {"VpcEndpointId": known["id"], **request})


def _endpoint(element: Properties) -> Properties:
    groups = [group["GroupId"] for group in element.get("Groups", ())]
    return {**element, "securityGroupIds": groups}


VPC_ENDPOINT = ResourceType(
    pulumi_type="aws:ec2/vpcEndpoint:VpcEndpoint",
    service="ec2",
    id=BY_ID,
    id_member="VpcEndpoint.VpcEndpointId",
    identity={"VpcEndpointId": "id", "VpcEndpointIds": "id"},
    create=Call("CreateVpcEndpoint", fold=tagged("vpc-endpoint")),
    reads=(
        Read(
            "DescribeVpcEndpoints",
            at="VpcEndpoints",
            where={"VpcEndpointId": "id"},
            absent=frozenset({"InvalidVpcEndpointId.NotFound", "InvalidVpcEndpoint.NotFound"}),
            unfold=_endpoint,
            gone={"State": frozenset({"deleted", "deleting"})},
        ),
        Read(
            "DescribePrefixLists",
            at="PrefixLists",
            where={"PrefixListName": "serviceName"},
            identity={},
            only=("prefixListId", "cidrBlocks"),
            unfold=lambda element: {
                "prefixListId": element["PrefixListId"],
                "cidrBlocks": element.get("Cidrs", []),
            },
        ),
    ),
    steps=(
        Step(tuple(_ATTACHED), work=_attach, on_create=False),
        Step(
            ("policy",),
            Call("ModifyVpcEndpoint"),
            Call("ModifyVpcEndpoint", constants={"ResetPolicy": True}),
            on_create=False,
        ),
        Step(
            ("privateDnsEnabled", "ipAddressType", "dnsOptions", "subnetConfigurations"),
            Call("ModifyVpcEndpoint"),
            on_create=False,
        ),
    ),
    delete=(Call("DeleteVpcEndpoints"),),
    renames={"policy": "PolicyDocument"},
    tagging=TAGS,
    force_new=frozenset(
        {
            "resourceConfigurationArn",
            "serviceName",
            "serviceNetworkArn",
            "serviceRegion",
            "vpcEndpointType",
            "vpcId",
        }
    ),
    defaults={"vpcEndpointType": "Gateway"},
    computed=frozenset(
        {
            "dnsOptions",
            "ipAddressType",
            "policy",
            "privateDnsEnabled",
            "routeTableIds",
            "securityGroupIds",
            "serviceRegion",
            "subnetConfigurations",
            "subnetIds",
        }
    ),
    json=frozenset({"policy"}),
    sets=frozenset(_ATTACHED),
    # DescribeVpcEndpoints of the sandbox leaves these out.
    forgotten=frozenset(
        {
            "dnsOptions",
            "ipAddressType",
            "policy",
            "privateDnsEnabled",
            "securityGroupIds",
            "serviceRegion",
            "subnetConfigurations",
        }
    ),
    derived=arn("vpc-endpoint"),
    waits=(
        Wait(
            "State",
            pending=frozenset({"pending", "Pending"}),
            target=frozenset({"available", "Available", "pendingAcceptance", "PendingAcceptance"}),
            reason="LastError.Message",
        ),
    ),
    wait_deleted=True,
    one_of=(("serviceName", "resourceConfigurationArn", "serviceNetworkArn"),),
    exclusive=(("serviceName", "resourceConfigurationArn", "serviceNetworkArn"),),
    unsupported=frozenset({"autoAccept"}),
)

# What a flow log watches: property, EC2's name of the kind, what the ids of the kind start with.
_WATCHED = (
    ("vpcId", "VPC", "vpc-"),
    ("subnetId", "Subnet", "subnet-"),
    ("eniId", "NetworkInterface", "eni-"),
    ("transitGatewayAttachmentId", "TransitGatewayAttachment", "tgw-attach-"),
    ("transitGatewayId", "TransitGateway", "tgw-"),
    ("regionalNatGatewayId", "RegionalNatGateway", "nat-"),
)
_STREAMS = ":*"


def _watch(inputs: Properties) -> Properties:
    """What is watched is named by kind and id; a log group without the suffix for its streams."""
    # CreateFlowLogs of the sandbox does not keep the tags that it gets.
    folded = {name: value for name, value in inputs.items() if name != "tags"}
    for name, kind, _ in _WATCHED:
        if folded.get(name) is not None:
            folded |= {"ResourceIds": [folded[name]], "ResourceType": kind}
            break
    destination = folded.get("logDestination")
    if isinstance(destination, str):
        folded["logDestination"] = destination.removesuffix(_STREAMS)
    return folded


def _watched(element: Properties) -> Properties:
    resource = str(element.get("ResourceId", ""))
    name = next((name for name, _, prefix in _WATCHED if resource.startswith(prefix)), None)
    return element if name is None else {**element, name: resource}


def _same_destination(one: object, other: object) -> bool:
    return str(one).removesuffix(_STREAMS) == str(other).removesuffix(_STREAMS)


_SUBJECTS = tuple(name for name, _, _ in _WATCHED)

FLOW_LOG = ResourceType(
    pulumi_type="aws:ec2/flowLog:FlowLog",
    service="ec2",
    id=BY_ID,
    id_member="FlowLogIds[]",
    identity={"FlowLogIds": "id"},
    create=Call("CreateFlowLogs", fold=_watch),
    reads=(Read("DescribeFlowLogs", at="FlowLogs", where={"FlowLogId": "id"}, unfold=_watched),),
    delete=(Call("DeleteFlowLogs"),),
    renames={"iamRoleArn": "DeliverLogsPermissionArn"},
    tagging=TAGS_AFTERWARDS,
    immutable=True,
    defaults={
        "logDestinationType": "cloud-watch-logs",
        "maxAggregationInterval": 600,
        "destinationOptions.fileFormat": "plain-text",
        "destinationOptions.hiveCompatiblePartitions": False,
        "destinationOptions.perHourPartition": False,
    },
    computed=frozenset({"logDestination", "logFormat"}),
    folded=frozenset(_SUBJECTS),
    # DescribeFlowLogs of the sandbox leaves these out.
    forgotten=frozenset(
        {
            "deliverCrossAccountRole",
            "destinationOptions",
            "iamRoleArn",
            "logFormat",
            "maxAggregationInterval",
            "tagFieldSpecifications",
        }
    ),
    derived=arn("vpc-flow-log"),
    exclusive=(_SUBJECTS,),
    one_of=(_SUBJECTS,),
    equivalent={"logDestination": _same_destination},
)
