"""A model about people is evaluated group by group."""

from headway_policies.intent import PRODUCTION, DataClassification, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, NotKnownError, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.examples import definition, example, step
from headway_policies.subjects.gates import registrations
from headway_policies.subjects.jobs import MODEL_BIAS
from headway_policies.subjects.pipelines import DEFINITION, PIPELINE

_PEOPLE = Intent(environment="prod", data_classification=DataClassification.RESTRICTED, personal_data=True)
_GDPR = Intent(
    environment="prod", data_classification=DataClassification.RESTRICTED, frameworks=frozenset({"gdpr"})
)
_REGISTER = step("RegisterModel", {"ModelPackageGroupName": "flights"}, "Register")


def _case(
    title: str, *arguments: str, says: str = "", intent: Intent = _PEOPLE, kind: str = "Processing"
) -> Case:
    evaluate = step(kind, {"AppSpecification": {"ContainerArguments": list(arguments)}}, "Evaluate")
    condition = {"LeftValue": {"Get": "Steps.Evaluate.PropertyFiles.Decision"}, "RightValue": True}
    gate = step("Condition", {"Conditions": [condition], "IfSteps": [_REGISTER]}, "Gate")
    return Case(
        title=title, resources=(example(PIPELINE, definition(evaluate, gate)),), says=says, intent=intent
    )


RULE = Rule(
    id="HEADWAY-CHG-003",
    slug="evaluation-slices",
    title="A model about people is evaluated group by group",
    since="0.1",
    severity=Severity.HIGH,
    resources=(PIPELINE,),
    reads=(MODEL_BIAS,),
    why="A model that is right on average can be wrong for one group every time, and the average hides it.",
    fix="Name the groups with `slices` of `EvaluationSpec`, or evaluate with SageMaker Clarify.",
    passes=(
        _case("groups of a feature", "--slice", "country", "--slice", "age"),
        _case("by SageMaker Clarify", kind="ClarifyCheck"),
    ),
    fails=(
        _case("no groups", "--minimum-auc", "0.7", says="slices is nothing"),
        _case("an empty group", "--slice", "", says="slices is nothing"),
        _case("no groups under the GDPR", intent=_GDPR, says="slices is nothing"),
    ),
    exempts=(
        _case("no data about people", intent=PRODUCTION),
        Case(
            title="a pipeline that registers nothing",
            resources=(example(PIPELINE, definition()),),
            intent=_PEOPLE,
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        Case(
            title="a definition that is not known yet",
            resources=(example(PIPELINE, {"pipelineDefinition": UNKNOWN}),),
            says="pipelineDefinition",
            intent=_PEOPLE,
        ),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-fairness-and-explainability.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not intent.personal_data and "gdpr" not in intent.frameworks:
        yield NotApplicable(reason="the stack declares no data about people")
        return
    try:
        gated = [each for each in registrations(resource) if each.is_gated]
    except NotKnownError:
        yield Undecided(path=DEFINITION)
        return
    if not gated:
        yield NotApplicable(reason="the pipeline registers nothing behind an evaluation")
    for registration in gated:
        evaluations = registration.evaluations
        sliced = any(filter(None, (group for each in evaluations for group in each.option("--slice"))))
        by_clarify = any(each.type == "ClarifyCheck" for each in evaluations) or stack.of_type(MODEL_BIAS)
        if not sliced and not by_clarify:
            path = f"{DEFINITION} Steps.{evaluations[0].name} slices"
            yield Finding(path=path, got=None, want="at least one group to be evaluated by itself")
