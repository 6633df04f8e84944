"""A production endpoint runs on more than one machine."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.endpoints import CONFIGURATION, variants
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict, number

_VARIANT = {"variantName": "champion", "instanceType": "ml.m5.large", "initialInstanceCount": 2}
_COUNT = "productionVariants[0].initialInstanceCount"
_case = Examples(CONFIGURATION, {"productionVariants": [_VARIANT]})
_MINIMUM = 2

RULE = Rule(
    id="HEADWAY-BKP-003",
    slug="endpoint-instance-count",
    title="A production endpoint runs on more than one machine",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(CONFIGURATION,),
    why=(
        "SageMaker spreads machines over the zones of a region from the second one on. With one, a broken "
        "machine or zone is a broken product."
    ),
    fix="Set `initial_instance_count` to 2 or more for each production variant.",
    passes=(
        _case("two machines"),
        _case(
            "scaling by SageMaker, with at least two",
            {_COUNT: None, "productionVariants[0].managedInstanceScaling": {"minInstanceCount": 2}},
        ),
        _case("one machine of a shadow variant", {"shadowProductionVariants": [{"initialInstanceCount": 1}]}),
    ),
    fails=(
        _case("one machine", {_COUNT: 1}, says=f"{_COUNT} is 1"),
        _case("none said", {_COUNT: None}, says=f"{_COUNT} is nothing"),
        _case(
            "the second variant on one",
            {"productionVariants": [_VARIANT, {**_VARIANT, "initialInstanceCount": 1}]},
            says="productionVariants[1].initialInstanceCount is 1",
        ),
    ),
    exempts=(
        _case("outside production", {_COUNT: 1}, intent=DEVELOPMENT),
        _case(
            "a serverless variant, which AWS places",
            {"productionVariants": [{"serverlessConfig": {"maxConcurrency": 5}}]},
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_COUNT: UNKNOWN}, says="initialInstanceCount"),),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-4",
    ),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent, "aws-ai-security-v1"):
        yield NOT_PRODUCTION
        return
    machines = [variant for variant in variants(resource) if not variant.is_serverless]
    if not machines:
        yield NotApplicable(reason="the endpoint is serverless")
    for variant in machines:
        path = f"{variant.path}.initialInstanceCount"
        least = resource.value(f"{variant.path}.managedInstanceScaling.minInstanceCount")
        count = resource.value(path) if least is None else least
        if count is UNKNOWN:
            yield Undecided(path=path)
        elif (number(count) or 0) < _MINIMUM:
            yield Finding(path=path, got=count, want=f"{_MINIMUM} or more")
