"""What an agent does in a browser is recorded."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import is_on, is_set

_TYPE = "aws:bedrock/agentcoreBrowser:AgentcoreBrowser"
_case = Examples(_TYPE, {"recording": {"enabled": True, "s3Location": {"bucket": "recordings"}}})

RULE = Rule(
    id="HEADWAY-GEN-010",
    slug="browser-recorded",
    title="What an agent does in a browser is recorded",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why=(
        "When an agent has ordered, sent or deleted something, the recording is what shows which page told "
        "it to."
    ),
    fix="Set `recording` with `enabled=True` and a bucket of yours.",
    passes=(
        _case("recorded"),
        _case("in a bucket of the same stack, not known yet", {"recording.s3Location.bucket": UNKNOWN}),
    ),
    fails=(
        _case("left out", {"recording": None}, says="recording.enabled is nothing"),
        _case("switched off", {"recording.enabled": False}, says="recording.enabled is False"),
        _case(
            "nowhere to keep it",
            {"recording.s3Location": None},
            says="recording.s3Location.bucket is nothing",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"recording.enabled": UNKNOWN}, says="recording.enabled"),),
    references=(
        "https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/browser-session-recording.html",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from is_on(resource, "recording.enabled")
    yield from is_set(resource, "recording.s3Location.bucket", "the bucket of the recordings")
