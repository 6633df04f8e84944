"""What SageMaker's monitors of an endpoint leave out is left out by name."""

import re
from collections.abc import Mapping

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import ENDPOINT
from headway_policies.subjects.examples import example
from headway_policies.subjects.jobs import DATA_QUALITY, SCHEDULE
from headway_policies.subjects.monitors import MONITORING, SCHEDULER, monitors
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict, plain

_KINDS = ("DataQuality", "ModelQuality", "ModelBias", "ModelExplainability")
_WAIVER = "headway:monitoring-waived"
_TYPE = "monitoringScheduleConfig.monitoringType"


def _schedule(kind: object) -> Resource:
    job = {"monitoringInputs": {"endpointInput": {"endpointName": "flights"}}}
    config = {"monitoringType": kind, "monitoringJobDefinition": job}
    return example(SCHEDULE, {"monitoringScheduleConfig": config}, f"schedule {kind}")


_NAMED = example(
    SCHEDULE,
    {"monitoringScheduleConfig": {"monitoringType": _KINDS[3], "monitoringJobDefinitionName": "explains"}},
    "named",
)
_EXPLAINS = example(
    DATA_QUALITY,
    {"name": "explains", "modelExplainabilityJobInput": {"endpointInput": {"endpointName": "flights"}}},
)


def _case(
    title: str,
    *kinds: object,
    waived: object = "",
    says: str = "",
    others: tuple[Resource, ...] = (),
    intent: Intent = PRODUCTION,
) -> Case:
    tags = waived if waived is UNKNOWN else {_WAIVER: waived}
    endpoint = example(ENDPOINT, {"name": "flights", "tags": tags}, "endpoint")
    return Case(title=title, resources=(endpoint, *map(_schedule, kinds), *others), says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-MON-009",
    slug="monitor-kinds",
    title="What SageMaker's monitors of an endpoint leave out is left out by name",
    since="0.1",
    severity=Severity.LOW,
    resources=(ENDPOINT,),
    reads=MONITORING,
    why=(
        "Data that looks as ever may be answered wrongly, and worse for some people than for others. Each "
        "kind of monitor sees one of these; a kind that nobody needs is a decision, not an omission."
    ),
    fix=(
        "Schedule a monitor of each kind, or name the kinds that are not needed in the endpoint's tag "
        f"`{_WAIVER}`: {', '.join(_KINDS)}."
    ),
    passes=(
        _case("all four", *_KINDS),
        _case("two, and two by name", *_KINDS[:2], waived="ModelBias ModelExplainability"),
        _case("by a job definition", *_KINDS[:3], others=(_NAMED, _EXPLAINS)),
        _case("by name in other letters", *_KINDS[:3], waived="modelexplainability"),
    ),
    fails=(
        _case("the data alone", "DataQuality", says="ModelQuality, ModelBias, ModelExplainability"),
        _case("the same twice", "DataQuality", "DataQuality", says="ModelQuality"),
        _case("a name that is no kind", *_KINDS[:3], waived="everything", says="ModelExplainability"),
        _case("an empty name", *_KINDS[:3], waived="", says="ModelExplainability"),
    ),
    exempts=(
        _case("outside production", "DataQuality", intent=DEVELOPMENT),
        _case("no monitor, which another rule asks for"),
        _case(
            "a monitor of its own, which looks by a plan of its own",
            others=(example(SCHEDULER, {"target": {"input": '{"endpoint": "flights"}'}}),),
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a kind that is not known yet", "DataQuality", UNKNOWN, says="monitoringType"),
        _case("tags that are not known yet", "DataQuality", waived=UNKNOWN, says="tags"),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    found, _ = monitors(stack, resource)
    schedules = [item for item in found if item.type == SCHEDULE]
    if not schedules or len(schedules) < len(found):
        reason = "a monitor of its own looks at it" if found else "no monitor looks at it"
        yield NotApplicable(reason=reason)
        return
    seen = {plain(item.value(_TYPE)) for item in schedules}
    missing = [kind for kind in _KINDS if kind not in seen and kind.lower() not in _waived(resource)]
    unknown = next((item for item in schedules if item.value(_TYPE) is UNKNOWN), None)
    if missing and unknown is not None:
        yield Undecided(path=_TYPE, urn=unknown.urn)
    elif missing and resource.value("tags") is UNKNOWN:
        yield Undecided(path="tags")
    elif missing:
        want = f"also monitors of {', '.join(missing)}, or these in the tag {_WAIVER}"
        yield Finding(path="kinds of monitors", got=sorted(map(str, seen)), want=want)


def _waived(resource: Resource) -> frozenset[str]:
    tags = resource.value("tags")
    text = tags.get(_WAIVER) if isinstance(tags, Mapping) else ""
    return frozenset(re.split(r"[\s,/:]+", text.lower())) if isinstance(text, str) else frozenset()
