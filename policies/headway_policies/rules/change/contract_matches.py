"""The models that a pipeline registers answer the contract that the endpoint declares."""

import json
from collections.abc import Iterator

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, NotJsonError, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.examples import DIGEST, definition, example, step
from headway_policies.subjects.gates import registrations
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import plain

_INVOCATION = "aws:lambda/invocation:Invocation"
_CONTRACT = "contract_digest"
_OTHER = f"sha256:{'0' * 64}"


def _declares(digest: object) -> Resource:
    text = digest if digest is UNKNOWN else json.dumps({"action": "declare", _CONTRACT: digest})
    return example(_INVOCATION, {"input": text}, "declaration")


def _case(title: str, registered: object, *others: Resource, says: str = "") -> Case:
    held = {} if registered is None else {_CONTRACT: registered}
    arguments = {"ModelPackageGroupName": "flights", "CustomerMetadataProperties": held}
    pipeline = example(PIPELINE, definition(step("RegisterModel", arguments, "Register")), "train")
    return Case(title=title, resources=(pipeline, *others), says=says)


RULE = Rule(
    id="HEADWAY-CHG-005",
    slug="contract-matches",
    title="The models that a pipeline registers answer the contract that the endpoint declares",
    since="0.1",
    severity=Severity.HIGH,
    resources=(PIPELINE,),
    reads=(_INVOCATION,),
    why=(
        "A contract fixes the features that come in, by version, and what goes out. A model of another one "
        "is trained, approved and refused by each request."
    ),
    fix="Train and serve from one contract: `headway_components.AISystem` passes the same to both.",
    passes=(
        _case("the same contract", DIGEST, _declares(DIGEST)),
        _case(
            "the same contract among several",
            DIGEST,
            _declares(DIGEST),
            example(_INVOCATION, {"input": "{}"}, "x"),
        ),
    ),
    fails=(
        _case("another contract", _OTHER, _declares(DIGEST), says=f"{_CONTRACT} is 'sha256:0"),
        _case("no contract", None, _declares(DIGEST), says=f"{_CONTRACT} is nothing"),
    ),
    exempts=(_case("an endpoint without a contract", DIGEST),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("a declaration that is not known yet", DIGEST, _declares(UNKNOWN), says="input"),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    declared = list(_declared(stack))
    contracts = {digest for _, digest in declared if isinstance(digest, str)}
    if not declared:
        yield NotApplicable(reason="nothing in the stack declares a contract")
    elif not contracts:
        yield Undecided(path="input", urn=declared[0][0].urn)
    else:
        for registration in registrations(resource):
            arguments, place = registration.step.arguments, registration.step.place
            digest = plain(arguments.value(f"customerMetadataProperties.{_CONTRACT}"))
            if digest not in contracts and digest is not UNKNOWN:
                yield Finding(path=f"{place}{_CONTRACT}", got=digest, want=" or ".join(sorted(contracts)))


def _declared(stack: Stack) -> Iterator[tuple[Resource, str | object]]:
    """The contracts that invocations of functions declare, each with its invocation."""
    for invocation in stack.of_type(_INVOCATION):
        if invocation.value("input") is UNKNOWN:
            yield invocation, UNKNOWN
            continue
        try:
            document = invocation.json("input")
        except NotJsonError:
            continue
        digest = document.get(_CONTRACT) if isinstance(document, dict) else None
        if isinstance(digest, str):
            yield invocation, digest
