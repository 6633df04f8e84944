"""Logs are kept as long as the frameworks in force ask, and not for ever."""

from headway_policies.intent import DEVELOPMENT, DataClassification, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import is_strict, number

_TYPE = "aws:cloudwatch/logGroup:LogGroup"
_case = Examples(_TYPE, {"retentionInDays": 365})
_MINIMUM_DAYS = {"hipaa": 2192, "fedramp-moderate": 365, "nist-800-53-r5": 365, "soc2": 365}
"""Sources: HIPAA 164.316(b)(2)(i), six years of documentation, read for audit logs as most auditors do; the
others ask for a time that the organisation sets (AU-11, CC7.2): one year is our own reading."""
_MINIMUM_DAYS_IN_PRODUCTION = 30


def _of(*frameworks: str) -> Intent:
    return Intent(
        environment="prod",
        data_classification=DataClassification.RESTRICTED,
        frameworks=frozenset(frameworks),
    )


RULE = Rule(
    id="HEADWAY-RET-001",
    slug="log-retention",
    title="Logs are kept as long as the frameworks in force ask, and not for ever",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why=(
        "An incident is often found months later, and then the logs are the only witness. A group without a "
        "retention keeps everything for ever: that costs, and with personal data it breaks the promise to "
        "delete."
    ),
    fix="Set `retention_in_days`: 30 or more in production, 365 for SOC 2 and NIST, 2192 for HIPAA.",
    passes=(
        _case("a year"),
        _case("thirty days in production without a framework", {"retentionInDays": 30}),
        _case("one day outside production", {"retentionInDays": 1}, intent=DEVELOPMENT),
        _case("six years under HIPAA", {"retentionInDays": 2192}, intent=_of("hipaa")),
    ),
    fails=(
        _case("left out: CloudWatch keeps for ever", {"retentionInDays": None}, says="nothing"),
        _case("zero, which means for ever too", {"retentionInDays": 0}, says="retentionInDays is 0"),
        _case("a week in production", {"retentionInDays": 7}, says="30 days or more"),
        _case("a year under HIPAA", intent=_of("hipaa", "soc2"), says="2192 days or more"),
        _case("a month under SOC 2", {"retentionInDays": 30}, intent=_of("soc2"), says="365 days or more"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"retentionInDays": UNKNOWN}, says="retentionInDays"),),
    references=(
        "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
        "https://www.ecfr.gov/current/title-45/section-164.316",
    ),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    days = resource.value("retentionInDays")
    asked = [_MINIMUM_DAYS[framework] for framework in intent.frameworks & _MINIMUM_DAYS.keys()]
    minimum = max(asked, default=_MINIMUM_DAYS_IN_PRODUCTION if is_strict(intent) else 1)
    kept = number(days)
    if days is UNKNOWN:
        yield Undecided(path="retentionInDays")
    elif kept is None or kept < minimum:
        yield Finding(path="retentionInDays", got=days, want=f"{minimum} days or more")
