"""The rules inside security groups: lists of blocks in pulumi-aws, permissions in EC2."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby

from headway_sandbox.provider.table import Session
from headway_sandbox.provider.values import Properties, Value

# Source of a rule: list in the block, list in the permission, member of an element there.
_SOURCES = (
    ("cidrBlocks", "IpRanges", "CidrIp"),
    ("ipv6CidrBlocks", "Ipv6Ranges", "CidrIpv6"),
    ("prefixListIds", "PrefixListIds", "PrefixListId"),
    ("securityGroups", "UserIdGroupPairs", "GroupId"),
)
_PROTOCOLS = {"all": "-1", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
_ALL = "-1"
_DIRECTIONS = {
    "ingress": ("IpPermissions", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"),
    "egress": ("IpPermissionsEgress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress"),
}
_SELF = "self"

Rule = tuple[str, int, int, str, str, str]
"""Protocol, first port, last port, kind of source, source and description."""


def _protocol(value: Value) -> str:
    name = str(value).lower()
    return _PROTOCOLS.get(name, name)


def _rules_of_block(block: Properties) -> set[Rule]:
    protocol = _protocol(block.get("protocol"))
    ports = (0, 0) if protocol == _ALL else (int(block["fromPort"]), int(block["toPort"]))
    description = block.get("description") or ""
    found = {
        (protocol, *ports, name, str(source), description)
        for name, _, _ in _SOURCES
        for source in block.get(name) or ()
    }
    return found | ({(protocol, *ports, _SELF, _SELF, description)} if block.get("self") is True else set())


def rules(blocks: Value) -> frozenset[Rule]:
    """Every single rule in the blocks of a security group.

    Args:
        blocks: value of ``ingress`` or ``egress``.
    """
    return frozenset(rule for block in blocks or () for rule in _rules_of_block(block))


def same_rules(one: Value, other: Value) -> bool:
    """Whether two lists of blocks stand for the same rules, however they are grouped."""
    return rules(one) == rules(other)


def _rules_of_permission(permission: Properties, group_id: str) -> set[Rule]:
    protocol = _protocol(permission.get("IpProtocol"))
    ports = (0, 0) if protocol == _ALL else (permission.get("FromPort", 0), permission.get("ToPort", 0))
    return {
        (protocol, *ports, *_source(name, element[member], group_id), element.get("Description") or "")
        for name, entries, member in _SOURCES
        for element in permission.get(entries, ())
        if element.get(member)
    }


def _source(kind: str, source: str, group_id: str) -> tuple[str, str]:
    return (_SELF, _SELF) if kind == "securityGroups" and source == group_id else (kind, source)


def blocks_of(group: Properties, direction: str) -> list[Properties]:
    """The blocks of a live security group, one for each protocol, port range and description.

    Args:
        group: security group as EC2 describes it.
        direction: ``ingress`` or ``egress``.
    """
    found = _live(group, direction)
    return [
        _block(key, list(members)) for key, members in groupby(sorted(found, key=_grouping), key=_grouping)
    ]


def _grouping(rule: Rule) -> tuple[str, int, int, str]:
    protocol, first, last, _, _, description = rule
    return protocol, first, last, description


def _block(key: tuple[str, int, int, str], members: list[Rule]) -> Properties:
    protocol, first, last, description = key
    block: Properties = {"protocol": protocol, "fromPort": first, "toPort": last}
    if description:
        block["description"] = description
    for _, _, _, kind, source, _ in sorted(members):
        if kind == _SELF:
            block["self"] = True
        else:
            block.setdefault(kind, []).append(source)
    return block


def _live(group: Properties, direction: str) -> set[Rule]:
    permissions = group.get(_DIRECTIONS[direction][0], ())
    return {rule for item in permissions for rule in _rules_of_permission(item, group["GroupId"])}


def _permissions(found: Iterable[Rule], group_id: str) -> list[Properties]:
    lists = {name: (entries, member) for name, entries, member in _SOURCES}
    permissions = []
    for protocol, first, last, kind, source, description in sorted(found):
        entries, member = lists["securityGroups" if kind == _SELF else kind]
        element = {member: group_id if kind == _SELF else source}
        if description:
            element["Description"] = description
        permission: Properties = {"IpProtocol": protocol, entries: [element]}
        if protocol != _ALL:
            permission |= {"FromPort": first, "ToPort": last}
        permissions.append(permission)
    return permissions


def put_rules(direction: str) -> Callable[[Session, Properties, Properties], None]:
    """The work that puts the rules of one direction in line, also those that AWS makes by itself.

    Args:
        direction: ``ingress`` or ``egress``.
    """
    _, authorize, revoke = _DIRECTIONS[direction]

    def work(session: Session, known: Properties, inputs: Properties) -> None:
        group_id = known["id"]
        described = session.call("ec2", "DescribeSecurityGroups", {"GroupIds": [group_id]})
        present, wanted = _live(described["SecurityGroups"][0], direction), rules(inputs.get(direction))
        for operation, changed in ((revoke, present - wanted), (authorize, wanted - present)):
            if changed:
                permissions = _permissions(changed, group_id)
                session.call("ec2", operation, {"GroupId": group_id, "IpPermissions": permissions})

    return work
