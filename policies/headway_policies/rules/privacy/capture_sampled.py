"""Of data about people an endpoint captures a part only."""

from headway_policies.intent import PRODUCTION, DataClassification, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.endpoints import CONFIGURATION
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import number, truth

_PATH = "dataCaptureConfig.initialSamplingPercentage"
_MOST = 50
_PEOPLE = Intent(environment="prod", data_classification=DataClassification.RESTRICTED, personal_data=True)
_case = Examples(
    CONFIGURATION, {"dataCaptureConfig": {"enableCapture": True, "initialSamplingPercentage": 10}}, _PEOPLE
)

RULE = Rule(
    id="HEADWAY-PRV-002",
    slug="capture-sampled",
    title="Of data about people an endpoint captures a part only",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(CONFIGURATION,),
    why=(
        "Drift shows in a tenth of the requests. All of them are a second copy of everybody, which nobody "
        "needs."
    ),
    fix=f"Set `initial_sampling_percentage` to {_MOST} or less.",
    passes=(_case("a tenth"), _case("half", {_PATH: _MOST})),
    fails=(
        _case("everybody", {_PATH: 100}, says=f"{_PATH} is 100"),
        _case("more than half, as text", {_PATH: "80"}, says=f"{_PATH} is '80'"),
    ),
    exempts=(
        _case("no data about people", {_PATH: 100}, intent=PRODUCTION),
        _case("no capture", {"dataCaptureConfig": None}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_PATH: UNKNOWN}, says=_PATH),),
    references=("https://eur-lex.europa.eu/eli/reg/2016/679/oj#art_5",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    config = resource.value("dataCaptureConfig")
    value = resource.value(_PATH)
    if not intent.personal_data:
        yield NotApplicable(reason="the stack declares no data about people")
    elif not config or truth(resource.value("dataCaptureConfig.enableCapture")) is False:
        yield NotApplicable(reason="the endpoint captures nothing")
    elif value is UNKNOWN:
        yield Undecided(path=_PATH)
    elif (number(value) or 0) > _MOST:
        yield Finding(path=_PATH, got=value, want=f"{_MOST} or less")
