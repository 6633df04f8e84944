"""Production jobs run in a network of their owner's."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples, as_text, definition, step
from headway_policies.subjects.jobs import STEPS, TRAINING, TRAINING_JOB, TUNING_JOB, Part, judged
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import NOT_PRODUCTION, is_set, is_strict

_VPC = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
_case = Examples(TRAINING_JOB, {"vpcConfig": {"subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}})
_tuning = Examples(TUNING_JOB, {"trainingJobDefinition": {"vpcConfig": {"subnets": ["subnet-1"]}}})
_pipeline = Examples(
    PIPELINE,
    definition(
        step("Processing", {"NetworkConfig": {"VpcConfig": _VPC}}, "Prepare"),
        step("Training", {"VpcConfig": _VPC}, "Train"),
    ),
)
_open = definition(step("Training", {}, "Train"))

RULE = Rule(
    id="HEADWAY-NET-003",
    slug="jobs-in-vpc",
    title="Production jobs run in a network of their owner's",
    since="0.1",
    severity=Severity.HIGH,
    resources=(*TRAINING, *STEPS),
    why=(
        "Jobs read the training data. Outside of your network they do so over AWS's shared one, where no "
        "flow log of yours sees where the data goes."
    ),
    fix=(
        "Set `vpc_config` of the job; in production `headway_components.TrainingPipeline` does for each step."
    ),
    passes=(
        _case("a training job in a network"),
        _tuning("a tuning job in a network"),
        _pipeline("a pipeline whose steps are all in a network"),
    ),
    fails=(
        _case("a training job without", {"vpcConfig": None}, says="vpcConfig.subnets is nothing"),
        _tuning(
            "a tuning job without",
            {"trainingJobDefinition.vpcConfig": None},
            says="trainingJobDefinition.vpcConfig.subnets",
        ),
        _pipeline("a pipeline with a step without", _open, says="pipelineDefinition Steps.Train vpcConfig"),
        _pipeline("a definition as text", as_text(_open, "pipelineDefinition"), says="Steps.Train"),
    ),
    exempts=(
        _case("outside production", {"vpcConfig": None}, intent=DEVELOPMENT),
        _pipeline("a pipeline without jobs", definition(step("Fail", {}))),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _pipeline("a definition that is not known yet", {"pipelineDefinition": UNKNOWN}, says="Definition"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/train-vpc.html",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    yield from judged(resource, Part.SUBNETS, lambda job, path: is_set(job, path, "the subnets of the job"))
