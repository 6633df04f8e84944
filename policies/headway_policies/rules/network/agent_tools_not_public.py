"""The browsers and interpreters of agents are not on a public network."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples

_BROWSER = "aws:bedrock/agentcoreBrowser:AgentcoreBrowser"
_INTERPRETER = "aws:bedrock/agentcoreCodeInterpreter:AgentcoreCodeInterpreter"
_MODE = "networkConfiguration.networkMode"
_case = Examples(_BROWSER, {"networkConfiguration": {"networkMode": "VPC"}})
_interpreter = Examples(_INTERPRETER, {"networkConfiguration": {"networkMode": "SANDBOX"}})

RULE = Rule(
    id="HEADWAY-NET-015",
    slug="agent-tools-not-public",
    title="The browsers and interpreters of agents are not on a public network",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_BROWSER, _INTERPRETER),
    why=(
        "A page that an agent reads can tell it to send what it knows. A tool without the internet cannot "
        "obey."
    ),
    fix='Set `network_mode="VPC"`, or for an interpreter "SANDBOX".',
    passes=(
        _case("a browser in a network of one's own"),
        _interpreter("an interpreter without a network"),
        _interpreter("an interpreter in a network of one's own", {_MODE: "VPC"}),
    ),
    fails=(
        _case("a public browser", {_MODE: "PUBLIC"}, says=f"{_MODE} is 'PUBLIC'"),
        _interpreter("a public interpreter", {_MODE: "public"}, says=f"{_MODE} is 'public'"),
        _case("left out", {"networkConfiguration": {}}, says=f"{_MODE} is nothing"),
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
    elif str(mode).upper() not in {"VPC", "SANDBOX"}:
        yield Finding(path=_MODE, got=mode, want="VPC or SANDBOX")
