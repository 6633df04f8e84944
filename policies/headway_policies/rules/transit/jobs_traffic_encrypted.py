"""Jobs on more than one machine encrypt what their machines send to each other."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples, definition, step
from headway_policies.subjects.jobs import NO_JOB, STEPS, TRAINING, TRAINING_JOB, Part, jobs
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import is_on, number

_case = Examples(
    TRAINING_JOB,
    {"enableInterContainerTrafficEncryption": True, "resourceConfig": {"instanceCount": 2}},
)
_pipeline = Examples(
    PIPELINE,
    definition(
        step(
            "Training",
            {"EnableInterContainerTrafficEncryption": True, "ResourceConfig": {"InstanceCount": 4}},
        ),
    ),
)

RULE = Rule(
    id="HEADWAY-TLS-002",
    slug="jobs-traffic-encrypted",
    title="Jobs on more than one machine encrypt what their machines send to each other",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(*TRAINING, *STEPS),
    why=(
        "Machines that train together exchange the data and what the model learned from it, in the clear "
        "unless they are told otherwise."
    ),
    fix="Set encryption of the traffic between containers, or train on one machine.",
    passes=(
        _case("encrypted"),
        _case(
            "one machine, which sends to nobody",
            {"enableInterContainerTrafficEncryption": False, "resourceConfig.instanceCount": 1},
        ),
        _pipeline("a step of a pipeline"),
    ),
    fails=(
        _case(
            "two machines, left out",
            {"enableInterContainerTrafficEncryption": None},
            says="enableInterContainerTrafficEncryption is nothing",
        ),
        _case(
            "two groups of one machine",
            {
                "enableInterContainerTrafficEncryption": False,
                "resourceConfig": {"instanceGroups": [{"instanceCount": 1}, {"instanceCount": 1}]},
            },
            says="enableInterContainerTrafficEncryption is False",
        ),
        _pipeline(
            "a processing step on two machines",
            definition(
                step("Processing", {"ProcessingResources": {"ClusterConfig": {"InstanceCount": 2}}}, "Join")
            ),
            says="Steps.Join networkConfig.enableInterContainerTrafficEncryption",
        ),
    ),
    exempts=(_pipeline("a pipeline without jobs", definition(step("Fail", {}))),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "a number of machines that is not known yet",
            {"enableInterContainerTrafficEncryption": None, "resourceConfig.instanceCount": UNKNOWN},
            says="resourceConfig.instanceCount",
        ),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/train-encrypt.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    found = [job for job in jobs(resource) if job.has(Part.TRAFFIC)]
    if not found:
        yield NO_JOB
    for job in found:
        answers = tuple(is_on(job.resource, job.path(Part.TRAFFIC)))
        counts = [job.value(Part.INSTANCE_COUNT)]
        groups = job.path(Part.INSTANCE_COUNT).replace("instanceCount", "instanceGroups")
        counts += [job.resource.value(f"{path}.instanceCount") for path in job.resource.items(groups)]
        if UNKNOWN in counts and answers:
            yield from job.placed(iter((Undecided(path=job.path(Part.INSTANCE_COUNT)),)))
        elif sum(number(count) or 0 for count in counts) > 1:
            yield from job.placed(iter(answers))
