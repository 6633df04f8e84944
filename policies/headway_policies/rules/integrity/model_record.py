"""A registered model says what it was made of."""

import re
from collections.abc import Mapping

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import DIGEST, IMAGE, Examples, definition, step
from headway_policies.subjects.gates import registrations
from headway_policies.subjects.images import is_pinned
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_DIGEST = re.compile(r"(sha(256|512):)?[0-9a-f]{40,128}")


def _register(properties: object, image: object = IMAGE) -> dict[str, object]:
    arguments = {
        "ModelPackageGroupName": "flights",
        "CustomerMetadataProperties": properties,
        "InferenceSpecification": {"Containers": [{"Image": image}]},
    }
    return definition(step("RegisterModel", arguments, "Register"))


_ALL = {"code_digest": DIGEST, "training_digest": DIGEST, "contract_digest": DIGEST}
_case = Examples(PIPELINE, _register(_ALL))

RULE = Rule(
    id="HEADWAY-INT-010",
    slug="model-record",
    title="A registered model says what it was made of",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(PIPELINE,),
    why=(
        "When a model does harm the question is what made it: which code, which settings, which image. What "
        "is not written down when it is registered is never found again."
    ),
    fix=(
        "Give the registration the digests of code and training in `CustomerMetadataProperties`, and a "
        "pinned image."
    ),
    passes=(
        _case("digests of code and training"),
        _case(
            "a commit",
            _register({"git_commit": "5d1a3b0c4e8f97260b3d5a7c9e1f2042648a6c8e", "training_digest": DIGEST}),
        ),
    ),
    fails=(
        _case("nothing", _register({}), says="customerMetadataProperties is {}"),
        _case("one digest", _register({"code_digest": DIGEST}), says="customerMetadataProperties is"),
        _case(
            "words in place of digests", _register({"code": "main", "data": "new"}), says="customerMetadata"
        ),
        _case("an image by tag", _register(_ALL, IMAGE.partition("@")[0]), says="containers[0].image"),
    ),
    exempts=(
        _case("outside production", _register({}), intent=DEVELOPMENT),
        _case("a pipeline that registers nothing", definition(step("Fail", {}))),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "a definition that is not known yet", {"pipelineDefinition": UNKNOWN}, says="pipelineDefinition"
        ),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/lineage-tracking.html",),
)

_ENOUGH = 2


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    found = registrations(resource)
    if not found:
        yield NotApplicable(reason="the pipeline registers no model")
    for registration in found:
        arguments, place = registration.step.arguments, registration.step.place
        held = arguments.value("customerMetadataProperties")
        values = held.values() if isinstance(held, Mapping) else ()
        digests = [value for value in values if isinstance(value, str) and _DIGEST.fullmatch(value)]
        if len(digests) < _ENOUGH and held is not UNKNOWN:
            want = "digests of the code and of the training"
            yield Finding(path=f"{place}customerMetadataProperties", got=held, want=want)
        for path in arguments.items("inferenceSpecification.containers"):
            for answer in is_pinned(arguments, f"{path}.image"):
                if isinstance(answer, Finding):
                    yield Finding(path=place + answer.path, got=answer.got, want=answer.want)
                else:
                    yield answer
