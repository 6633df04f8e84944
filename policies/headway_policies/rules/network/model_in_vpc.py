"""Production models run in a network of their owner's."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import NOT_PRODUCTION, is_set, is_strict

_TYPE = "aws:sagemaker/model:Model"
_case = Examples(_TYPE, {"vpcConfig": {"subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}})

RULE = Rule(
    id="HEADWAY-NET-002",
    slug="model-in-vpc",
    title="Production models run in a network of their owner's",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why=(
        "A model outside of your network fetches its files over AWS's shared one, where no flow log of yours "
        "sees it and no endpoint policy of yours stops it."
    ),
    fix=(
        "Set `vpc_config` with subnets and security groups; in production `headway_components.Endpoint` does."
    ),
    passes=(
        _case("subnets and a security group"),
        _case("subnets of the same stack, not known yet", {"vpcConfig.subnets": UNKNOWN}),
    ),
    fails=(
        _case("no network", {"vpcConfig": None}, says="vpcConfig.subnets is nothing"),
        _case("no subnets in it", {"vpcConfig.subnets": []}, says="vpcConfig.subnets is []"),
        _case("no security group", {"vpcConfig.securityGroupIds": []}, says="securityGroupIds"),
    ),
    exempts=(_case("outside production", {"vpcConfig": None}, intent=DEVELOPMENT),),
    when_unknown=Outcome.PASS,
    unknowns=(_case("a network of the same stack, not known yet", {"vpcConfig": UNKNOWN}),),
    references=("https://docs.aws.amazon.com/config/latest/developerguide/sagemaker-model-in-vpc.html",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    yield from is_set(resource, "vpcConfig.subnets", "the subnets that the model runs in")
    yield from is_set(resource, "vpcConfig.securityGroupIds", "the security groups of the model")
