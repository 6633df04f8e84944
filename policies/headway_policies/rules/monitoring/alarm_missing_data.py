"""An endpoint that says nothing raises the alarm."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.alarms import ALARM, SAGEMAKER, watched
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_case = Examples(
    ALARM,
    {"namespace": SAGEMAKER, "metricName": "Invocation5XXErrors", "treatMissingData": "breaching"},
)

RULE = Rule(
    id="HEADWAY-MON-003",
    slug="alarm-missing-data",
    title="An endpoint that says nothing raises the alarm",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(ALARM,),
    why=(
        "An endpoint that is down counts no errors and has no latency. An alarm that takes silence for "
        "health stays green for as long as nothing answers, and a release that asks it goes on."
    ),
    fix='Set `treat_missing_data="breaching"`; where no traffic is normal, fill the gaps with a query.',
    passes=(
        _case("breaching"),
        _case(
            "gaps that a query fills",
            {
                "treatMissingData": "notBreaching",
                "metricName": None,
                "metricQueries": [
                    {"metric": {"namespace": SAGEMAKER, "metricName": "Invocation5XXErrors"}},
                    {"expression": "FILL(m1, 1)"},
                ],
            },
        ),
    ),
    fails=(
        _case("taken for health", {"treatMissingData": "notBreaching"}, says="'notBreaching'"),
        _case("left out: CloudWatch then keeps its state", {"treatMissingData": None}, says="is nothing"),
        _case("ignored", {"treatMissingData": "ignore"}, says="treatMissingData is 'ignore'"),
    ),
    exempts=(
        _case("outside production", {"treatMissingData": None}, intent=DEVELOPMENT),
        _case("an alarm on something else", {"namespace": "AWS/SQS", "treatMissingData": None}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"treatMissingData": UNKNOWN}, says="treatMissingData"),),
    references=(
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html",
    ),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    if not any(item.namespace == SAGEMAKER for item in watched(resource)):
        yield NotApplicable(reason="the alarm watches no endpoint")
        return
    expressions = [resource.value(f"{path}.expression") for path in resource.items("metricQueries")]
    value = resource.value("treatMissingData")
    if any(isinstance(each, str) and "FILL(" in each.upper() for each in expressions):
        return
    if value is UNKNOWN:
        yield Undecided(path="treatMissingData")
    elif value != "breaching":
        yield Finding(path="treatMissingData", got=value, want="breaching")
