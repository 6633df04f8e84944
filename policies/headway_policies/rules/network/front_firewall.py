"""What answers from outside stands behind a firewall for the web."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.edges import naming
from headway_policies.subjects.examples import Examples, example
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_STAGE = "aws:apigateway/stage:Stage"
_BALANCER = "aws:lb/loadBalancer:LoadBalancer"
_ASSOCIATION = "aws:wafv2/webAclAssociation:WebAclAssociation"
_ARN = "arn:aws:apigateway:eu-central-1::/restapis/a/stages/prod"
_case = Examples(_STAGE, {"arn": _ARN})
_balancer = Examples(_BALANCER, {"arn": "arn:lb", "loadBalancerType": "application"})


def _firewall(arn: object) -> tuple[Resource, ...]:
    return (example(_ASSOCIATION, {"resourceArn": arn, "webAclArn": "arn:acl"}),)


RULE = Rule(
    id="HEADWAY-NET-012",
    slug="front-firewall",
    title="What answers from outside stands behind a firewall for the web",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_STAGE, _BALANCER),
    reads=(_ASSOCIATION,),
    why="A firewall stops floods and known attacks before each of their requests costs a model's time.",
    fix="Declare an aws.wafv2.WebAclAssociation for it.",
    passes=(
        _case("a stage with one", beside=_firewall(_ARN)),
        _balancer("a load balancer with one", beside=_firewall("arn:lb")),
        _case(
            "a stage that is not known yet",
            {"arn": UNKNOWN},
            beside=(
                example(_ASSOCIATION, {"resourceArn": UNKNOWN}, made_of={"resourceArn": example(_STAGE)}),
            ),
        ),
    ),
    fails=(
        _case("none", says="firewall is nothing"),
        _balancer("one of something else", beside=_firewall("arn:other"), says="firewall is nothing"),
    ),
    exempts=(
        _case("outside production", intent=DEVELOPMENT),
        _balancer("inside the network", {"internal": True}),
        _balancer("of packets, not of requests", {"loadBalancerType": "network"}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("one that is made of nothing here", beside=_firewall(UNKNOWN), says="resourceArn"),),
    references=("https://docs.aws.amazon.com/waf/latest/developerguide/waf-chapter.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
    elif resource.value("internal") is True or resource.value("loadBalancerType") in ("network", "gateway"):
        yield NotApplicable(reason="no requests come to it from outside")
    elif not naming(stack, resource, _ASSOCIATION, "resourceArn"):
        loose = [
            each
            for each in stack.of_type(_ASSOCIATION)
            if each.value("resourceArn") is UNKNOWN and not each.references
        ]
        if loose:
            yield Undecided(path="resourceArn", urn=loose[0].urn)
        else:
            yield Finding(path="firewall", got=None, want="an association with a web ACL")
