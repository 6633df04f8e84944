"""Nobody is root on a notebook."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import is_off

_TYPE = "aws:sagemaker/notebookInstance:NotebookInstance"
_case = Examples(_TYPE, {"rootAccess": "Disabled"})

RULE = Rule(
    id="HEADWAY-IAM-010",
    slug="notebook-no-root",
    title="Nobody is root on a notebook",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why="Root on the machine can switch off what watches it, and read what other people left there.",
    fix='Set `root_access="Disabled"`.',
    passes=(_case("disabled"), _case("disabled, in small letters", {"rootAccess": "disabled"})),
    fails=(
        _case("enabled", {"rootAccess": "Enabled"}, says="rootAccess is 'Enabled'"),
        _case("left out: AWS then enables it", {"rootAccess": None}, says="rootAccess is nothing"),
        _case("empty", {"rootAccess": ""}, says="rootAccess is ''"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"rootAccess": UNKNOWN}, says="rootAccess"),),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-3",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from is_off(resource, "rootAccess", "Disabled", absent_is=True)
