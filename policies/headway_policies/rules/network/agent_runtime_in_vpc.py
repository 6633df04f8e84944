"""Agents run in a network of their owner's."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples

_TYPE = "aws:bedrock/agentcoreAgentRuntime:AgentcoreAgentRuntime"
_MODE = "networkConfiguration.networkMode"
_case = Examples(
    _TYPE, {"networkConfiguration": {"networkMode": "VPC", "networkModeConfig": {"subnets": ["subnet-1"]}}}
)

RULE = Rule(
    id="HEADWAY-NET-014",
    slug="agent-runtime-in-vpc",
    title="Agents run in a network of their owner's",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why=(
        "An agent does what a text tells it. On a public network that text can tell it to carry anything "
        "anywhere."
    ),
    fix='Set `network_mode="VPC"` with subnets and security groups.',
    passes=(_case("a network of one's own"), _case("in small letters", {_MODE: "vpc"})),
    fails=(
        _case("public", {_MODE: "PUBLIC"}, says=f"{_MODE} is 'PUBLIC'"),
        _case("left out", {"networkConfiguration": None}, says=f"{_MODE} is nothing"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_MODE: UNKNOWN}, says=_MODE),),
    references=("https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agentcore-vpc.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    mode = resource.value(_MODE)
    if mode is UNKNOWN:
        yield Undecided(path=_MODE)
    elif str(mode).upper() != "VPC":
        yield Finding(path=_MODE, got=mode, want="VPC")
