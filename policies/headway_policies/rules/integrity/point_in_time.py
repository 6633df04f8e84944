"""A model is evaluated on days that come after those it learned from."""

import re

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.examples import definition, example, step
from headway_policies.subjects.pipelines import PIPELINE, Step, steps

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(T.*)?")
_TRAIN, _EVALUATE = "--train-until", "--evaluate-until"


def _case(title: str, *arguments: str, says: str = "") -> Case:
    prepare = step("Processing", {"AppSpecification": {"ContainerArguments": list(arguments)}}, "Prepare")
    return Case(title=title, resources=(example(PIPELINE, definition(prepare)),), says=says)


RULE = Rule(
    id="HEADWAY-INT-011",
    slug="point-in-time",
    title="A model is evaluated on days that come after those it learned from",
    since="0.1",
    severity=Severity.HIGH,
    resources=(PIPELINE,),
    why=(
        "A model that is asked about days it has seen knows the answer. It is excellent until it is deployed."
    ),
    fix="Let `train_until` lie before `evaluate_until`, both as days.",
    passes=(
        _case("two months later", _TRAIN, "2026-01-01", _EVALUATE, "2026-03-01"),
        _case("written in one word", f"{_TRAIN}=2026-01-01", f"{_EVALUATE}=2026-01-02"),
    ),
    fails=(
        _case(
            "the same day",
            _TRAIN,
            "2026-01-01",
            _EVALUATE,
            "2026-01-01",
            says="--evaluate-until is '2026-01-01'",
        ),
        _case(
            "before", _TRAIN, "2026-03-01", _EVALUATE, "2026-01-01", says="--evaluate-until is '2026-01-01'"
        ),
        _case("no end of the evaluation", _TRAIN, "2026-01-01", says="--evaluate-until is nothing"),
        _case("no day", _TRAIN, "yesterday", _EVALUATE, "2026-01-01", says="--train-until is 'yesterday'"),
    ),
    exempts=(_case("data that is not divided by time", "prepare"),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        Case(
            title="a definition that is not known yet",
            resources=(example(PIPELINE, {"pipelineDefinition": UNKNOWN}),),
            says="pipelineDefinition",
        ),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-create-a-dataset.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    divided = [each for each in steps(resource) if each.option(_TRAIN) or each.option(_EVALUATE)]
    if not divided:
        yield NotApplicable(reason="no step divides its data by time")
    for each in divided:
        yield from _ordered(each)


def _ordered(divided: Step) -> Answers:
    days = {name: next(iter(divided.option(name)), None) for name in (_TRAIN, _EVALUATE)}
    wrong = [name for name, day in days.items() if day is None or not _DAY.fullmatch(day)]
    for name in wrong:
        yield Finding(path=f"{divided.place}{name}", got=days[name], want="a day, like 2026-01-31")
    # Days in ISO 8601 are in the order of their letters.
    if not wrong and str(days[_EVALUATE]) <= str(days[_TRAIN]):
        want = f"a day after {days[_TRAIN]}"
        yield Finding(path=f"{divided.place}{_EVALUATE}", got=days[_EVALUATE], want=want)
