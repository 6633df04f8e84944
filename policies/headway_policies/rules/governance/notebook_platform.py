"""Notebooks run on a platform that AWS still mends."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import plain

_TYPE = "aws:sagemaker/notebookInstance:NotebookInstance"
_PATH = "platformIdentifier"
_SUPPORTED = frozenset({"notebook-al2-v3", "notebook-al2023-v1"})
"""Source: SageMaker developer guide, "Amazon Linux 2 and 2023 notebook instances"."""
_case = Examples(_TYPE, {_PATH: "notebook-al2023-v1"})

RULE = Rule(
    id="HEADWAY-GOV-005",
    slug="notebook-platform",
    title="Notebooks run on a platform that AWS still mends",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why="Holes in an old platform stay open. Left out, AWS takes the oldest one that it still starts.",
    fix=f"Set `platform_identifier` to one of {', '.join(sorted(_SUPPORTED))}.",
    passes=(_case("the newest"), _case("the one before", {_PATH: "notebook-al2-v3"})),
    fails=(
        _case("left out", {_PATH: None}, says=f"{_PATH} is nothing"),
        _case("the first Amazon Linux", {_PATH: "notebook-al1-v1"}, says="notebook-al1-v1"),
        _case("an older one", {_PATH: "notebook-al2-v1"}, says="notebook-al2-v1"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_PATH: UNKNOWN}, says=_PATH),),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-8",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    value = resource.value(_PATH)
    if value is UNKNOWN:
        yield Undecided(path=_PATH)
    elif plain(value) not in _SUPPORTED:
        yield Finding(path=_PATH, got=value, want=f"one of {', '.join(sorted(_SUPPORTED))}")
