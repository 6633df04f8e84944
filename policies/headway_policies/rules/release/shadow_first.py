"""A new model answers in the shadow before it answers anybody."""

import json

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.examples import example
from headway_policies.subjects.releases import PARAMETER, plan_of
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict, number


def _case(title: str, shadow: object, says: str = "", intent: Intent = PRODUCTION) -> Case:
    return _of(title, json.dumps({"ladder": [{"percent": 100}], "shadow": shadow}), says, intent)


def _of(title: str, value: object, says: str = "", intent: Intent = PRODUCTION) -> Case:
    parameter = example(PARAMETER, {"name": "/headway/flights/release-plan", "value": value})
    return Case(title=title, resources=(parameter,), says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-REL-005",
    slug="shadow-first",
    title="A new model answers in the shadow before it answers anybody",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(PARAMETER,),
    why="In the shadow a wrong format, a slow answer and a strange one cost nobody anything.",
    fix="Give the release plan a shadow stage with samples and a time limit.",
    passes=(
        _case("five hundred requests", {"samples": 500, "time_limit_s": 900}),
        _case("half of the traffic", {"sampling_percent": 50, "samples": 100, "time_limit_s": 900}),
    ),
    fails=(
        _case("none", None, says="shadow is nothing"),
        _case("without samples", {"samples": 0, "time_limit_s": 900}, says="shadow.samples is 0"),
        _case(
            "of no traffic",
            {"sampling_percent": 0, "samples": 9, "time_limit_s": 9},
            says="sampling_percent is 0",
        ),
        _case("without an end", {"samples": 500}, says="shadow.time_limit_s is nothing"),
    ),
    exempts=(
        _case("outside production", None, intent=DEVELOPMENT),
        _of("a parameter that holds something else", "on"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_of("a plan that is not known yet", UNKNOWN, says="value"),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests.html",),
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
    elif not isinstance(shadow := plan.document.get("shadow"), dict):
        yield Finding(path=f"{plan.path} shadow", got=shadow, want="a stage with samples and a time limit")
    else:
        optional = ("sampling_percent",) if "sampling_percent" in shadow else ()
        for name in ("samples", "time_limit_s", *optional):
            if not (number(shadow.get(name)) or 0) > 0:
                yield Finding(path=f"{plan.path} shadow.{name}", got=shadow.get(name), want="more than zero")
