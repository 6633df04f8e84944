"""Training and processing jobs run without a network of their own."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples, definition, step
from headway_policies.subjects.jobs import STEPS, TRAINING, TRAINING_JOB, TUNING_JOB, Part, judged
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import is_on

_case = Examples(TRAINING_JOB, {"enableNetworkIsolation": True})
_tuning = Examples(TUNING_JOB, {"trainingJobDefinitions": [{"enableNetworkIsolation": True}]})
_pipeline = Examples(
    PIPELINE,
    definition(
        step("Processing", {"NetworkConfig": {"EnableNetworkIsolation": True}}, "Prepare"),
        step("Training", {"EnableNetworkIsolation": True}, "Train"),
    ),
)

RULE = Rule(
    id="HEADWAY-NET-004",
    slug="jobs-network-isolation",
    title="Training and processing jobs run without a network of their own",
    since="0.1",
    severity=Severity.HIGH,
    resources=(*TRAINING, *STEPS),
    why=(
        "A job holds the training data and runs libraries that other people wrote. With a network, one bad "
        "dependency is enough to carry the data out."
    ),
    fix="Set network isolation of the job; `headway_components.TrainingPipeline` does for each step.",
    passes=(
        _case("an isolated training job"),
        _tuning("an isolated tuning job"),
        _pipeline("a pipeline of isolated steps"),
    ),
    fails=(
        _case("left out", {"enableNetworkIsolation": None}, says="enableNetworkIsolation is nothing"),
        _tuning(
            "one definition of a tuning job that is not",
            {"trainingJobDefinitions[0].enableNetworkIsolation": False},
            says="trainingJobDefinitions[0].enableNetworkIsolation is False",
        ),
        _pipeline(
            "a step inside a condition that is not",
            definition(
                step("Condition", {"IfSteps": [step("Transform", {}), step("Training", {}, "Again")]})
            ),
            says="Steps.Again enableNetworkIsolation is nothing",
        ),
    ),
    exempts=(_pipeline("a pipeline without jobs", definition(step("Fail", {}))),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("not known yet", {"enableNetworkIsolation": UNKNOWN}, says="enableNetworkIsolation"),
        _pipeline("a definition that is not known yet", {"pipelineDefinition": UNKNOWN}, says="Definition"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from judged(resource, Part.ISOLATION, is_on)
