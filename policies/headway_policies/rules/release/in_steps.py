"""A production endpoint takes a new model in steps."""

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import CONFIGURATION, ENDPOINT, configurations, variants
from headway_policies.subjects.examples import example, nested
from headway_policies.subjects.instances import family
from headway_policies.subjects.releases import FUNCTION, PARAMETER, moves_in_steps, plans
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_TYPE = "deploymentConfig.blueGreenUpdatePolicy.trafficRoutingConfiguration.type"
_NAME = {"name": "flights", "endpointConfigName": "flights-1"}
_PLAN = example(PARAMETER, {"name": "/x/release-plan", "value": '{"ladder": [{"percent": 100}]}'}, "plan")
_MACHINE = example(
    FUNCTION, {"environment": {"variables": {"ENDPOINT": "flights", "PLAN": "/x/release-plan"}}}, "machine"
)


def _routing(kind: object) -> Resource:
    return example(ENDPOINT, {**_NAME, **nested(_TYPE, kind)}, "endpoint")


def _on(instance_type: str) -> Resource:
    held = [{"variantName": "champion", "instanceType": instance_type}]
    return example(CONFIGURATION, {"name": "flights-1", "productionVariants": held}, "config")


def _case(title: str, *resources: Resource, says: str = "", intent: Intent = PRODUCTION) -> Case:
    return Case(title=title, resources=resources, says=says, intent=intent)


_PLAIN = example(ENDPOINT, _NAME, "endpoint")

RULE = Rule(
    id="HEADWAY-REL-001",
    slug="release-in-steps",
    title="A production endpoint takes a new model in steps",
    since="0.1",
    severity=Severity.HIGH,
    resources=(ENDPOINT,),
    reads=(CONFIGURATION, FUNCTION, PARAMETER),
    why=(
        "All at once, a bad model answers everybody before the first alarm can ring. SageMaker itself falls "
        "back to that, without a word, for some machines and containers."
    ),
    fix="Release with a plan of `headway_components`, or set a CANARY, LINEAR or rolling deployment.",
    passes=(
        _case("a release plan that a function reads", _PLAIN, _MACHINE, _PLAN),
        _case("a canary of SageMaker's", _routing("CANARY")),
        _case("a linear shift", _routing("LINEAR")),
        _case(
            "a rolling update",
            example(ENDPOINT, nested("deploymentConfig.rollingUpdatePolicy.maximumBatchSize.value", 1)),
        ),
    ),
    fails=(
        _case("nothing said: SageMaker then moves all at once", _PLAIN, says="deploymentConfig is nothing"),
        _case("all at once", _routing("ALL_AT_ONCE"), says="'ALL_AT_ONCE'"),
        _case("a plan that nothing reads", _PLAIN, _PLAN, says="deploymentConfig is nothing"),
        _case(
            "a canary on machines for which SageMaker leaves it out",
            _routing("CANARY"),
            _on("ml.inf1.xlarge"),
            says="inf1",
        ),
    ),
    exempts=(_case("outside production", _PLAIN, intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a kind of deployment that is not known yet", _routing(UNKNOWN), says="deploymentConfig"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    if any(plans(stack, resource)):
        return
    in_steps = moves_in_steps(resource)
    if in_steps is None:
        yield Undecided(path="deploymentConfig")
    elif not in_steps:
        got = resource.value(_TYPE)
        path = "deploymentConfig" if got is None else _TYPE
        yield Finding(path=path, got=got, want="a release plan, or CANARY, LINEAR or a rolling update")
    else:
        for configuration in configurations(stack, resource):
            for variant in variants(configuration):
                kind = configuration.value(f"{variant.path}.instanceType")
                if isinstance(kind, str) and family(kind) == "inf1":
                    want = "a machine for which SageMaker moves in steps"
                    path = f"{variant.path}.instanceType"
                    yield Finding(path=path, got=kind, want=want, urn=configuration.urn)
