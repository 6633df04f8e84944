"""A release begins small, grows at each step and ends with everybody."""

import json
from collections.abc import Mapping

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.examples import example
from headway_policies.subjects.releases import PARAMETER, Plan, plan_of
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict, number

_FIRST_PERCENT = 5


def _steps(*percents: object, **more: object) -> dict[str, object]:
    held = {"samples": 500, "time_limit_s": 3600, **more}
    return {"ladder": [{**held, "percent": percent} for percent in percents]}


def _case(title: str, plan: object, says: str = "", intent: Intent = PRODUCTION, path: str = "value") -> Case:
    text = plan if plan is UNKNOWN or isinstance(plan, str) else json.dumps(plan)
    parameter = example(PARAMETER, {"name": "/headway/flights/release-plan", path: text})
    return Case(title=title, resources=(parameter,), says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-REL-002",
    slug="release-ladder",
    title="A release begins small, grows at each step and ends with everybody",
    since="0.1",
    severity=Severity.HIGH,
    resources=(PARAMETER,),
    why=(
        "The first step is what a bad model costs. A step without samples and a time limit is a wait, not a "
        "judgement, and a ladder that does not end leaves two models in production for ever."
    ),
    fix="Begin with 5 % or less, rise to 100, and give each step samples and a time limit: `ReleasePlan`.",
    passes=(
        _case("five steps", _steps(1, 5, 25, 50, 100)),
        _case("testers before users", _steps(0, 1, 100)),
        _case("two steps, kept as a plain value", _steps(5, 100), path="insecureValue"),
    ),
    fails=(
        _case("beginning with half of all", _steps(50, 100), says="ladder[0].percent is 50"),
        _case("half of all after testers", _steps(0, 50, 100), says="ladder[1].percent is 50"),
        _case("testers alone", _steps(0), says="ladder[0].percent is 0"),
        _case("going back", _steps(1, 25, 5, 100), says="ladder[2].percent is 5"),
        _case("standing still", _steps(1, 1, 100), says="ladder[1].percent is 1"),
        _case("never ending", _steps(1, 5, 50), says="ladder[2].percent is 50"),
        _case("no steps", {"ladder": []}, says="ladder is []"),
        _case("no samples", _steps(1, 100, samples=0), says="ladder[0].samples is 0"),
        _case("no time limit", _steps(1, 100, time_limit_s=None), says="ladder[0].time_limit_s is nothing"),
        _case("more than everybody", _steps(1, 150), says="ladder[1].percent is 150"),
        _case("a percentage as nothing", _steps(None, 100), says="ladder[0].percent is nothing"),
    ),
    exempts=(
        _case("outside production", _steps(50, 100), intent=DEVELOPMENT),
        _case("a parameter that holds something else", "on"),
        _case("JSON that holds something else", {"steps": 3}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("a plan that is not known yet", UNKNOWN, says="value"),),
    references=("https://sre.google/workbook/canarying-releases/",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    plan = plan_of(resource)
    if not is_strict(intent):
        yield NOT_PRODUCTION
    elif plan is None:
        yield NotApplicable(reason="the parameter holds no release plan")
    elif plan.document is None:
        yield Undecided(path=plan.path)
    else:
        yield from _judged(plan)


def _judged(plan: Plan) -> Answers:
    steps = plan.listed("ladder")
    if not steps:
        yield Finding(path=f"{plan.path} ladder", got=[], want="steps from 5 % or less to 100")
    before = 0.0
    # At 0 % testers alone ask for the model, by its name.
    testers = bool(steps) and number(steps[0].get("percent")) == 0
    if testers:
        yield from _bounded(steps[0], f"{plan.path} ladder[0]")
        if len(steps) == 1:
            yield Finding(path=f"{plan.path} ladder[0].percent", got=0, want="100 at the end")
    for position, step in enumerate(steps[testers:], start=int(testers)):
        place = f"{plan.path} ladder[{position}]"
        percent = number(step.get("percent"))
        first, last = position == testers, position == len(steps) - 1
        if percent is None or percent <= before or (first and not last and percent > _FIRST_PERCENT):
            want = f"{_FIRST_PERCENT} or less" if first else f"more than {before:g}"
            yield Finding(path=f"{place}.percent", got=step.get("percent"), want=want)
        elif (last and percent != 100) or percent > 100 or (first and last):
            want = "100 at the end" if not first else f"a first step of {_FIRST_PERCENT} or less before it"
            yield Finding(path=f"{place}.percent", got=step.get("percent"), want=want)
        yield from _bounded(step, place)
        before = before if percent is None else percent


def _bounded(step: Mapping[str, object], place: str) -> Answers:
    for name in ("samples", "time_limit_s"):
        value = number(step.get(name))
        if value is None or value <= 0:
            yield Finding(path=f"{place}.{name}", got=step.get(name), want="more than zero")
