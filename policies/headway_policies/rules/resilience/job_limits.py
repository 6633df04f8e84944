"""Jobs end by themselves, and cheap machines lose no work."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples, definition, step
from headway_policies.subjects.jobs import NO_JOB, STEPS, TRAINING, TRAINING_JOB, Part, jobs
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import is_set, number, truth

_LIMIT = "stoppingCondition.maxRuntimeInSeconds"
_SPOT = "enableManagedSpotTraining"
_case = Examples(TRAINING_JOB, {"stoppingCondition": {"maxRuntimeInSeconds": 7200}})
_pipeline = Examples(
    PIPELINE, definition(step("Training", {"StoppingCondition": {"MaxRuntimeInSeconds": 7200}}, "Train"))
)

RULE = Rule(
    id="HEADWAY-BKP-005",
    slug="job-limits",
    title="Jobs end by themselves, and cheap machines lose no work",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(*TRAINING, *STEPS),
    why=(
        "A job that hangs runs, and costs, until somebody looks. A spot machine is taken away at any moment; "
        "without checkpoints the work begins again each time."
    ),
    fix="Set `max_runtime_in_seconds`; with managed spot training set `checkpoint_config` too.",
    passes=(
        _case("a limit"),
        _case(
            "spot machines with checkpoints",
            {_SPOT: True, "checkpointConfig": {"s3Uri": "s3://data-1/points"}},
        ),
        _pipeline("a step with a limit"),
    ),
    fails=(
        _case("no limit", {"stoppingCondition": None}, says=f"{_LIMIT} is nothing"),
        _case("a limit of zero", {_LIMIT: 0}, says=f"{_LIMIT} is 0"),
        _case("spot machines without checkpoints", {_SPOT: True}, says="checkpointConfig.s3Uri is nothing"),
        _pipeline(
            "a step without a limit", definition(step("Training", {}, "Train")), says=f"Steps.Train {_LIMIT}"
        ),
    ),
    exempts=(_pipeline("a pipeline without jobs", definition(step("Fail", {}))),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("spot or not is not known yet", {_SPOT: UNKNOWN}, says=_SPOT),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    found = [job for job in jobs(resource) if job.has(Part.LIMIT)]
    if not found:
        yield NO_JOB
    for job in found:
        limit = job.path(Part.LIMIT)
        if job.resource.value(limit) is UNKNOWN:
            yield from job.placed(iter((Undecided(path=limit),)))
        elif not number(job.resource.value(limit)):
            got = job.resource.value(limit)
            yield from job.placed(iter((Finding(path=limit, got=got, want="a limit in seconds"),)))
        spot = truth(job.resource.value(f"{job.before}{_SPOT}"))
        checkpoint = f"{job.before}checkpointConfig.s3Uri"
        if spot is UNKNOWN and not job.resource.has(checkpoint):
            yield from job.placed(iter((Undecided(path=f"{job.before}{_SPOT}"),)))
        elif spot is True:
            yield from job.placed(is_set(job.resource, checkpoint, "where checkpoints are kept"))
