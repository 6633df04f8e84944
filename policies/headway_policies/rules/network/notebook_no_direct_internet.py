"""Notebooks have no way of their own to the internet."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import is_off

_TYPE = "aws:sagemaker/notebookInstance:NotebookInstance"
_case = Examples(_TYPE, {"directInternetAccess": "Disabled", "subnetId": "subnet-1"})

RULE = Rule(
    id="HEADWAY-NET-007",
    slug="notebook-no-direct-internet",
    title="Notebooks have no way of their own to the internet",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why=(
        "With direct internet access a notebook goes around every rule of your network: data leaves and "
        "packages come in unseen."
    ),
    fix='Set `direct_internet_access="Disabled"`, with a subnet that reaches what the notebook needs.',
    passes=(_case("disabled"), _case("disabled, in small letters", {"directInternetAccess": "disabled"})),
    fails=(
        _case("enabled", {"directInternetAccess": "Enabled"}, says="directInternetAccess is 'Enabled'"),
        _case(
            "left out: AWS then enables it",
            {"directInternetAccess": None},
            says="directInternetAccess is nothing",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"directInternetAccess": UNKNOWN}, says="directInternetAccess"),),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-1",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from is_off(resource, "directInternetAccess", "Disabled", absent_is=True)
