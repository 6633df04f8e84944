"""Every agent has a guardrail of a fixed version."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples

_TYPE = "aws:bedrock/agentAgent:AgentAgent"
_LIST = "guardrailConfigurations"
_case = Examples(_TYPE, {_LIST: [{"guardrailIdentifier": "g-1", "guardrailVersion": "3"}]})

RULE = Rule(
    id="HEADWAY-GEN-008",
    slug="agent-guardrail",
    title="Every agent has a guardrail of a fixed version",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why="The draft of a guardrail is what somebody is trying out in the console. No review has seen it.",
    fix="Name a guardrail and one of its versions in `guardrail_configurations`.",
    passes=(
        _case("a version"),
        _case("a version of the same stack, not known yet", {f"{_LIST}[0].guardrailVersion": UNKNOWN}),
    ),
    fails=(
        _case("none", {_LIST: None}, says=f"{_LIST} is nothing"),
        _case("an empty list", {_LIST: []}, says=f"{_LIST} is nothing"),
        _case("the draft", {f"{_LIST}[0].guardrailVersion": "DRAFT"}, says="guardrailVersion is 'DRAFT'"),
        _case("no version", {f"{_LIST}[0].guardrailVersion": None}, says="guardrailVersion is nothing"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_LIST: UNKNOWN}, says=_LIST),),
    references=("https://docs.aws.amazon.com/bedrock/latest/userguide/agents-guardrail.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    if resource.value(_LIST) is UNKNOWN:
        yield Undecided(path=_LIST)
        return
    paths = resource.items(_LIST)
    if not paths:
        yield Finding(path=_LIST, got=None, want="a guardrail with its version")
    for path in paths:
        version = resource.value(f"{path}.guardrailVersion")
        if version is not UNKNOWN and (not version or str(version).upper() == "DRAFT"):
            yield Finding(path=f"{path}.guardrailVersion", got=version, want="a version")
