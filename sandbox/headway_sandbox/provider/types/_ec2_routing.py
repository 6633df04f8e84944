"""Route tables, with their routes inside, and what uses them."""

from __future__ import annotations

from headway_sandbox.provider.table import Call, Read, ResourceType, Session, Step
from headway_sandbox.provider.types._ec2_common import BY_ID, TAGS, arn, tagged
from headway_sandbox.provider.types._ec2_routes import ROUTE_MEMBERS, put_routes, same_routes
from headway_sandbox.provider.types._ec2_routes import blocks_of as route_blocks
from headway_sandbox.provider.values import Properties

# CreateRoute of the sandbox takes no destination but this one, and makes a local route of other targets.
_IN_SANDBOX = frozenset(
    {"cidrBlock", "gatewayId", "natGatewayId", "transitGatewayId", "vpcPeeringConnectionId"}
)
_NOT_IN_SANDBOX = frozenset(ROUTE_MEMBERS) - _IN_SANDBOX

ROUTE_TABLE = ResourceType(
    pulumi_type="aws:ec2/routeTable:RouteTable",
    service="ec2",
    id=BY_ID,
    id_member="RouteTable.RouteTableId",
    identity={"RouteTableId": "id", "RouteTableIds": "id"},
    create=Call("CreateRouteTable", fold=tagged("route-table")),
    reads=(
        Read(
            "DescribeRouteTables",
            at="RouteTables",
            where={"RouteTableId": "id"},
            absent=frozenset({"InvalidRouteTableID.NotFound"}),
            unfold=lambda element: {**element, "routes": route_blocks(element)},
        ),
    ),
    steps=(Step(("routes",), work=put_routes),),
    # A VPC's main table is AWS's own.
    listing=Read(
        "DescribeRouteTables",
        at="RouteTables",
        where={"RouteTableId": "id"},
        match=lambda table: not any(item.get("Main") for item in table.get("Associations", ())),
    ),
    delete=(Call("DeleteRouteTable"),),
    tagging=TAGS,
    force_new=frozenset({"vpcId"}),
    computed=frozenset({"routes"}),
    folded=frozenset({"routes"}),
    derived=arn("route-table"),
    unsupported=frozenset({"propagatingVgws"}),
    lacks={f"routes[].{name}": f"ec2:CreateRoute with {name}" for name in sorted(_NOT_IN_SANDBOX)},
    equivalent={"routes": same_routes},
)


def _users(known: Properties) -> tuple[object, object]:
    return known.get("subnetId"), known.get("gatewayId")


def _association_of(table: Properties, known: Properties) -> Properties | None:
    """A subnet or gateway has one association; its id changes with each other table that it gets."""
    for item in table.get("Associations", ()):
        used = item.get("SubnetId") or None, item.get("GatewayId") or None
        named = item.get("RouteTableAssociationId") == known.get("id")
        if named or (used == _users(known) and used != (None, None)):
            return {
                "id": item["RouteTableAssociationId"],
                "routeTableId": table["RouteTableId"],
                "subnetId": used[0],
                "gatewayId": used[1],
            }
    return None


class _Association:
    """A route table's association, found by what it is for."""

    def create(self, session: Session, inputs: Properties) -> Properties:
        """Associates a subnet or gateway with a table."""
        request = {
            member: inputs[name]
            for name, member in (
                ("routeTableId", "RouteTableId"),
                ("subnetId", "SubnetId"),
                ("gatewayId", "GatewayId"),
            )
            if inputs.get(name) is not None
        }
        made = session.call("ec2", "AssociateRouteTable", request)
        return {**inputs, "id": made["AssociationId"]}

    def read(self, session: Session, state: Properties) -> Properties | None:
        """The association by its id, or by the subnet or gateway that it is for."""
        tables = session.call("ec2", "DescribeRouteTables", {})["RouteTables"]
        found = (_association_of(table, state) for table in tables)
        return next((item for item in found if item is not None), None)

    def update(self, session: Session, state: Properties, inputs: Properties) -> Properties:
        """Gives the subnet or gateway another table, which gives the association another id."""
        present = self.read(session, state)
        if present is None:
            return self.create(session, inputs)
        request = {"AssociationId": present["id"], "RouteTableId": inputs["routeTableId"]}
        made = session.call("ec2", "ReplaceRouteTableAssociation", request)
        return {**inputs, "id": made["NewAssociationId"]}

    def delete(self, session: Session, state: Properties) -> None:
        """Leaves the subnet or gateway with the VPC's main table."""
        present = self.read(session, state)
        if present is not None:
            session.call("ec2", "DisassociateRouteTable", {"AssociationId": present["id"]})


def _parse_association_id(resource_id: str) -> Properties:
    """An import names the subnet or gateway and the table."""
    user, separator, table = resource_id.partition("/")
    if not separator:
        return {"id": resource_id}
    return {"subnetId" if user.startswith("subnet-") else "gatewayId": user, "routeTableId": table}


ROUTE_TABLE_ASSOCIATION = ResourceType(
    pulumi_type="aws:ec2/routeTableAssociation:RouteTableAssociation",
    service="ec2",
    id=BY_ID,
    handler=_Association(),
    force_new=frozenset({"gatewayId", "subnetId"}),
    exclusive=(("subnetId", "gatewayId"),),
    one_of=(("subnetId", "gatewayId"),),
    # A subnet has one association at a time.
    delete_first=True,
    parse_id=_parse_association_id,
)
