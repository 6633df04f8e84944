"""Errors and latency each send a release back."""

import json
from collections.abc import Mapping

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.examples import example
from headway_policies.subjects.releases import PARAMETER, plan_of
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict, number

_ERRORS = {"name": "errors", "ceiling": 0.02, "tolerance_ratio": 1.0, "required": True}
_LATENCY = {"name": "latency", "ceiling": None, "tolerance_ratio": 1.1, "required": True}
_LADDER = [{"percent": 1}, {"percent": 100}]


def _case(title: str, *metrics: Mapping[str, object], says: str = "", inconclusive: object = "hold") -> Case:
    plan = {"ladder": _LADDER, "metrics": list(metrics), "inconclusive": inconclusive}
    return _of(title, json.dumps(plan), says)


def _of(title: str, value: object, says: str = "", intent: Intent = PRODUCTION) -> Case:
    parameter = example(PARAMETER, {"name": "/headway/flights/release-plan", "value": value})
    return Case(title=title, resources=(parameter,), says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-REL-003",
    slug="rollback-triggers",
    title="Errors and latency each send a release back",
    since="0.1",
    severity=Severity.HIGH,
    resources=(PARAMETER,),
    why=(
        "A step that nothing can end is a delay. A model that is wrong in time is noticed, one that is slow "
        "is left."
    ),
    fix="Give the plan a metric for errors and one for latency, required, each with a limit.",
    passes=(
        _case("both with a limit", _ERRORS, _LATENCY),
        _case("latency by its percentile", _ERRORS, {**_LATENCY, "name": "latency_p99"}),
        _case("more of them", _ERRORS, _LATENCY, {"name": "divergence"}, inconclusive="roll_back"),
    ),
    fails=(
        _case("no metrics", says="metrics.errors is nothing"),
        _case("no latency", _ERRORS, says="metrics.latency is nothing"),
        _case(
            "errors that do not count",
            {**_ERRORS, "required": False},
            _LATENCY,
            says="metrics.errors.required",
        ),
        _case(
            "latency without a limit", _ERRORS, {"name": "latency"}, says="metrics.latency limit is nothing"
        ),
        _case("going on when nobody can tell", _ERRORS, _LATENCY, inconclusive="promote", says="'promote'"),
    ),
    exempts=(
        _of("outside production", json.dumps({"ladder": _LADDER}), intent=DEVELOPMENT),
        _of("a parameter that holds something else", "on"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_of("a plan that is not known yet", UNKNOWN, says="value"),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html",),
)

_GOES_ON = frozenset({"promote", "continue", "succeed", "advance"})


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
        metrics = plan.listed("metrics")
        for word in ("errors", "latency"):
            found = [metric for metric in metrics if str(metric.get("name")).partition("_")[0] == word]
            yield from _trigger(found, f"{plan.path} metrics.{word}")
        if plan.document.get("inconclusive") in _GOES_ON:
            got = plan.document.get("inconclusive")
            yield Finding(path=f"{plan.path} inconclusive", got=got, want="hold, roll_back or ask")


def _trigger(metrics: list[Mapping[str, object]], place: str) -> Answers:
    required = [metric for metric in metrics if metric.get("required", True) is not False]
    limited = [
        metric
        for metric in required
        if number(metric.get("ceiling")) is not None or number(metric.get("tolerance_ratio")) is not None
    ]
    if not metrics:
        yield Finding(path=place, got=None, want="a metric with a limit")
    elif not required:
        yield Finding(path=f"{place}.required", got=False, want="True")
    elif not limited:
        yield Finding(path=f"{place} limit", got=None, want="a ceiling or a tolerance")
