"""Models run without a network of their own."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import is_on

_TYPE = "aws:sagemaker/model:Model"
_case = Examples(_TYPE, {"enableNetworkIsolation": True})

RULE = Rule(
    id="HEADWAY-NET-001",
    slug="model-network-isolation",
    title="Models run without a network of their own",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why=(
        "A model file is code from a training run, and so are its libraries. With a network it can send each "
        "request that it answers to anywhere, and use the credentials of its role."
    ),
    fix="Set `enable_network_isolation=True` on the model; `headway_components.Endpoint` does.",
    passes=(
        _case("isolated"),
        _case("isolated, with more than one container", {"containers": [{"image": "a"}, {"image": "b"}]}),
    ),
    fails=(
        _case(
            "left out: AWS takes False",
            {"enableNetworkIsolation": None},
            says="enableNetworkIsolation is nothing",
        ),
        _case("switched off", {"enableNetworkIsolation": False}, says="enableNetworkIsolation is False"),
        _case("switched off, as text", {"enableNetworkIsolation": "false"}, says="'false'"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "not known yet",
            {"enableNetworkIsolation": UNKNOWN},
            says="enableNetworkIsolation not known before the update",
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-5",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from is_on(resource, "enableNetworkIsolation")
