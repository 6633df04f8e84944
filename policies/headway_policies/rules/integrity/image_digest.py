"""Images are named by their digest."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.endpoints import MODEL, containers
from headway_policies.subjects.examples import IMAGE, Examples, definition, step
from headway_policies.subjects.images import is_pinned
from headway_policies.subjects.jobs import STEPS, TRAINING, TRAINING_JOB, Part, judged
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_TAGGED = IMAGE.partition("@")[0] + ":latest"
_case = Examples(MODEL, {"primaryContainer": {"image": IMAGE}})
_job = Examples(TRAINING_JOB, {"algorithmSpecification": {"trainingImage": IMAGE}})
_pipeline = Examples(
    PIPELINE, definition(step("Training", {"AlgorithmSpecification": {"TrainingImage": _TAGGED}}, "Train"))
)

RULE = Rule(
    id="HEADWAY-INT-005",
    slug="image-digest",
    title="Images are named by their digest",
    since="0.1",
    severity=Severity.HIGH,
    resources=(MODEL, *TRAINING, *STEPS),
    why=(
        "A tag is moved: what was evaluated yesterday is not what starts when the endpoint grows tonight, "
        "and nobody can say which of the two answered."
    ),
    fix="Name the image as `repository@sha256:...`; pushing it prints the digest.",
    passes=(
        _case("a model by digest"),
        _job("a job by digest"),
        _case(
            "an inference pipeline by digest", {"primaryContainer": None, "containers": [{"image": IMAGE}]}
        ),
    ),
    fails=(
        _case("a tag", {"primaryContainer.image": _TAGGED}, says="runtime:latest"),
        _case("neither tag nor digest", {"primaryContainer.image": IMAGE.partition("@")[0]}, says="runtime'"),
        _case("half a digest", {"primaryContainer.image": IMAGE[:-8]}, says="image is"),
        _pipeline("a step by tag", says="Steps.Train algorithmSpecification.trainingImage"),
    ),
    exempts=(_case("outside production", {"primaryContainer.image": _TAGGED}, intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"primaryContainer.image": UNKNOWN}, says="primaryContainer.image"),),
    references=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
    elif resource.type == MODEL:
        for path in containers(resource):
            yield from is_pinned(resource, f"{path}.image")
    else:
        yield from judged(resource, Part.IMAGE, is_pinned)
