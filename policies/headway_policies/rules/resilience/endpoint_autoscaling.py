"""A production endpoint grows with its load."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import (
    CONFIGURATION,
    ENDPOINT,
    Variant,
    configurations,
    endpoint_names,
    variants,
)
from headway_policies.subjects.examples import example
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict, number, plain

_TARGET = "aws:appautoscaling/target:Target"
_POLICY = "aws:appautoscaling/policy:Policy"
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_ID = "endpoint/flights/variant/champion"
_ENDPOINT = example(ENDPOINT, {"name": "flights", "endpointConfigName": "flights-1"}, "endpoint")


def _configuration(**variant: object) -> Resource:
    held = {"variantName": "champion", "initialInstanceCount": 2, **variant}
    return example(CONFIGURATION, {"name": "flights-1", "productionVariants": [held]}, "config")


def _target(resource_id: object = _ID, maximum: object = 4, **more: object) -> Resource:
    properties = {"resourceId": resource_id, "scalableDimension": _DIMENSION, "minCapacity": 2, **more}
    return example(_TARGET, {**properties, "maxCapacity": maximum}, "target")


def _policy(resource_id: object = _ID) -> Resource:
    return example(_POLICY, {"resourceId": resource_id, "scalableDimension": _DIMENSION}, "policy")


def _case(title: str, *others: Resource, says: str = "", intent: Intent | None = None) -> Case:
    resources = (
        _ENDPOINT,
        *(others if any(o.type == CONFIGURATION for o in others) else (_configuration(), *others)),
    )
    if intent is None:
        return Case(title=title, resources=resources, says=says)
    return Case(title=title, resources=resources, says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-BKP-004",
    slug="endpoint-autoscaling",
    title="A production endpoint grows with its load",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(ENDPOINT,),
    reads=(CONFIGURATION, _TARGET, _POLICY),
    why=(
        "A number of machines that fits today is too small on the day that everybody comes, and too dear on "
        "all others."
    ),
    fix="Declare an aws.appautoscaling.Target for each production variant, and a Policy that moves it.",
    passes=(
        _case("a target and a policy", _target(), _policy()),
        _case(
            "scaling by SageMaker",
            _configuration(
                managedInstanceScaling={"status": "ENABLED", "minInstanceCount": 2, "maxInstanceCount": 4}
            ),
        ),
    ),
    fails=(
        _case("neither", says="scaling of champion is nothing"),
        _case("a target without a policy", _target(), says="scaling policy of champion is nothing"),
        _case(
            "a target of another variant",
            _target("endpoint/flights/variant/other"),
            _policy(),
            says="nothing",
        ),
        _case("a target that cannot grow", _target(maximum=2), _policy(), says="maxCapacity is 2"),
        _case(
            "scaling out suspended",
            _target(suspendedState={"dynamicScalingOutSuspended": True}),
            _policy(),
            says="dynamicScalingOutSuspended is True",
        ),
    ),
    exempts=(
        _case("outside production", intent=DEVELOPMENT),
        _case("a serverless variant", _configuration(serverlessConfig={"maxConcurrency": 5})),
        Case(title="a configuration of another stack", resources=(_ENDPOINT,)),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a target whose id is not known yet", _target(UNKNOWN), _policy(), says="resourceId"),
        _case("a maximum that is not known yet", _target(maximum=UNKNOWN), _policy(), says="maxCapacity"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    found = [
        variant
        for configuration in configurations(stack, resource)
        for variant in variants(configuration)
        if not variant.is_serverless
    ]
    if not found:
        yield NotApplicable(reason="the stack declares no variant of it on machines")
    for variant in found:
        if not variant.configuration.has(f"{variant.path}.managedInstanceScaling"):
            yield from _scaled(resource, variant, stack)


def _scaled(endpoint: Resource, variant: Variant, stack: Stack) -> Answers:
    ids = {f"endpoint/{name}/variant/{variant.name}" for name in endpoint_names(endpoint)}
    targets = [each for each in stack.of_type(_TARGET) if plain(each.value("resourceId")) in ids]
    policies = [each for each in stack.of_type(_POLICY) if plain(each.value("resourceId")) in ids]
    loose = [
        each
        for each in (*stack.of_type(_TARGET), *stack.of_type(_POLICY))
        if each.value("resourceId") is UNKNOWN
    ]
    if (not targets or not policies) and loose:
        yield Undecided(path="resourceId", urn=loose[0].urn)
    elif not targets:
        yield Finding(
            path=f"scaling of {variant.name}", got=None, want="a target of Application Auto Scaling"
        )
    elif not policies:
        yield Finding(
            path=f"scaling policy of {variant.name}", got=None, want="a policy that moves the target"
        )
    for target in targets:
        maximum, minimum = plain(target.value("maxCapacity")), plain(target.value("minCapacity"))
        if UNKNOWN in {maximum, minimum}:
            yield Undecided(path="maxCapacity", urn=target.urn)
        elif (number(maximum) or 0) <= (number(minimum) or 0):
            yield Finding(path="maxCapacity", got=maximum, want=f"more than {minimum}", urn=target.urn)
        suspended = "suspendedState.dynamicScalingOutSuspended"
        if target.value(suspended) is True:
            yield Finding(path=suspended, got=True, want="False", urn=target.urn)
