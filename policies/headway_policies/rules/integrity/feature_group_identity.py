"""A feature group says whose each record is and when it was true."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import plain

_TYPE = "aws:sagemaker/featureGroup:FeatureGroup"
_KEY = {"featureName": "carrier", "featureType": "String"}
_TIME = {"featureName": "observed_at", "featureType": "String"}
_case = Examples(
    _TYPE,
    {
        "recordIdentifierFeatureName": "carrier",
        "eventTimeFeatureName": "observed_at",
        "featureDefinitions": [_KEY, _TIME, {"featureName": "delay", "featureType": "Fractional"}],
    },
)

RULE = Rule(
    id="HEADWAY-INT-008",
    slug="feature-group-identity",
    title="A feature group says whose each record is and when it was true",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why=(
        "Without the time of an event nobody can build training data as it was known then: the model learns "
        "from the future and disappoints in production."
    ),
    fix="Name an identifier and an event time that are both among the feature definitions.",
    passes=(
        _case("both among the features"),
        _case("a time as a number", {"featureDefinitions[1].featureType": "Fractional"}),
    ),
    fails=(
        _case("no event time", {"eventTimeFeatureName": None}, says="eventTimeFeatureName is nothing"),
        _case(
            "a time that no feature has", {"eventTimeFeatureName": "at"}, says="eventTimeFeatureName is 'at'"
        ),
        _case("an identifier in another case", {"recordIdentifierFeatureName": "Carrier"}, says="'Carrier'"),
        _case("a whole number as time", {"featureDefinitions[1].featureType": "Integral"}, says="'Integral'"),
        _case("no features", {"featureDefinitions": []}, says="recordIdentifierFeatureName is 'carrier'"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a name that is not known yet", {"eventTimeFeatureName": UNKNOWN}, says="eventTimeFeatureName"),
        _case("features that are not known yet", {"featureDefinitions": UNKNOWN}, says="featureDefinitions"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateFeatureGroup.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    types = {
        plain(resource.value(f"{path}.featureName")): plain(resource.value(f"{path}.featureType"))
        for path in resource.items("featureDefinitions")
    }
    for path in ("recordIdentifierFeatureName", "eventTimeFeatureName"):
        name = plain(resource.value(path))
        if name is UNKNOWN or UNKNOWN in types:
            yield Undecided(path=path)
        elif name not in types:
            yield Finding(path=path, got=name, want="the name of one of the features")
        elif path.startswith("event") and types[name] not in {"String", "Fractional", UNKNOWN}:
            # SageMaker takes seconds as Fractional, or ISO 8601 as String.
            yield Finding(path=f"featureType of {name}", got=types[name], want="String or Fractional")
