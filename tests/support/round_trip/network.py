"""EC2's network."""

from __future__ import annotations

from typing import Any

from support.round_trip.case import Case

EC2 = "aws:ec2/"
ANYTHING = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}'


def _retag(client: Any, resource_id: str, _outputs: Any) -> None:
    client("ec2").create_tags(Resources=[resource_id], Tags=[{"Key": "stranger", "Value": "1"}])


def _open_port(client: Any, resource_id: str, _outputs: Any) -> None:
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    client("ec2").authorize_security_group_ingress(GroupId=resource_id, IpPermissions=[rule])


def _detour(client: Any, resource_id: str, _outputs: Any) -> None:
    client("ec2").delete_route(RouteTableId=resource_id, DestinationCidrBlock="10.9.0.0/16")


def _hide_names(client: Any, resource_id: str, _outputs: Any) -> None:
    client("ec2").modify_vpc_attribute(VpcId=resource_id, EnableDnsHostnames={"Value": False})


def _public(client: Any, resource_id: str, _outputs: Any) -> None:
    client("ec2").modify_subnet_attribute(SubnetId=resource_id, MapPublicIpOnLaunch={"Value": True})


def _detach(client: Any, resource_id: str, outputs: Any) -> None:
    client("ec2").modify_vpc_endpoint(
        VpcEndpointId=resource_id, RemoveRouteTableIds=[outputs["routeTableIds"][0]]
    )


def _disassociate(client: Any, resource_id: str, _outputs: Any) -> None:
    client("ec2").disassociate_route_table(AssociationId=resource_id)


def _port(number: int, **more: Any) -> dict[str, Any]:
    return {"protocol": "tcp", "from_port": number, "to_port": number, **more}


CASES = (
    Case(
        "vpc",
        f"{EC2}vpc:Vpc",
        lambda _: {"cidr_block": "10.1.0.0/16", "enable_dns_hostnames": True, "tags": {"n": "1"}},
        changed=lambda _: {"tags": {"n": "2"}, "enable_dns_support": False},
        outside=_hide_names,
    ),
    Case(
        "otherVpc",
        f"{EC2}vpc:Vpc",
        lambda _: {"cidr_block": "10.2.0.0/16"},
        replaced=lambda _: {"cidr_block": "10.3.0.0/16"},
    ),
    Case(
        "subnet",
        f"{EC2}subnet:Subnet",
        lambda made: {"vpc_id": made.vpc.id, "cidr_block": "10.1.1.0/24", "tags": {"n": "1", "gone": "1"}},
        changed=lambda _: {"map_public_ip_on_launch": True, "tags": {"n": "2"}},
        outside=_public,
    ),
    Case(
        "otherSubnet",
        f"{EC2}subnet:Subnet",
        lambda made: {
            "vpc_id": made.vpc.id,
            "cidr_block": "10.1.2.0/24",
            "private_dns_hostname_type_on_launch": "resource-name",
        },
        replaced=lambda _: {"cidr_block": "10.1.3.0/24"},
    ),
    Case(
        "group",
        f"{EC2}securityGroup:SecurityGroup",
        lambda made: {
            "vpc_id": made.vpc.id,
            "description": "inside",
            "ingress": [_port(443, self=True), _port(443, cidr_blocks=["10.1.0.0/16", "10.2.0.0/16"])],
            "tags": {"n": "1"},
        },
        changed=lambda _: {
            "ingress": [_port(443, self=True, description="own"), _port(8443, cidr_blocks=["10.1.0.0/16"])],
            "egress": [{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["10.1.0.0/16"]}],
        },
        outside=_open_port,
    ),
    Case(
        "otherGroup",
        f"{EC2}securityGroup:SecurityGroup",
        lambda made: {"vpc_id": made.vpc.id, "description": "one", "name": "named"},
        replaced=lambda _: {"description": "other"},
    ),
    Case(
        "closed",
        f"{EC2}defaultSecurityGroup:DefaultSecurityGroup",
        lambda made: {"vpc_id": made.vpc.id, "ingress": [_port(2, self=True)]},
        changed=lambda _: {"ingress": [_port(1, self=True)], "tags": {"n": "2"}},
        outside=_open_port,
        stays=True,
    ),
    Case(
        "otherClosed",
        f"{EC2}defaultSecurityGroup:DefaultSecurityGroup",
        lambda made: {"vpc_id": made.otherVpc.id},
        replaced=lambda made: {"vpc_id": made.otherVpc.id},
        stays=True,
    ),
    Case(
        "routes",
        f"{EC2}routeTable:RouteTable",
        lambda made: {
            "vpc_id": made.vpc.id,
            "routes": [{"cidr_block": "10.9.0.0/16", "nat_gateway_id": "nat-1"}],
            "tags": {"n": "1"},
        },
        changed=lambda _: {
            "routes": [
                {"cidr_block": "10.9.0.0/16", "nat_gateway_id": "nat-2"},
                {"cidr_block": "10.8.0.0/16", "nat_gateway_id": "nat-1"},
            ]
        },
        outside=_detour,
    ),
    Case(
        "otherRoutes",
        f"{EC2}routeTable:RouteTable",
        lambda made: {"vpc_id": made.vpc.id},
        replaced=lambda made: {"vpc_id": made.otherVpc.id},
    ),
    Case(
        "association",
        f"{EC2}routeTableAssociation:RouteTableAssociation",
        lambda made: {"route_table_id": made.routes.id, "subnet_id": made.subnet.id},
        changed=lambda made: {"route_table_id": made.otherRoutes.id},
        replaced=lambda made: {"subnet_id": made.otherSubnet.id},
        outside=_disassociate,
        import_id=lambda _, outputs: f"{outputs['subnetId']}/{outputs['routeTableId']}",
    ),
    Case(
        "gateway",
        f"{EC2}vpcEndpoint:VpcEndpoint",
        lambda made: {
            "vpc_id": made.vpc.id,
            "service_name": "com.amazonaws.us-east-1.s3",
            "route_table_ids": [made.routes.id],
            "tags": {"n": "1"},
        },
        changed=lambda made: {"route_table_ids": [made.routes.id, made.otherRoutes.id]},
        replaced=lambda _: {"service_name": "com.amazonaws.us-east-1.dynamodb"},
        outside=_detach,
    ),
    Case(
        "interface",
        f"{EC2}vpcEndpoint:VpcEndpoint",
        lambda made: {
            "vpc_id": made.vpc.id,
            "service_name": "com.amazonaws.us-east-1.sagemaker.runtime",
            "vpc_endpoint_type": "Interface",
            "subnet_ids": [made.subnet.id],
            "security_group_ids": [made.group.id],
            "private_dns_enabled": True,
            "policy": ANYTHING,
        },
        changed=lambda made: {"subnet_ids": [made.subnet.id, made.otherSubnet.id]},
    ),
    Case(
        "flow",
        f"{EC2}flowLog:FlowLog",
        lambda made: {
            "vpc_id": made.vpc.id,
            "traffic_type": "ALL",
            "log_destination_type": "s3",
            "log_destination": "arn:aws:s3:::logs/flow/",
            "tags": {"n": "1"},
        },
        changed=lambda _: {"tags": {"n": "2"}},
        replaced=lambda _: {"traffic_type": "REJECT"},
        outside=_retag,
    ),
)
