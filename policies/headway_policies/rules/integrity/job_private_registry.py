"""Jobs run images from a private registry."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import IMAGE, Examples, definition, step
from headway_policies.subjects.images import from_private_registry
from headway_policies.subjects.jobs import MONITORS, STEPS, TRAINING, TRAINING_JOB, Part, judged
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_case = Examples(TRAINING_JOB, {"algorithmSpecification": {"trainingImage": IMAGE}})
_pipeline = Examples(
    PIPELINE, definition(step("Processing", {"AppSpecification": {"ImageUri": IMAGE}}, "Load"))
)

RULE = Rule(
    id="HEADWAY-INT-004",
    slug="job-private-registry",
    title="Jobs run images from a private registry",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=tuple(dict.fromkeys((*TRAINING, *STEPS, *MONITORS))),
    why=(
        "A job holds the training data. A public image is code that its owner can change between two of its "
        "runs."
    ),
    fix="Copy the image to an Amazon ECR repository of yours and let the job name that.",
    passes=(
        _case("a private repository"),
        _case("an algorithm of AWS Marketplace", {"algorithmSpecification": {"algorithmName": "a"}}),
        _pipeline("a step of a pipeline"),
    ),
    fails=(
        _case(
            "a public image", {"algorithmSpecification.trainingImage": "pytorch/pytorch:2"}, says="pytorch"
        ),
        _pipeline(
            "a step with a public image",
            definition(step("Processing", {"AppSpecification": {"ImageUri": "ghcr.io/x/y"}}, "Load")),
            says="Steps.Load appSpecification.imageUri is 'ghcr.io/x/y'",
        ),
    ),
    exempts=(
        _case("outside production", {"algorithmSpecification.trainingImage": "x"}, intent=DEVELOPMENT),
        _pipeline("a pipeline without jobs", definition(step("Fail", {}))),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("not known yet", {"algorithmSpecification": UNKNOWN}, says="trainingImage"),
        _pipeline("a definition that is not known yet", {"pipelineDefinition": UNKNOWN}, says="Definition"),
    ),
    references=(
        "https://docs.aws.amazon.com/sagemaker/latest/dg/docker-containers-adapt-your-own-private-registry.html",
    ),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent, "aws-ai-security-v1"):
        yield NOT_PRODUCTION
        return
    yield from judged(resource, Part.IMAGE, from_private_registry)
