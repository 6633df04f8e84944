"""Network: a private network without a way to the internet, and private doors to the services of AWS."""

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, ec2

from headway_components._args import Args
from headway_components._grants import Statement, grant, policy, service_role
from headway_components._refs import NetworkRef
from headway_components._text import suffixed

DEFAULT_CIDR = "10.0.0.0/16"
INTERFACE_SERVICES = (
    *("sagemaker.api", "sagemaker.runtime", "kms", "logs", "monitoring", "sts"),
    *("ecr.api", "ecr.dkr"),
)
"""Services that jobs and models reach through an interface in the network."""
GATEWAY_SERVICES = ("s3", "dynamodb")
"""Services that are reached through the route table, free of charge."""
HTTPS_PORT = 443
SUBNET_BITS = 4
"""Each subnet is a sixteenth of the network, so that there is room for six zones."""
FLOW_LOG_AGGREGATION_S = 600
_MINIMUM_PREFIX, _MAXIMUM_PREFIX = 16, 24
_ACTION_PREFIXES = {"monitoring": "cloudwatch"}
"""Services whose actions are named otherwise than their endpoint."""
_DELIVER_FLOWS = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")


@dataclass(frozen=True, kw_only=True)
class NetworkArgs(Args):
    """Arguments of a Network."""

    prefix: str
    """`<system>-<stack>`, the beginning of the flow logs' name."""
    account_id: str
    """The account that everything is in, twelve digits."""
    region: str
    """The region that everything is in."""
    partition: str
    """`aws`, `aws-cn` or `aws-us-gov`."""
    key_arn: pulumi.Input[str]
    """Key that the flow logs are encrypted with."""
    log_retention_days: int
    """Days that the flow logs are kept."""
    cidr: str = DEFAULT_CIDR
    """Addresses of the network, /16 to /24; 10.0.0.0/16 when left out."""
    availability_zones: Sequence[str] | None = None
    """Zones to be in, two to six; the region's `a` and `b` when left out."""

    def problems(self) -> Iterator[str]:
        """What is wrong with addresses and zones."""
        try:
            network = ipaddress.IPv4Network(self.cidr)
        except ValueError as error:
            yield f"cidr must be an IPv4 network, got {self.cidr!r} ({error}); write it like {DEFAULT_CIDR!r}"
        else:
            if not _MINIMUM_PREFIX <= network.prefixlen <= _MAXIMUM_PREFIX:
                sizes = f"/{_MINIMUM_PREFIX} to a /{_MAXIMUM_PREFIX}"
                yield f"cidr must be a {sizes}, got {self.cidr!r}; resize it"
        zones = self.zones()
        if not 2 <= len(set(zones)) == len(zones) <= 6:
            yield f"availability_zones must be two to six different zones, got {list(zones)!r}; correct them"
        strangers = [zone for zone in zones if not zone.startswith(self.region)]
        if strangers:
            yield f"availability_zones must be in {self.region}, got {strangers!r}; correct them"

    def zones(self) -> tuple[str, ...]:
        """The zones, given or not."""
        if self.availability_zones is None:
            return (f"{self.region}a", f"{self.region}b")
        return tuple(self.availability_zones)


class Network(pulumi.ComponentResource):
    """A private network: subnets without a way to the internet, endpoints of AWS, a log of every flow."""

    vpc_id: pulumi.Output[str]
    """Id of the network."""
    subnet_ids: pulumi.Output[list[str]]
    """Ids of the subnets, one in each zone."""
    security_group_id: pulumi.Output[str]
    """Id of the security group of jobs and models."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = NetworkArgs.of(args)
        super().__init__("headway:index:Network", name, {}, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        vpc = ec2.Vpc(
            name,
            cidr_block=args.cidr,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            tags={"Name": args.prefix},
            opts=self._child,
        )
        # What is not placed on purpose lands in the default group, so that group lets nothing through.
        ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=vpc.id, ingress=[], egress=[], opts=self._child)
        routes = ec2.RouteTable(f"{name}-routes", vpc_id=vpc.id, routes=[], opts=self._child)
        subnets = self._subnets(vpc, routes)
        gateways = [self._gateway(vpc, routes, service) for service in GATEWAY_SERVICES]
        workloads = self._workloads(vpc, gateways)
        self._interfaces(vpc, subnets, workloads)
        self._flow_log(vpc)
        self.vpc_id = vpc.id
        self.subnet_ids = pulumi.Output.all(*(subnet.id for subnet in subnets))
        self.security_group_id = workloads.id
        self.ref = NetworkRef(
            vpc_id=vpc.id,
            subnet_ids=tuple(subnet.id for subnet in subnets),
            subnet_arns=tuple(subnet.arn for subnet in subnets),
            security_group_id=workloads.id,
            security_group_arn=workloads.arn,
        )
        self.register_outputs(
            {
                "vpcId": self.vpc_id,
                "subnetIds": self.subnet_ids,
                "securityGroupId": self.security_group_id,
            }
        )

    def _subnets(self, vpc: ec2.Vpc, routes: ec2.RouteTable) -> list[ec2.Subnet]:
        blocks = ipaddress.IPv4Network(self._args.cidr).subnets(prefixlen_diff=SUBNET_BITS)
        subnets = []
        for zone, block in zip(self._args.zones(), blocks, strict=False):
            noun = zone.removeprefix(self._args.region).lstrip("-")
            subnet = ec2.Subnet(
                f"{self._name}-subnet-{noun}",
                vpc_id=vpc.id,
                availability_zone=zone,
                cidr_block=str(block),
                map_public_ip_on_launch=False,
                tags={"Name": f"{self._args.prefix}-{noun}"},
                opts=self._child,
            )
            ec2.RouteTableAssociation(
                f"{self._name}-routes-{noun}",
                subnet_id=subnet.id,
                route_table_id=routes.id,
                opts=self._child,
            )
            subnets.append(subnet)
        return subnets

    def _gateway(self, vpc: ec2.Vpc, routes: ec2.RouteTable, service: str) -> ec2.VpcEndpoint:
        return ec2.VpcEndpoint(
            f"{self._name}-endpoint-{service}",
            vpc_id=vpc.id,
            service_name=self._service(service),
            vpc_endpoint_type="Gateway",
            route_table_ids=[routes.id],
            policy=self._own_account(service),
            opts=self._child,
        )

    def _workloads(self, vpc: ec2.Vpc, gateways: Sequence[ec2.VpcEndpoint]) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            f"{self._name}-workloads",
            description="Jobs and models: out to the private doors of AWS, in from nowhere",
            vpc_id=vpc.id,
            ingress=[],
            egress=[
                ec2.SecurityGroupEgressArgs(
                    description="The endpoints in the network",
                    protocol="tcp",
                    from_port=HTTPS_PORT,
                    to_port=HTTPS_PORT,
                    cidr_blocks=[self._args.cidr],
                ),
                ec2.SecurityGroupEgressArgs(
                    description="S3 and DynamoDB through the route table",
                    protocol="tcp",
                    from_port=HTTPS_PORT,
                    to_port=HTTPS_PORT,
                    prefix_list_ids=[gateway.prefix_list_id for gateway in gateways],
                ),
            ],
            opts=self._child,
        )

    def _interfaces(self, vpc: ec2.Vpc, subnets: Sequence[ec2.Subnet], workloads: ec2.SecurityGroup) -> None:
        doors = ec2.SecurityGroup(
            f"{self._name}-endpoints",
            description="The private doors of AWS: in from jobs and models, out to nowhere",
            vpc_id=vpc.id,
            ingress=[
                ec2.SecurityGroupIngressArgs(
                    description="Jobs and models",
                    protocol="tcp",
                    from_port=HTTPS_PORT,
                    to_port=HTTPS_PORT,
                    security_groups=[workloads.id],
                )
            ],
            egress=[],
            opts=self._child,
        )
        for service in INTERFACE_SERVICES:
            ec2.VpcEndpoint(
                f"{self._name}-endpoint-{service.replace('.', '-')}",
                vpc_id=vpc.id,
                service_name=self._service(service),
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=[subnet.id for subnet in subnets],
                security_group_ids=[doors.id],
                policy=self._own_account(service),
                opts=self._child,
            )

    def _service(self, service: str) -> str:
        return f"com.amazonaws.{self._args.region}.{service}"

    def _own_account(self, service: str) -> pulumi.Input[str]:
        """Who may pass through a door: roles of this account, each as far as its own policies go."""
        own = Statement(
            sid="OwnAccount",
            principal="*",
            actions=(f"{_ACTION_PREFIXES.get(service, service.partition('.')[0])}:*",),
            resources=["*"],
            condition={"StringEquals": {"aws:PrincipalAccount": self._args.account_id}},
        )
        if service != "s3":
            return policy(own)
        # The layers of images lie in a bucket of ECR's, which asks for no account.
        layers = f"arn:{self._args.partition}:s3:::prod-{self._args.region}-starport-layer-bucket/*"
        return policy(
            own,
            Statement(sid="ImageLayers", principal="*", actions=("s3:GetObject",), resources=[layers]),
        )

    def _flow_log(self, vpc: ec2.Vpc) -> None:
        args = self._args
        logs = cloudwatch.LogGroup(
            f"{self._name}-flows",
            name=f"/headway/{args.prefix}/network",
            kms_key_id=args.key_arn,
            retention_in_days=args.log_retention_days,
            opts=self._child,
        )
        role = service_role(
            f"{self._name}-role",
            service="vpc-flow-logs.amazonaws.com",
            account_id=args.account_id,
            description=f"Assumed for the flow logs of {args.prefix}",
            parent=self,
        )
        deliver = Statement(
            sid="DeliverFlows", actions=_DELIVER_FLOWS, resources=[logs.arn, suffixed(logs.arn, ":*")]
        )
        permission = grant(f"{self._name}-flows", role, [deliver], parent=self)
        ec2.FlowLog(
            f"{self._name}-flows",
            vpc_id=vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=logs.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=FLOW_LOG_AGGREGATION_S,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )
