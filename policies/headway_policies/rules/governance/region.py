"""Data stays in the regions that the frameworks in force allow."""

import re

from headway_policies.intent import PRODUCTION, DataClassification, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.examples import example

_PROVIDER = "pulumi:providers:aws"
_ALLOWED = {
    "fedramp-moderate": re.compile(r"us-(east|west)-\d|us-gov-(east|west)-\d"),
    "gdpr": re.compile(r"eu-[a-z]+-\d|eusc-[a-z]+-[a-z]+-\d"),
}
"""FedRAMP: the regions of AWS's US East/West and GovCloud authorisations. GDPR: our own reading, chapter V
asks for a ground for each transfer out of the union, and a region in it needs none."""


def _of(*frameworks: str) -> Intent:
    return Intent(
        environment="prod",
        data_classification=DataClassification.RESTRICTED,
        frameworks=frozenset(frameworks),
        personal_data=True,
    )


def _case(title: str, region: object, framework: str = "fedramp-moderate", says: str = "") -> Case:
    return Case(
        title=title, resources=(example(_PROVIDER, {"region": region}),), says=says, intent=_of(framework)
    )


RULE = Rule(
    id="HEADWAY-GOV-003",
    slug="allowed-region",
    title="Data stays in the regions that the frameworks in force allow",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_PROVIDER,),
    why=(
        "Where the data lies decides whose law it is under. A region is chosen once, and moving is a project."
    ),
    fix=(
        "Set `aws:region` to a region that the framework allows, or ask for an exception with the ground "
        "for it."
    ),
    passes=(
        _case("a region in the United States", "us-east-1"),
        _case("GovCloud", "us-gov-west-1"),
        _case("a region of the union", "eu-central-1", "gdpr"),
    ),
    fails=(
        _case("a region in Europe under FedRAMP", "eu-central-1", says="region is 'eu-central-1'"),
        _case(
            "a region in the United States under the GDPR", "us-east-1", "gdpr", says="region is 'us-east-1'"
        ),
        _case("an empty region", "", says="region is ''"),
    ),
    exempts=(
        Case(
            title="no such framework",
            resources=(example(_PROVIDER, {"region": "ap-south-1"}),),
            intent=PRODUCTION,
        ),
        _case("a provider that takes its region from elsewhere", None),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", UNKNOWN, says="region"),),
    references=("https://aws.amazon.com/compliance/services-in-scope/FedRAMP/",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    asked = [
        (name, allowed)
        for name, allowed in _ALLOWED.items()
        if name in intent.frameworks and (name != "gdpr" or intent.personal_data is not False)
    ]
    region = resource.value("region")
    if not asked or region is None:
        yield NotApplicable(reason="no framework in force asks for a region of this provider")
    for name, allowed in asked if region is not None else ():
        if region is UNKNOWN:
            yield Undecided(path="region")
        elif not allowed.fullmatch(str(region)):
            yield Finding(path="region", got=region, want=f"a region that {name} allows")
