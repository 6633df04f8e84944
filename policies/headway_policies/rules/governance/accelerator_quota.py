"""Machines with accelerators are backed by a quota or a reservation."""

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, NotKnownError, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import CONFIGURATION, variants
from headway_policies.subjects.examples import definition, example, step
from headway_policies.subjects.instances import is_accelerated
from headway_policies.subjects.jobs import TRAINING, TRAINING_JOB, Part, jobs
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict, plain

_QUOTA = "aws:servicequotas/serviceQuota:ServiceQuota"
_GPU = "ml.g5.2xlarge"
_GRANTED = example(_QUOTA, {"serviceCode": "sagemaker", "quotaCode": "L-1", "value": 4}, "quota")


def _variant(**more: object) -> Resource:
    return example(CONFIGURATION, {"productionVariants": [{"instanceType": _GPU, **more}]}, "config")


def _case(title: str, *resources: Resource, says: str = "", intent: Intent = PRODUCTION) -> Case:
    return Case(title=title, resources=resources, says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-GOV-004",
    slug="accelerator-quota",
    title="Machines with accelerators are backed by a quota or a reservation",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(CONFIGURATION, *TRAINING, PIPELINE),
    reads=(_QUOTA,),
    why=(
        "The quota of a new account for most of them is zero. That shows when the endpoint is to grow, not "
        "before."
    ),
    fix=(
        "Declare an aws.servicequotas.ServiceQuota of SageMaker, or name a capacity reservation or training "
        "plan."
    ),
    passes=(
        _case("a quota", _variant(), _GRANTED),
        _case("a reservation", _variant(capacityReservationConfig={"mlReservationArn": "arn"})),
        _case(
            "a training plan",
            example(TRAINING_JOB, {"resourceConfig": {"instanceType": _GPU, "trainingPlanArn": "arn"}}),
        ),
    ),
    fails=(
        _case(
            "an endpoint without either",
            _variant(),
            says="productionVariants[0].instanceType is 'ml.g5.2xlarge'",
        ),
        _case(
            "a step of a pipeline",
            example(
                PIPELINE, definition(step("Training", {"ResourceConfig": {"InstanceType": _GPU}}, "Train"))
            ),
            says="Steps.Train resourceConfig.instanceType",
        ),
        _case(
            "a quota of another service", _variant(), example(_QUOTA, {"serviceCode": "ec2"}), says="ml.g5"
        ),
    ),
    exempts=(
        _case("outside production", _variant(), intent=DEVELOPMENT),
        _case("no accelerator", _variant(instanceType="ml.m5.large")),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("a machine that is not known yet", _variant(instanceType=UNKNOWN), says="instanceType"),),
    references=("https://docs.aws.amazon.com/general/latest/gr/sagemaker.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    machines = list(_machines(resource))
    if not any(_needs(kind) for _, kind, _ in machines):
        yield NotApplicable(reason="it asks for no accelerator")
        return
    if any(plain(quota.value("serviceCode")) in {"sagemaker", UNKNOWN} for quota in stack.of_type(_QUOTA)):
        return
    for path, kind, reserved in machines:
        if kind is UNKNOWN:
            yield Undecided(path=path)
        elif _needs(kind) and not reserved:
            yield Finding(path=path, got=kind, want="a quota or a reservation for it in the stack")


def _needs(kind: object) -> bool:
    return kind is UNKNOWN or (isinstance(kind, str) and is_accelerated(kind))


def _machines(resource: Resource) -> list[tuple[str, object, bool]]:
    """For each kind of machine where it is asked for, what it is, and whether it is reserved."""
    if resource.type == CONFIGURATION:
        return [
            (
                f"{each.path}.instanceType",
                resource.value(f"{each.path}.instanceType"),
                resource.has(f"{each.path}.capacityReservationConfig"),
            )
            for each in variants(resource)
        ]
    try:
        found = [job for job in jobs(resource) if job.has(Part.INSTANCE_TYPE)]
    except NotKnownError as error:
        return [(error.path, UNKNOWN, False)]
    return [
        (
            job.place + job.path(Part.INSTANCE_TYPE),
            job.value(Part.INSTANCE_TYPE),
            job.resource.has(f"{job.before}resourceConfig.trainingPlanArn"),
        )
        for job in found
    ]
