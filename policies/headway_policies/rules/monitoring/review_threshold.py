"""A person sees what the model is unsure of."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples

_TYPE = "aws:sagemaker/flowDefinition:FlowDefinition"
_PATH = "humanLoopActivationConfig.humanLoopActivationConditionsConfig.humanLoopActivationConditions"
_GOOD = (
    '{"Conditions": [{"ConditionType": "Sampling", "ConditionParameters": {"RandomSamplingPercentage": 5}}]}'
)
_case = Examples(
    _TYPE,
    {
        "humanLoopActivationConfig": {
            "humanLoopActivationConditionsConfig": {"humanLoopActivationConditions": _GOOD}
        },
        "humanLoopRequestSource": {
            "awsManagedHumanLoopRequestSource": "AWS/Textract/AnalyzeDocument/Forms/V1"
        },
    },
)

RULE = Rule(
    id="HEADWAY-MON-008",
    slug="review-threshold",
    title="A person sees what the model is unsure of",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="A review without a condition shows a person nothing, or everything, which is looked at as little.",
    fix="Set `human_loop_activation_conditions` with at least one condition.",
    passes=(
        _case("a share of all"),
        _case("an object in place of text", {_PATH: {"Conditions": [{"ConditionType": "Sampling"}]}}),
    ),
    fails=(
        _case("no conditions", {"humanLoopActivationConfig": None}, says="Conditions is nothing"),
        _case("an empty list", {_PATH: '{"Conditions": []}'}, says="Conditions is []"),
        _case("not JSON", {_PATH: "{"}, says="a document in JSON"),
    ),
    exempts=(
        _case(
            "a queue that a program fills, which decides itself",
            {"humanLoopActivationConfig": None, "humanLoopRequestSource": None},
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_PATH: UNKNOWN}, says="humanLoopActivationConditions"),),
    references=(
        "https://docs.aws.amazon.com/sagemaker/latest/dg/a2i-human-fallback-conditions-json-schema.html",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    if not resource.has("humanLoopRequestSource") and not resource.has("humanLoopActivationConfig"):
        yield NotApplicable(reason="a program fills the queue")
        return
    document = resource.json(_PATH)
    conditions = document.get("Conditions") if isinstance(document, dict) else None
    if conditions is UNKNOWN:
        yield Undecided(path=_PATH)
    elif not conditions:
        yield Finding(path=f"{_PATH} Conditions", got=conditions, want="at least one condition")
