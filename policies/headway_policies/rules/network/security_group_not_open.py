"""No security group lets the whole internet in."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import plain

_GROUP = "aws:ec2/securityGroup:SecurityGroup"
_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
_EVERYBODY = frozenset({"0.0.0.0/0", "::/0"})
_HTTPS = 443
_FROM_HOME = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/16"]}
_case = Examples(_GROUP, {"ingress": [_FROM_HOME]})
_ingress = Examples(_INGRESS, {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIpv4": "10.0.0.0/8"})
_old = Examples(_RULE, {"type": "ingress", "protocol": "tcp", "fromPort": 22, "toPort": 22})

RULE = Rule(
    id="HEADWAY-NET-011",
    slug="security-group-not-open",
    title="No security group lets the whole internet in",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_GROUP, _INGRESS, _RULE),
    why=(
        "An open port is found within minutes. Only HTTPS in front of a load balancer is meant for everybody."
    ),
    fix="Name the addresses or security groups that may come in; only port 443 may be open to all.",
    passes=(
        _case("the network itself"),
        _case("HTTPS for everybody", {"ingress": [{**_FROM_HOME, "cidrBlocks": ["0.0.0.0/0"]}]}),
        _ingress("one network in a rule of its own"),
        _old("everybody may be reached", {"type": "egress", "cidrBlocks": ["0.0.0.0/0"]}),
    ),
    fails=(
        _case(
            "a shell for everybody",
            {"ingress": [{**_FROM_HOME, "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]}]},
            says="ingress[0].cidrBlocks is '0.0.0.0/0'",
        ),
        _case(
            "every port, by the newer addresses",
            {"ingress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "ipv6CidrBlocks": ["::/0"]}]},
            says="ingress[0].ipv6CidrBlocks is '::/0'",
        ),
        _ingress("a rule of its own", {"cidrIpv4": "0.0.0.0/0"}, says="cidrIpv4 is '0.0.0.0/0'"),
        _old("an older rule", {"cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"]}, says="cidrBlocks is '0.0.0.0/0'"),
        _case(
            "from 443 on",
            {"ingress": [{**_FROM_HOME, "toPort": 65535, "cidrBlocks": ["0.0.0.0/0"]}]},
            says="0.0.0.0/0",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _ingress("an address that is not known yet", {"cidrIpv4": UNKNOWN}, says="cidrIpv4"),
        _case("rules that are not known yet", {"ingress": UNKNOWN}, says="ingress"),
    ),
    references=("https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-18",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    if resource.type == _RULE and resource.value("type") == "egress":
        return
    before = resource.items("ingress") if resource.type == _GROUP else ("",)
    for prefix in before:
        dot = f"{prefix}." if prefix else ""
        ports = (resource.value(f"{dot}fromPort"), resource.value(f"{dot}toPort"))
        for name in ("cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6"):
            yield from _open(resource, f"{dot}{name}", ports)


def _open(resource: Resource, path: str, ports: tuple[object, object]) -> Answers:
    value = resource.value(path)
    addresses = value if isinstance(value, list | tuple) else [value]
    if UNKNOWN in addresses and ports != (_HTTPS, _HTTPS):
        yield Undecided(path=path)
    for address in addresses:
        if plain(address) in _EVERYBODY and ports != (_HTTPS, _HTTPS):
            yield Finding(path=path, got=address, want="known addresses, or port 443 only")
