"""The default security group of a network lets nothing through."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.edges import naming
from headway_policies.subjects.examples import Examples, example
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_VPC = "aws:ec2/vpc:Vpc"
_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
_case = Examples(_VPC, {"id": "vpc-1"})
_OPEN = [{"protocol": "-1", "self": True}]


def _group(**changes: object) -> tuple[Resource, ...]:
    return (example(_GROUP, {"vpcId": "vpc-1", "ingress": [], "egress": [], **changes}),)


RULE = Rule(
    id="HEADWAY-NET-010",
    slug="default-security-group-closed",
    title="The default security group of a network lets nothing through",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_VPC,),
    reads=(_GROUP,),
    why=(
        "What nobody places on purpose lands in the default group, and as AWS makes it, it lets everything "
        "out."
    ),
    fix="Declare an aws.ec2.DefaultSecurityGroup of the network with empty `ingress` and `egress`.",
    passes=(
        _case("closed", beside=_group()),
        _case(
            "closed by leaving both out, since declaring it takes its rules away",
            beside=_group(ingress=None, egress=None),
        ),
    ),
    fails=(
        _case("not declared: AWS lets everything out", says="default security group is nothing"),
        _case("open to itself", beside=_group(ingress=_OPEN), says="ingress is"),
        _case("open to the outside", beside=_group(egress=_OPEN), says="egress is"),
        _case("of another network", beside=_group(vpcId="vpc-2"), says="default security group is nothing"),
    ),
    exempts=(_case("outside production", intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("rules that are not known yet", beside=_group(ingress=UNKNOWN), says="ingress"),),
    references=("https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-2",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    groups = naming(stack, resource, _GROUP, "vpcId")
    loose = [each for each in stack.of_type(_GROUP) if each.value("vpcId") is UNKNOWN and not each.references]
    if not groups and loose:
        yield Undecided(path="vpcId", urn=loose[0].urn)
    elif not groups:
        yield Finding(path="default security group", got=None, want="one without rules")
    for group in groups:
        for path in ("ingress", "egress"):
            rules = group.value(path)
            if rules is UNKNOWN:
                yield Undecided(path=path, urn=group.urn)
            elif rules:
                got = f"{len(rules)} rules" if isinstance(rules, list) else "rules"
                yield Finding(path=path, got=got, want="no rules", urn=group.urn)
