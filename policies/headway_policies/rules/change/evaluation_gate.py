"""A production model is registered only after an evaluation let it."""

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, NotKnownError, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import ENDPOINT
from headway_policies.subjects.examples import definition, example, step
from headway_policies.subjects.gates import registrations
from headway_policies.subjects.pipelines import DEFINITION, PIPELINE
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_ENDPOINT = example(ENDPOINT, {"name": "flights"}, "endpoint")
_REGISTER = step("RegisterModel", {"ModelPackageGroupName": "flights"}, "Register")
_EVALUATE = step("Processing", {}, "Evaluate")
_PASSED = {
    "Type": "Equals",
    "LeftValue": {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Decision"}}},
    "RightValue": True,
}


def _gate(*then: object, condition: object = None, otherwise: tuple[object, ...] = ()) -> dict[str, object]:
    conditions = [_PASSED if condition is None else condition]
    arguments = {"Conditions": conditions, "IfSteps": list(then), "ElseSteps": list(otherwise)}
    return step("Condition", arguments, "Gate")


def _case(title: str, *steps: dict[str, object], says: str = "", intent: Intent = PRODUCTION) -> Case:
    pipeline = (example(PIPELINE, definition(*steps), "train"),) if steps else ()
    return Case(title=title, resources=(_ENDPOINT, *pipeline), says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-CHG-001",
    slug="evaluation-gate",
    title="A production model is registered only after an evaluation let it",
    since="0.1",
    severity=Severity.CRITICAL,
    resources=(ENDPOINT,),
    reads=(PIPELINE,),
    why=(
        "Without a gate a training that went wrong ships like one that went well. An evaluation whose result "
        "nothing reads is a report, not a gate."
    ),
    fix="Register inside a condition that reads the evaluation's result; `headway_components` pipelines do.",
    passes=(
        _case("behind a condition on an evaluation", _EVALUATE, _gate(_REGISTER)),
        _case("two conditions, one inside the other", _EVALUATE, _gate(_gate(_REGISTER))),
    ),
    fails=(
        _case("no pipeline", says="evaluation gate is nothing"),
        _case("a pipeline that registers nothing", _EVALUATE, says="evaluation gate is nothing"),
        _case(
            "registered in any case", _EVALUATE, _REGISTER, says="Steps.Register is 'outside of any condition"
        ),
        _case(
            "a condition on something else",
            _EVALUATE,
            _gate(_REGISTER, condition={"LeftValue": {"Get": "Parameters.Deploy"}, "RightValue": "yes"}),
            says="Steps.Register is",
        ),
        _case(
            "one of two registrations behind it",
            _EVALUATE,
            _gate(_REGISTER),
            step("RegisterModel", {"ModelPackageGroupName": "flights"}, "Again"),
            says="Steps.Again is",
        ),
    ),
    exempts=(_case("outside production", intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        Case(
            title="a definition that is not known yet",
            resources=(_ENDPOINT, example(PIPELINE, {"pipelineDefinition": UNKNOWN}, "train")),
            says="pipelineDefinition",
        ),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html",),
)


@RULE.check_edges
def _(_resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    any_registration, unknown = False, None
    for pipeline in stack.of_type(PIPELINE):
        try:
            found = registrations(pipeline)
        except NotKnownError:
            unknown = pipeline
            continue
        for registration in found:
            any_registration = True
            if not registration.is_gated:
                path = f"{DEFINITION} Steps.{registration.step.name}"
                want = "one on the result of an evaluation"
                yield Finding(
                    path=path, got="outside of any condition on a result", want=want, urn=pipeline.urn
                )
    if unknown is not None and not any_registration:
        yield Undecided(path=DEFINITION, urn=unknown.urn)
    elif not any_registration:
        yield Finding(path="evaluation gate", got=None, want="a pipeline that registers behind an evaluation")
