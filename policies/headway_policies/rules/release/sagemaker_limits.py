"""A deployment asks for what SageMaker can do."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.endpoints import CONFIGURATION, ENDPOINT
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import number

_BLUE_GREEN = "deploymentConfig.blueGreenUpdatePolicy"
_ROUTING = f"{_BLUE_GREEN}.trafficRoutingConfiguration"
_WAIT = f"{_ROUTING}.waitIntervalInSeconds"
_CANARY = f"{_ROUTING}.canarySize"
_LINEAR = f"{_ROUTING}.linearStepSize"
_CAPACITY = "CAPACITY_PERCENT"
_LIMITS = {
    _WAIT: (0, 3600),
    f"{_BLUE_GREEN}.terminationWaitInSeconds": (0, 3600),
    f"{_BLUE_GREEN}.maximumExecutionTimeoutInSeconds": (600, 14400),
    "deploymentConfig.rollingUpdatePolicy.waitIntervalInSeconds": (0, 3600),
    "deploymentConfig.rollingUpdatePolicy.maximumExecutionTimeoutInSeconds": (600, 14400),
}
_PERCENTS = {_CANARY: (1, 50), _LINEAR: (10, 50)}
"""Source: SageMaker API reference, TrafficRoutingConfig, BlueGreenUpdatePolicy, RollingUpdatePolicy."""
_case = Examples(
    ENDPOINT,
    {
        "deploymentConfig": {
            "blueGreenUpdatePolicy": {
                "trafficRoutingConfiguration": {
                    "type": "CANARY",
                    "waitIntervalInSeconds": 600,
                    "canarySize": {"type": _CAPACITY, "value": 5},
                }
            }
        }
    },
)
_ONE = [{"variantName": "champion"}]
_shadow = Examples(
    CONFIGURATION, {"productionVariants": _ONE, "shadowProductionVariants": [{"variantName": "s"}]}
)

RULE = Rule(
    id="HEADWAY-REL-006",
    slug="sagemaker-limits",
    title="A deployment asks for what SageMaker can do",
    since="0.1",
    severity=Severity.LOW,
    resources=(ENDPOINT, CONFIGURATION),
    why="SageMaker refuses the rest in the middle of an update, when part of the stack has changed already.",
    fix=(
        "Keep a canary to 50 %, linear steps to 10 to 50 %, waits to an hour, and one shadow beside one "
        "variant."
    ),
    passes=(
        _case("a canary of five percent"),
        _case("a canary of three machines", {f"{_CANARY}": {"type": "INSTANCE_COUNT", "value": 3}}),
        _shadow("one shadow beside one variant"),
    ),
    fails=(
        _case("a canary of more than half", {f"{_CANARY}.value": 60}, says=f"{_CANARY}.value is 60"),
        _case(
            "steps that are too small",
            {_LINEAR: {"type": _CAPACITY, "value": 5}},
            says=f"{_LINEAR}.value is 5",
        ),
        _case("a wait of more than an hour", {_WAIT: 7200}, says=f"{_WAIT} is 7200"),
        _shadow(
            "a shadow beside two variants: a canary and a shadow exclude each other",
            {"productionVariants": [*_ONE, {"variantName": "challenger"}]},
            says="productionVariants is '2 variants beside a shadow'",
        ),
        _shadow("two shadows", {"shadowProductionVariants": [{}, {}]}, says="shadowProductionVariants is"),
    ),
    exempts=(
        _case("no deployment of SageMaker's", {"deploymentConfig": None}),
        _shadow("no shadow", {"shadowProductionVariants": None}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("a wait that is not known yet", {_WAIT: UNKNOWN}, says=_WAIT),),
    references=(
        "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html",
        "https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests-create.html",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    if resource.type == CONFIGURATION:
        yield from _shadows(resource)
        return
    if not resource.has("deploymentConfig"):
        yield NotApplicable(reason="SageMaker deploys nothing by itself here")
    for path, (least, most) in _LIMITS.items():
        yield from _within(resource, path, least, most)
    for path, (least, most) in _PERCENTS.items():
        if resource.value(f"{path}.type") == _CAPACITY:
            yield from _within(resource, f"{path}.value", least, most)


def _within(resource: Resource, path: str, least: int, most: int) -> Answers:
    value = resource.value(path)
    if value is UNKNOWN:
        yield Undecided(path=path)
    elif value is not None and not least <= (number(value) or 0) <= most:
        yield Finding(path=path, got=value, want=f"{least} to {most}")


def _shadows(configuration: Resource) -> Answers:
    shadows = len(configuration.items("shadowProductionVariants"))
    variants = len(configuration.items("productionVariants"))
    if not shadows:
        yield NotApplicable(reason="the endpoint has no shadow")
    if shadows > 1:
        yield Finding(path="shadowProductionVariants", got=f"{shadows} shadows", want="one")
    if shadows and variants > 1:
        yield Finding(path="productionVariants", got=f"{variants} variants beside a shadow", want="one")
