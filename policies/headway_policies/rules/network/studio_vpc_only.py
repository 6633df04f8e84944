"""Studio has no way of its own to the internet."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples

_TYPE = "aws:sagemaker/domain:Domain"
_PATH = "appNetworkAccessType"
_case = Examples(_TYPE, {_PATH: "VpcOnly"})

RULE = Rule(
    id="HEADWAY-NET-013",
    slug="studio-vpc-only",
    title="Studio has no way of its own to the internet",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why=(
        "By default everything that people run in Studio goes over a network of AWS's, around all of your "
        "rules."
    ),
    fix='Set `app_network_access_type="VpcOnly"`.',
    passes=(_case("through the network only"), _case("with subnets", {"subnetIds": ["subnet-1"]})),
    fails=(
        _case("left out: AWS takes PublicInternetOnly", {_PATH: None}, says=f"{_PATH} is nothing"),
        _case("the internet", {_PATH: "PublicInternetOnly"}, says="'PublicInternetOnly'"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_PATH: UNKNOWN}, says=_PATH),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/studio-notebooks-and-internet-access.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    value = resource.value(_PATH)
    if value is UNKNOWN:
        yield Undecided(path=_PATH)
    elif not isinstance(value, str) or value.lower() != "vpconly":
        yield Finding(path=_PATH, got=value, want="VpcOnly")
