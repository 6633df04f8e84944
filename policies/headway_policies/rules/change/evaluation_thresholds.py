"""An evaluation says what is good enough, and compared with what."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.examples import definition, example, step
from headway_policies.subjects.gates import Registration, compares_with_number, registrations, thresholds
from headway_policies.subjects.pipelines import DEFINITION, PIPELINE
from headway_policies.subjects.values import number

_REGISTER = step("RegisterModel", {"ModelPackageGroupName": "flights"}, "Register")
_ASKS = {"Get": "Steps.Evaluate.PropertyFiles.Decision"}
_ARGUMENTS = (
    "evaluate",
    "--floor",
    "base-rate",
    "--minimum-logloss-improvement",
    "0.08",
    "--minimum-auc",
    "0.66",
)

_GUESSING = {"--minimum-auc": 0.5}
"""What a model reaches that guesses; nothing where a name is not here."""
_LEAK = "--maximum-auc"
"""Asks for less, not for more: above it the data gives the answer away."""


def _case(title: str, *arguments: str, says: str = "", right: object = True) -> Case:
    evaluate = step("Processing", {"AppSpecification": {"ContainerArguments": list(arguments)}}, "Evaluate")
    condition = {"LeftValue": {"Std:JsonGet": {"PropertyFile": _ASKS}}, "RightValue": right}
    gate = step("Condition", {"Conditions": [condition], "IfSteps": [_REGISTER]}, "Gate")
    return Case(title=title, resources=(example(PIPELINE, definition(evaluate, gate)),), says=says)


RULE = Rule(
    id="HEADWAY-CHG-002",
    slug="evaluation-thresholds",
    title="An evaluation says what is good enough, and compared with what",
    since="0.1",
    severity=Severity.HIGH,
    resources=(PIPELINE,),
    why=(
        "A gate without a threshold lets everything through, and each model is better than nothing. The "
        "floor is the simple answer that a model has to beat, by name."
    ),
    fix="Set the thresholds of the evaluation and name its floor: `EvaluationSpec` of `headway_components`.",
    passes=(
        _case("thresholds and a floor", *_ARGUMENTS),
        _case("written in one word", "--floor=base-rate", "--minimum-auc=0.7"),
        _case("a condition that compares with a number", "--metrics", "all", right=0.8),
    ),
    fails=(
        _case("no thresholds", "evaluate", "--floor", "base-rate", says="thresholds is nothing"),
        _case("no arguments at all", says="thresholds is nothing"),
        _case("an empty threshold", "--floor", "base-rate", "--minimum-auc", "", says="thresholds is"),
        _case(
            "thresholds of zero, which everything passes",
            "--floor",
            "base-rate",
            "--minimum-auc",
            "0",
            says="--minimum-auc 0",
        ),
        _case(
            "thresholds that a model reaches which guesses",
            *("--floor", "base-rate", "--minimum-logloss-improvement", "0.0"),
            *("--minimum-auc", "0.5", "--maximum-auc", "0.8"),
            says="guesses",
        ),
        _case(
            "a size of groups, which is no threshold",
            "--floor",
            "base-rate",
            "--minimum-group-size",
            "100",
            says="nothing",
        ),
        _case("no floor", "--minimum-auc", "0.66", says="floor is nothing"),
        _case("an empty floor", "--floor", "", "--minimum-auc", "0.66", says="floor is ''"),
    ),
    exempts=(Case(title="a pipeline that registers nothing", resources=(example(PIPELINE, definition()),)),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        Case(
            title="a definition that is not known yet",
            resources=(example(PIPELINE, {"pipelineDefinition": UNKNOWN}),),
            says="pipelineDefinition",
        ),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    gated = [each for each in registrations(resource) if each.is_gated]
    if not gated:
        yield NotApplicable(reason="the pipeline registers nothing behind an evaluation")
    for registration in gated:
        if not any(map(compares_with_number, registration.step.behind)):
            yield from _evaluated(registration)


def _evaluated(registration: Registration) -> Answers:
    given = [pair for step in registration.evaluations for pair in thresholds(step)]
    floors = [floor for step in registration.evaluations for floor in step.option("--floor")]
    place = f"{DEFINITION} Steps.{registration.evaluations[0].name}"
    wrong = [value for _, value in given if number(value) is None]
    if not given:
        yield Finding(path=f"{place} thresholds", got=None, want="at least one that asks for something")
    elif wrong:
        yield Finding(path=f"{place} thresholds", got=wrong[0], want="numbers")
    elif not any(_asks_for_something(name, number(value)) for name, value in given):
        got = " ".join(f"{name} {value}" for name, value in given)
        want = "at least one that asks for something: a model that guesses passes these"
        yield Finding(path=f"{place} thresholds", got=got, want=want)
    if not any(floors):
        yield Finding(
            path=f"{place} floor", got=floors[0] if floors else None, want="a model to beat, by name"
        )


def _asks_for_something(name: str, limit: float | None) -> bool:
    if limit is None or name == _LEAK:
        return False
    return name.startswith("--maximum-") or limit > _GUESSING.get(name, 0)
