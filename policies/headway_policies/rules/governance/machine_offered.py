"""Machines are of a type that the region offers for what they do."""

from collections.abc import Iterator

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, NotKnownError, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import CONFIGURATION, VARIANTS, variants
from headway_policies.subjects.examples import definition, example, step
from headway_policies.subjects.jobs import MONITORS, SCHEDULE, STEPS, TRAINING, TRAINING_JOB, Part, jobs
from headway_policies.subjects.machines import Use, is_known, offered_instead, regions, regions_of
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import plain

_PROVIDER = "pulumi:providers:aws"
_USES = {"Training": Use.TRAINING, "Transform": Use.TRANSFORM}
"""Every other job is a processing job."""


def _endpoint(title: str, machine: object, region: object, says: str = "") -> Case:
    return Case(
        title=title,
        resources=(
            example(CONFIGURATION, {"productionVariants": [{"instanceType": machine}]}, "config"),
            *(() if region is None else (example(_PROVIDER, {"region": region}, "default"),)),
        ),
        says=says,
    )


def _step(title: str, machine: str, region: str, says: str = "") -> Case:
    arguments = {"ProcessingResources": {"ClusterConfig": {"InstanceType": machine}}}
    return Case(
        title=title,
        resources=(
            example(PIPELINE, definition(step("Processing", arguments, "Evaluate"))),
            example(_PROVIDER, {"region": region}, "default"),
        ),
        says=says,
    )


RULE = Rule(
    id="HEADWAY-GOV-008",
    slug="machine-offered",
    title="Machines are of a type that the region offers for what they do",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=tuple(dict.fromkeys((CONFIGURATION, *TRAINING, *STEPS, *MONITORS))),
    reads=(_PROVIDER,),
    why=(
        "What a region does not offer shows when the endpoint is made or the job starts, long after "
        "the design. The same type may be offered for an endpoint and not for a processing job. For training "
        "no public table says where a type is offered, so there only the type itself is checked."
    ),
    fix=(
        "Take a type that the region offers, or another region. Where AWS offers it since the table was made "
        "(`headway_policies/data/machines.json` says when), accept it with an exception until the next one."
    ),
    passes=(
        _endpoint("a machine that the region offers", "ml.m5.large", "eu-central-1"),
        _step("a step of a pipeline", "ml.m5.xlarge", "us-east-1"),
        Case(
            title="a type that training takes",
            resources=(example(TRAINING_JOB, {"resourceConfig": {"instanceType": "ml.p5.48xlarge"}}),),
        ),
        Case(
            title="one of two regions offers it",
            resources=(
                example(CONFIGURATION, {"productionVariants": [{"instanceType": "ml.g5.2xlarge"}]}),
                example(_PROVIDER, {"region": "us-west-1"}, "west"),
                example(_PROVIDER, {"region": "us-east-1"}, "east"),
            ),
        ),
    ),
    fails=(
        _endpoint(
            "a machine that the region does not offer",
            *("ml.g5.2xlarge", "us-west-1"),
            says="productionVariants[0].instanceType is 'ml.g5.2xlarge'",
        ),
        _endpoint("a type that there is not", "ml.m5.huge", None, says="'ml.m5.huge'"),
        _endpoint("an empty type", "", "eu-central-1", says="instanceType is ''"),
        _step(
            "a machine for endpoints in a step of a pipeline",
            *("ml.inf2.xlarge", "us-east-1"),
            says="Steps.Evaluate processingResources.clusterConfig.instanceType is 'ml.inf2.xlarge'",
        ),
        Case(
            title="the resource's own region counts before that of the provider",
            resources=(
                example(
                    SCHEDULE,
                    {
                        "region": "us-west-1",
                        "monitoringScheduleConfig": {
                            "monitoringJobDefinition": {
                                "monitoringResources": {"clusterConfig": {"instanceType": "ml.g5.xlarge"}}
                            }
                        },
                    },
                ),
                example(_PROVIDER, {"region": "us-east-1"}, "default"),
            ),
            says="us-west-1",
        ),
    ),
    exempts=(
        _endpoint("a region that the table does not hold", "ml.m5.large", "us-iso-east-1"),
        _endpoint("a region that is no text", "ml.m5.large", ["us-east-1"]),
        Case(
            title="no machine of its own",
            resources=(
                example(CONFIGURATION, {"productionVariants": [{"serverlessConfig": {"maxConcurrency": 5}}]}),
            ),
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _endpoint("a machine that is not known yet", UNKNOWN, "us-east-1", says="instanceType"),
        _endpoint("a region that is not known yet", "ml.m5.large", UNKNOWN, says="region"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/regions-quotas.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    asked = [machine for machine in _machines(resource) if machine[1] is not None]
    places = _places(resource, stack)
    if not asked:
        yield NotApplicable(reason="it asks for no machine")
    for path, kind, use in asked:
        if kind is UNKNOWN:
            yield Undecided(path=path)
        elif not is_known(use, str(kind)):
            yield Finding(path=path, got=kind, want=f"a type that SageMaker offers for {use.value}")
        elif UNKNOWN in places:
            yield Undecided(path="region")
        elif places and regions(use).isdisjoint(map(str, places)):
            yield from (() if use is Use.TRAINING else (_not_held(places),))
        elif places and not _is_offered(use, str(kind), places):
            yield Finding(path=path, got=kind, want=_want(use, str(kind), str(places[0])))


def _machines(resource: Resource) -> Iterator[tuple[str, object, Use]]:
    """For each machine that is asked for, where, what it is, and what for."""
    if resource.type == CONFIGURATION:
        for each in (variant for of in VARIANTS for variant in variants(resource, of)):
            path = f"{each.path}.instanceType"
            yield path, resource.value(path), Use.HOSTING
        return
    try:
        found = [job for job in jobs(resource) if job.has(Part.INSTANCE_TYPE)]
    except NotKnownError as error:
        yield error.path, UNKNOWN, Use.PROCESSING
        return
    for job in found:
        use = _USES.get(job.kind, Use.PROCESSING)
        yield job.place + job.path(Part.INSTANCE_TYPE), job.value(Part.INSTANCE_TYPE), use


def _places(resource: Resource, stack: Stack) -> tuple[object, ...]:
    """The region that the resource names itself, else those of the stack's providers."""
    own = resource.value("region")
    # Before an update the region of a resource that names none is not known, and is its provider's.
    if own is not None and own is not UNKNOWN:
        return (own,)
    told = (plain(provider.value("region")) for provider in stack.of_type(_PROVIDER))
    found = tuple(dict.fromkeys(region for region in told if region is not None))
    return found if found or own is None else (own,)


def _is_offered(use: Use, kind: str, places: tuple[object, ...]) -> bool:
    where = regions_of(use, kind)
    return not where or not where.isdisjoint(map(str, places))


def _not_held(places: tuple[object, ...]) -> NotApplicable:
    return NotApplicable(reason=f"the table of machines does not hold {', '.join(map(str, places))}")


def _want(use: Use, kind: str, region: str) -> str:
    instead = offered_instead(use, kind, region)
    such = f", such as {', '.join(instead)}" if instead else ""
    return f"a type that {region} offers for {use.value}{such}"
