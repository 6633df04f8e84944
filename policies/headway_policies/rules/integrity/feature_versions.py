"""A training names the versions of the features that it takes."""

import re
from collections.abc import Iterator

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.erasure import FEATURE_GROUP
from headway_policies.subjects.examples import DIGEST, definition, example, step
from headway_policies.subjects.gates import registrations
from headway_policies.subjects.pipelines import DEFINITION, PIPELINE, steps

_OPTION = "--feature-contract"
_NAMED = re.compile(r"[\w-]+=(sha256:)?[0-9a-f]{40,64}")
_GROUP = example(FEATURE_GROUP, {"featureGroupName": "carriers-v1"}, "carriers")
_REGISTER = step("RegisterModel", {"ModelPackageGroupName": "flights"}, "Register")


def _case(title: str, *arguments: str, says: str = "", groups: tuple[Resource, ...] = (_GROUP,)) -> Case:
    prepare = step("Processing", {"AppSpecification": {"ContainerArguments": list(arguments)}}, "Prepare")
    pipeline = example(PIPELINE, definition(prepare, _REGISTER), "train")
    return Case(title=title, resources=(pipeline, *groups), says=says)


RULE = Rule(
    id="HEADWAY-INT-013",
    slug="feature-versions",
    title="A training names the versions of the features that it takes",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(PIPELINE,),
    reads=(FEATURE_GROUP,),
    why=(
        "A feature that changes its meaning changes every model that takes it. By version and digest each "
        "model says which meaning it learned, and an old one is served as long as a model needs it."
    ),
    fix="Name each contract with its digest: `--feature-contract carriers-v1=sha256:…`, as `AISystem` does.",
    passes=(
        _case("a version with its digest", _OPTION, f"carriers-v1={DIGEST}"),
        _case("two of them", f"{_OPTION}=carriers-v1={DIGEST}", f"{_OPTION}=origins-v2={DIGEST}"),
    ),
    fails=(
        _case("none", "prepare", says=f"{_OPTION} is nothing"),
        _case("a name alone", _OPTION, "carriers", says="'carriers'"),
        _case("an empty one", _OPTION, "", says=f"{_OPTION} is ''"),
        _case("a version without a digest", _OPTION, "carriers-v1=latest", says="'carriers-v1=latest'"),
    ),
    exempts=(
        _case("a stack without stored features", groups=()),
        Case(title="a pipeline that registers nothing", resources=(example(PIPELINE, definition()), _GROUP)),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        Case(
            title="a definition that is not known yet",
            resources=(example(PIPELINE, {DEFINITION: UNKNOWN}), _GROUP),
            says=DEFINITION,
        ),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    if not stack.of_type(FEATURE_GROUP):
        yield NotApplicable(reason="the stack stores no features")
    elif not registrations(resource):
        yield NotApplicable(reason="the pipeline registers no model")
    else:
        named = list(_named(resource))
        wrong = next((value for value in named if _NAMED.fullmatch(value) is None), None)
        if wrong is not None or not named:
            want = "each feature contract by version, with its digest"
            yield Finding(path=f"{DEFINITION} {_OPTION}", got=wrong, want=want)


def _named(pipeline: Resource) -> Iterator[str]:
    for each in steps(pipeline):
        yield from each.option(_OPTION)
