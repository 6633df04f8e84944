"""Subnets give nobody a public address."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import is_off

_TYPE = "aws:ec2/subnet:Subnet"
_PATH = "mapPublicIpOnLaunch"
_case = Examples(_TYPE, {"vpcId": "vpc-1", _PATH: False})

RULE = Rule(
    id="HEADWAY-NET-017",
    slug="subnet-no-public-addresses",
    title="Subnets give nobody a public address",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why=(
        "A machine that starts with a public address is one rule away from everybody, and nobody asked for "
        "it."
    ),
    fix="Leave `map_public_ip_on_launch` off; give a public address to what needs one by itself.",
    passes=(_case("off"), _case("left out: AWS takes False", {_PATH: None})),
    fails=(
        _case("on", {_PATH: True}, says=f"{_PATH} is True"),
        _case("on, as text", {_PATH: "true"}, says=f"{_PATH} is 'true'"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_PATH: UNKNOWN}, says=_PATH),),
    references=("https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-15",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from is_off(resource, _PATH)
