"""EC2's network: VPCs and subnets; the rest of the network is in the modules beside."""

from __future__ import annotations

from headway_sandbox.provider.table import Call, Read, ResourceType, Step, Wait
from headway_sandbox.provider.types._ec2_common import ANY, BY_ID, TAGS, arn, tagged
from headway_sandbox.provider.types._ec2_endpoints import FLOW_LOG, VPC_ENDPOINT
from headway_sandbox.provider.types._ec2_groups import DEFAULT_SECURITY_GROUP, SECURITY_GROUP
from headway_sandbox.provider.types._ec2_routing import ROUTE_TABLE, ROUTE_TABLE_ASSOCIATION
from headway_sandbox.provider.values import Properties

_AVAILABLE = (Wait("State", pending=frozenset({"pending"}), target=frozenset({"available"})),)


def _tenancy_replaces(olds: Properties, news: Properties) -> bool:
    return (olds.get("instanceTenancy"), news.get("instanceTenancy")) != ("dedicated", "default")


def _attribute(name: str) -> Read:
    return Read("DescribeVpcAttribute", constants={"Attribute": name}, only=(name,))


def _default_part(operation: str, at: str, member: str, name: str, **where: object) -> Read:
    """The part of a VPC that AWS makes with it."""
    return Read(
        operation,
        at=at,
        where={"VpcId": "id"},
        match=lambda element: all(element.get(key) == value for key, value in where.items()),
        identity={},
        only=(name,),
        unfold=lambda element: {name: element[member]},
    )


_VPC_ID = {"VpcId": "id", "VpcIds": "id"}

VPC = ResourceType(
    pulumi_type="aws:ec2/vpc:Vpc",
    service="ec2",
    id=BY_ID,
    id_member="Vpc.VpcId",
    identity=_VPC_ID,
    create=Call("CreateVpc", fold=tagged("vpc")),
    reads=(
        Read("DescribeVpcs", at="Vpcs", where={"VpcId": "id"}, absent=frozenset({"InvalidVpcID.NotFound"})),
        _attribute("enableDnsHostnames"),
        _attribute("enableDnsSupport"),
        _attribute("enableNetworkAddressUsageMetrics"),
        _default_part(
            "DescribeSecurityGroups",
            "SecurityGroups",
            "GroupId",
            "defaultSecurityGroupId",
            GroupName="default",
        ),
        _default_part(
            "DescribeNetworkAcls", "NetworkAcls", "NetworkAclId", "defaultNetworkAclId", IsDefault=True
        ),
        Read(
            "DescribeRouteTables",
            at="RouteTables",
            where={"VpcId": "id"},
            match=lambda table: any(item.get("Main") for item in table.get("Associations", ())),
            identity={},
            only=("mainRouteTableId", "defaultRouteTableId"),
            unfold=lambda table: {
                "mainRouteTableId": table["RouteTableId"],
                "defaultRouteTableId": table["RouteTableId"],
            },
        ),
    ),
    steps=(
        Step(("enableDnsSupport",), Call("ModifyVpcAttribute"), when=ANY, initial=True),
        Step(("enableDnsHostnames",), Call("ModifyVpcAttribute"), when=ANY, initial=False),
        Step(("enableNetworkAddressUsageMetrics",), Call("ModifyVpcAttribute"), when=ANY, initial=False),
        Step(("instanceTenancy",), Call("ModifyVpcTenancy"), on_create=False),
    ),
    delete=(Call("DeleteVpc"),),
    renames={
        "enableDnsSupport": "EnableDnsSupport.Value",
        "enableDnsHostnames": "EnableDnsHostnames.Value",
        "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics.Value",
    },
    tagging=TAGS,
    force_new=frozenset({"cidrBlock"}),
    replace_when={"instanceTenancy": _tenancy_replaces},
    defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
    computed=frozenset({"cidrBlock", "enableDnsHostnames", "enableNetworkAddressUsageMetrics"}),
    # ModifyVpcAttribute of the sandbox takes this switch and keeps nothing.
    forgotten=frozenset({"enableNetworkAddressUsageMetrics"}),
    derived=arn("vpc"),
    waits=_AVAILABLE,
    unsupported=frozenset(
        {
            "assignGeneratedIpv6CidrBlock",
            "ipv4IpamPoolId",
            "ipv4NetmaskLength",
            "ipv6CidrBlock",
            "ipv6CidrBlockNetworkBorderGroup",
            "ipv6IpamPoolId",
            "ipv6NetmaskLength",
        }
    ),
    one_of=(("cidrBlock", "ipv4IpamPoolId"),),
)

_DNS_OPTIONS = {
    "privateDnsHostnameTypeOnLaunch": "HostnameType",
    "enableResourceNameDnsARecordOnLaunch": "EnableResourceNameDnsARecord",
    "enableResourceNameDnsAaaaRecordOnLaunch": "EnableResourceNameDnsAAAARecord",
}
_SUBNET_SWITCHES = (
    "assignIpv6AddressOnCreation",
    "enableDns64",
    "enableResourceNameDnsARecordOnLaunch",
    "enableResourceNameDnsAaaaRecordOnLaunch",
    "mapPublicIpOnLaunch",
)


def _subnet(element: Properties) -> Properties:
    options = element.get("PrivateDnsNameOptionsOnLaunch", {})
    found = {name: options[member] for name, member in _DNS_OPTIONS.items() if member in options}
    return {**element, **found}


SUBNET = ResourceType(
    pulumi_type="aws:ec2/subnet:Subnet",
    service="ec2",
    id=BY_ID,
    id_member="Subnet.SubnetId",
    identity={"SubnetId": "id", "SubnetIds": "id"},
    create=Call("CreateSubnet", fold=tagged("subnet")),
    reads=(
        Read(
            "DescribeSubnets",
            at="Subnets",
            where={"SubnetId": "id"},
            absent=frozenset({"InvalidSubnetID.NotFound"}),
            unfold=_subnet,
        ),
    ),
    steps=(
        *(Step((name,), Call("ModifySubnetAttribute"), when=ANY, initial=False) for name in _SUBNET_SWITCHES),
        Step(("privateDnsHostnameTypeOnLaunch",), Call("ModifySubnetAttribute")),
    ),
    delete=(Call("DeleteSubnet"),),
    renames={
        "arn": "SubnetArn",
        "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation.Value",
        "enableDns64": "EnableDns64.Value",
        "enableResourceNameDnsARecordOnLaunch": "EnableResourceNameDnsARecordOnLaunch.Value",
        "enableResourceNameDnsAaaaRecordOnLaunch": "EnableResourceNameDnsAAAARecordOnLaunch.Value",
        "mapPublicIpOnLaunch": "MapPublicIpOnLaunch.Value",
    },
    tagging=TAGS,
    force_new=frozenset({"availabilityZone", "availabilityZoneId", "cidrBlock", "outpostArn", "vpcId"}),
    defaults=dict.fromkeys(_SUBNET_SWITCHES, False),
    computed=frozenset({"availabilityZone", "availabilityZoneId", "privateDnsHostnameTypeOnLaunch"}),
    # ModifySubnetAttribute of the sandbox takes these switches and keeps nothing.
    forgotten=frozenset({"assignIpv6AddressOnCreation", "enableDns64"}),
    derived=arn("subnet"),
    waits=_AVAILABLE,
    exclusive=(("availabilityZone", "availabilityZoneId"),),
    unsupported=frozenset(
        {
            "customerOwnedIpv4Pool",
            "enableLniAtDeviceIndex",
            "ipv4IpamPoolId",
            "ipv4NetmaskLength",
            "ipv6CidrBlock",
            "ipv6IpamPoolId",
            "ipv6Native",
            "ipv6NetmaskLength",
            "mapCustomerOwnedIpOnLaunch",
        }
    ),
)

TYPES = (
    VPC,
    SUBNET,
    ROUTE_TABLE,
    ROUTE_TABLE_ASSOCIATION,
    SECURITY_GROUP,
    DEFAULT_SECURITY_GROUP,
    VPC_ENDPOINT,
    FLOW_LOG,
)
