"""The routes inside route tables, which change one by one."""

from __future__ import annotations

from headway_sandbox.provider.table import Session
from headway_sandbox.provider.values import Properties, Value

_DESTINATIONS = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
_TARGETS = {
    "carrierGatewayId": "CarrierGatewayId",
    "coreNetworkArn": "CoreNetworkArn",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
    "gatewayId": "GatewayId",
    "localGatewayId": "LocalGatewayId",
    "natGatewayId": "NatGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "odbNetworkArn": "OdbNetworkArn",
    "transitGatewayId": "TransitGatewayId",
    "vpcEndpointId": "VpcEndpointId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
}
ROUTE_MEMBERS = {**_DESTINATIONS, **_TARGETS}
"""Property of a route to member of the requests and answers."""
_OWN = "CreateRoute"

Route = tuple[str, str, frozenset[tuple[str, str]]]
"""Kind of destination, destination and targets."""


def _route(block: Properties) -> Route:
    kind = next((name for name in _DESTINATIONS if block.get(name)), "cidrBlock")
    targets = frozenset((name, str(block[name])) for name in _TARGETS if block.get(name))
    return kind, str(block.get(kind)), targets


def same_routes(one: Value, other: Value) -> bool:
    """Whether two lists of blocks stand for the same routes, whatever their order."""
    return {_route(block) for block in one or ()} == {_route(block) for block in other or ()}


def blocks_of(route_table: Properties) -> list[Properties]:
    """The routes of a live table that somebody made: not the local one, nor those of gateway endpoints.

    Args:
        route_table: route table as EC2 describes it.
    """
    by_member = {member: name for name, member in ROUTE_MEMBERS.items()}
    return [
        {by_member[member]: value for member, value in route.items() if member in by_member and value}
        for route in route_table.get("Routes", ())
        if route.get("Origin", _OWN) == _OWN and not str(route.get("GatewayId", "")).startswith("vpce-")
    ]


def put_routes(session: Session, known: Properties, inputs: Properties) -> None:
    """Puts the routes of a table in line: new ones, other targets, and those that are gone.

    Args:
        session: the sandbox.
        known: state of the route table.
        inputs: its inputs.
    """
    named = {"RouteTableId": known["id"]}
    described = session.call("ec2", "DescribeRouteTables", {"RouteTableIds": [known["id"]]})
    present = {(kind, to): via for kind, to, via in map(_route, blocks_of(described["RouteTables"][0]))}
    wanted = {(kind, to): via for kind, to, via in map(_route, inputs.get("routes") or ())}
    for destination, targets in wanted.items():
        if present.get(destination) != targets:
            operation = "ReplaceRoute" if destination in present else "CreateRoute"
            members = {ROUTE_MEMBERS[name]: value for name, value in targets}
            session.call(
                "ec2", operation, {**named, ROUTE_MEMBERS[destination[0]]: destination[1], **members}
            )
    for kind, to in present.keys() - wanted.keys():
        session.call("ec2", "DeleteRoute", {**named, ROUTE_MEMBERS[kind]: to})
