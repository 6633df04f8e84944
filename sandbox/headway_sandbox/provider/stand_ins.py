"""Names for resources that do not exist yet, so that a plan shows how they hang together.

Where a program writes an ARN into a JSON document, as it does in every policy, the whole document is unknown
before the ARN is. A plan that nobody will carry out with this provider (`HEADWAY_PLAN_STAND_INS=1`, set by
the gate) therefore gets a stand-in for each name that only AWS can give: of the right form, always the same
for the same resource, and marked, so that whoever reads the plan can tell it from a name that exists.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from headway_sandbox.provider import planning
from headway_sandbox.provider.reading import derive
from headway_sandbox.provider.values import Properties
from headway_sandbox.provider.wire import UNKNOWN, reveal

VARIABLE = "HEADWAY_PLAN_STAND_INS"
MARK = "5ead1e55"
"""In every stand-in, and in no name that AWS gives: the digits of a resource that nobody has made."""

_ACCOUNT = "000000000000"
_REGION = "us-east-1"
_IDENTITIES = ("id", "arn", "url")
_GLOBAL = frozenset({"budgets", "cloudfront", "iam", "route53", "s3"})
"""Services whose ARNs name no region."""

_ARN_SERVICES = {"stepfunctions": "states"}
_ARN_NAMES = {
    "aws:lambda/function:Function": "function:{}",
    "aws:s3/bucket:Bucket": "{}",
    "aws:sfn/stateMachine:StateMachine": "stateMachine:{}",
    "aws:sns/topic:Topic": "{}",
    "aws:sqs/queue:Queue": "{}",
}
"""How an ARN ends, where it is not `kind/name`."""

_EC2_PREFIXES = {
    "aws:ec2/eip:Eip": "eipalloc",
    "aws:ec2/flowLog:FlowLog": "fl",
    "aws:ec2/internetGateway:InternetGateway": "igw",
    "aws:ec2/natGateway:NatGateway": "nat",
    "aws:ec2/routeTable:RouteTable": "rtb",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "rtbassoc",
    "aws:ec2/securityGroup:SecurityGroup": "sg",
    "aws:ec2/subnet:Subnet": "subnet",
    "aws:ec2/vpc:Vpc": "vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "vpce",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "sgr",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "sgr",
}


def fill(
    token: str, logical_name: str, inputs: Mapping[str, Any], outputs: Properties, places: Mapping[str, Any]
) -> tuple[str, Properties]:
    """The id and the outputs of a planned resource, with a stand-in for each name that nobody knows yet.

    Args:
        token: The resource's type.
        logical_name: Its name in the program.
        inputs: What the program declares.
        outputs: What is known of it, `UNKNOWN` for what is not.
        places: The region, the partition and the account, as far as they are known.
    """
    table = planning.table(token)
    kind = token.rsplit(":", 1)[-1]
    own = kind[:1].lower() + kind[1:]
    made_up = _made_up(token, logical_name)
    plain = {name: value for name, value in reveal(dict(inputs)).items() if isinstance(value, str | int)}
    known: Properties = {
        **{name: value for name, value in reveal(outputs).items() if value is not UNKNOWN},
        **plain,
    }
    where = {"partition": "aws", "region": _REGION, "account": _ACCOUNT}
    where |= {name: value for name, value in places.items() if isinstance(value, str)}
    arn = _arn(token, table.service, where, str(known.get("name", made_up)))
    generic = {"arn": arn, f"{own}Arn": arn, "url": f"https://{made_up}.invalid"}
    for name in table.id:
        if not isinstance(known.get(name), str):
            known[name] = generic.get(name, made_up)
    known |= {name: value for name, value in derive(table, {**known, **where}).items() if name not in known}
    declared = planning.declared(token).outputs.properties
    identities = {*table.id, *table.derived, *_IDENTITIES, f"{own}Arn", f"{own}Id"}
    filled = {
        name: known.get(name, generic.get(name, made_up))
        for name in identities
        if outputs.get(name) is UNKNOWN and name in declared
    }
    return str(table.id_of(known)), {**outputs, **filled}


def _arn(token: str, service: str, where: Mapping[str, str], name: str) -> str:
    kind = token.rsplit(":", 1)[-1]
    ending = _ARN_NAMES.get(token, f"{kind[:1].lower()}{kind[1:]}/{{}}").format(name)
    region = "" if service in _GLOBAL else where["region"]
    account = "" if service == "s3" else where["account"]
    return f"arn:{where['partition']}:{_ARN_SERVICES.get(service, service)}:{region}:{account}:{ending}"


def _made_up(token: str, logical_name: str) -> str:
    digest = hashlib.sha256(f"{token} {logical_name}".encode()).hexdigest()
    if token == "aws:kms/key:Key":  # noqa: S105 - a type
        return f"{MARK}-0000-4000-8000-{digest[:12]}"
    prefix = _EC2_PREFIXES.get(token)
    return f"{MARK}{digest[:12]}" if prefix is None else f"{prefix}-{MARK}{digest[:9]}"
