"""Training and processing jobs encrypt their volumes and results with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples, definition, step
from headway_policies.subjects.jobs import NO_JOB, STEPS, TRAINING, TRAINING_JOB, Part, job_keys, jobs
from headway_policies.subjects.pipelines import PIPELINE

_case = Examples(
    TRAINING_JOB,
    {
        "resourceConfig": {"instanceType": "ml.m5.xlarge", "volumeKmsKeyId": KEY_ARN},
        "outputDataConfig": {"kmsKeyId": KEY_ARN},
    },
)
_CLUSTER = {"ClusterConfig": {"VolumeKmsKeyId": KEY_ARN}}
_pipeline = Examples(
    PIPELINE,
    definition(
        step("Processing", {"ProcessingOutputConfig": {"KmsKeyId": KEY_ARN}, "ProcessingResources": _CLUSTER})
    ),
)
_made = definition(
    step(
        "Training",
        {"OutputDataConfig": {"KmsKeyId": UNKNOWN}, "ResourceConfig": {"VolumeKmsKeyId": UNKNOWN}},
        "Train",
    )
)

RULE = Rule(
    id="HEADWAY-ENC-002",
    slug="jobs-keys",
    title="Training and processing jobs encrypt their volumes and results with a customer-managed key",
    since="0.1",
    severity=Severity.HIGH,
    resources=(*TRAINING, *STEPS),
    why=(
        "A job writes the training data to its volumes and the model to its output. Without a key of your "
        "own nobody can see who decrypts them, or make them unreadable at once."
    ),
    fix="Set the volume key and the output key of the job; `headway_components.TrainingPipeline` does.",
    passes=(
        _case("both keys"),
        _case(
            "a machine with disks of its own, for which AWS takes no key",
            {"resourceConfig": {"instanceType": "ml.g5.2xlarge"}},
        ),
        _pipeline("a pipeline with both keys"),
        _pipeline(
            "a pipeline with a key of the same stack, not known yet",
            _made,
            made_of={"pipelineDefinition": OWN_KEY},
        ),
    ),
    fails=(
        _case("no volume key", {"resourceConfig.volumeKmsKeyId": None}, says="resourceConfig.volumeKmsKeyId"),
        _case(
            "results under the key that AWS manages",
            {"outputDataConfig.kmsKeyId": AWS_KEY},
            says="outputDataConfig.kmsKeyId is 'alias/aws/sagemaker'",
        ),
        _case(
            "disks of its own, but no key of the results",
            {"resourceConfig": {"instanceType": "ml.p4d.24xlarge"}, "outputDataConfig": {"kmsKeyId": ""}},
            says="outputDataConfig.kmsKeyId is ''",
        ),
        _pipeline(
            "a transform step without keys",
            definition(step("Transform", {"TransformResources": {}}, "Score")),
            says="Steps.Score transformOutput.kmsKeyId",
        ),
    ),
    exempts=(_pipeline("a pipeline without jobs", definition(step("Fail", {}))),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a key that is made of nothing in the stack", {"outputDataConfig": UNKNOWN}, says="kmsKeyId"),
        _case(
            "a machine that is not known yet, without a key",
            {"resourceConfig": {"instanceType": UNKNOWN}},
            says="resourceConfig.instanceType",
        ),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/encryption-at-rest.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    found = [job for job in jobs(resource) if job.has(Part.OUTPUT_KEY)]
    if not found:
        yield NO_JOB
    for job in found:
        yield from job_keys(job)
