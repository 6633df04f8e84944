"""Every flow in a network is logged."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.edges import naming
from headway_policies.subjects.examples import Examples, example
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_VPC = "aws:ec2/vpc:Vpc"
_LOG = "aws:ec2/flowLog:FlowLog"
_case = Examples(_VPC, {"id": "vpc-1"})


def _log(**changes: object) -> tuple[Resource, ...]:
    return (example(_LOG, {"vpcId": "vpc-1", "trafficType": "ALL", **changes}),)


RULE = Rule(
    id="HEADWAY-NET-009",
    slug="vpc-flow-logs",
    title="Every flow in a network is logged",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_VPC,),
    reads=(_LOG,),
    why="When data has gone somewhere, the flow logs are what says where to, how much and since when.",
    fix='Declare an aws.ec2.FlowLog of the network with `traffic_type="ALL"`.',
    passes=(
        _case("all traffic", beside=_log()),
        _case(
            "a network that is not known yet",
            {"id": UNKNOWN},
            beside=(
                example(_LOG, {"vpcId": UNKNOWN, "trafficType": "ALL"}, made_of={"vpcId": example(_VPC)}),
            ),
        ),
    ),
    fails=(
        _case("no log", says="flow log is nothing"),
        _case("a log of another network", beside=_log(vpcId="vpc-2"), says="flow log is nothing"),
        _case("only what was refused", beside=_log(trafficType="REJECT"), says="trafficType is 'REJECT'"),
        _case("only what was let through", beside=_log(trafficType="ACCEPT"), says="trafficType is 'ACCEPT'"),
    ),
    exempts=(_case("outside production", intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a log of a network that is made of nothing here", beside=_log(vpcId=UNKNOWN), says="vpcId"),
        _case("traffic that is not known yet", beside=_log(trafficType=UNKNOWN), says="trafficType"),
    ),
    references=("https://docs.aws.amazon.com/config/latest/developerguide/vpc-flow-logs-enabled.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    logs = naming(stack, resource, _LOG, "vpcId")
    traffic = [log.value("trafficType") for log in logs]
    if "ALL" in traffic:
        return
    loose = [log for log in stack.of_type(_LOG) if log.value("vpcId") is UNKNOWN and not log.references]
    if logs:
        for log, kind in zip(logs, traffic, strict=True):
            if kind is UNKNOWN:
                yield Undecided(path="trafficType", urn=log.urn)
            else:
                yield Finding(path="trafficType", got=kind, want="ALL", urn=log.urn)
    elif loose:
        yield Undecided(path="vpcId", urn=loose[0].urn)
    else:
        yield Finding(path="flow log", got=None, want="one of all traffic")
