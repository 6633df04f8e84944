"""Notebooks run in a network of their owner's."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import is_set

_TYPE = "aws:sagemaker/notebookInstance:NotebookInstance"
_case = Examples(_TYPE, {"subnetId": "subnet-1", "securityGroups": ["sg-1"]})

RULE = Rule(
    id="HEADWAY-NET-006",
    slug="notebook-in-vpc",
    title="Notebooks run in a network of their owner's",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why=(
        "A notebook is a person's hands on the data. Outside of your network nobody sees where the data goes."
    ),
    fix="Set `subnet_id` and `security_groups` of the notebook.",
    passes=(_case("a subnet"), _case("a subnet and two groups", {"securityGroups": ["sg-1", "sg-2"]})),
    fails=(
        _case("no subnet", {"subnetId": None}, says="subnetId is nothing"),
        _case("an empty subnet", {"subnetId": ""}, says="subnetId is ''"),
    ),
    when_unknown=Outcome.PASS,
    unknowns=(_case("a subnet of the same stack, not known yet", {"subnetId": UNKNOWN}),),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-2",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from is_set(resource, "subnetId", "the subnet of the notebook")
