"""An alarm on an endpoint of the stack names a variant that it has."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.alarms import ALARM, SAGEMAKER, endpoints_of, watched
from headway_policies.subjects.endpoints import CONFIGURATION, ENDPOINT, VARIANTS, configurations, variants
from headway_policies.subjects.examples import Examples, example

_BESIDE = (
    example(ENDPOINT, {"name": "flights", "endpointConfigName": "flights-1"}, "endpoint"),
    example(
        CONFIGURATION,
        {
            "name": "flights-1",
            "productionVariants": [{"variantName": "champion"}],
            "shadowProductionVariants": [{"variantName": "shadow"}],
        },
    ),
)
_case = Examples(
    ALARM,
    {
        "namespace": SAGEMAKER,
        "metricName": "ModelLatency",
        "dimensions": {"EndpointName": "flights", "VariantName": "champion"},
    },
)

RULE = Rule(
    id="HEADWAY-MON-004",
    slug="alarm-names-variant",
    title="An alarm on an endpoint of the stack names a variant that it has",
    since="0.1",
    severity=Severity.HIGH,
    resources=(ALARM,),
    reads=(ENDPOINT, CONFIGURATION),
    why="An alarm on a variant that is not there watches nothing, for ever, and looks like one that is well.",
    fix="Name the variant of the endpoint in `dimensions`, letter by letter.",
    passes=(
        _case("its variant", beside=_BESIDE),
        _case("its shadow variant", {"dimensions.VariantName": "shadow"}, beside=_BESIDE),
        _case(
            "all variants together",
            {"metricName": "Invocations", "dimensions.VariantName": None},
            beside=_BESIDE,
        ),
    ),
    fails=(
        _case("another one", {"dimensions.VariantName": "AllTraffic"}, beside=_BESIDE, says="'AllTraffic'"),
        _case("another case", {"dimensions.VariantName": "Champion"}, beside=_BESIDE, says="'Champion'"),
    ),
    exempts=(
        _case("an endpoint of another stack", {"dimensions.EndpointName": "fraud"}, beside=_BESIDE),
        _case("an alarm on something else", {"namespace": "AWS/SQS"}, beside=_BESIDE),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("not known yet", {"dimensions.VariantName": UNKNOWN}, beside=_BESIDE, says="VariantName"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    judged = False
    for item in watched(resource):
        if item.namespace != SAGEMAKER:
            continue
        for endpoint in endpoints_of(item, stack, resource):
            found = [
                variant.name
                for configuration in configurations(stack, endpoint)
                for kind in VARIANTS
                for variant in variants(configuration, kind)
            ]
            judged = judged or bool(found)
            name = item.dimension("VariantName")
            if name is UNKNOWN and found:
                yield Undecided(path=f"{item.path}.VariantName")
            elif found and name is not None and name not in found and UNKNOWN not in found:
                want = f"one of {', '.join(map(str, found))}"
                yield Finding(path=f"{item.path}.VariantName", got=name, want=want)
    if not judged:
        yield NotApplicable(reason="the alarm watches no endpoint of the stack")
