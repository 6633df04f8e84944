"""Images are scanned when they are pushed."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.examples import Examples, example
from headway_policies.subjects.values import is_on, plain

_TYPE = "aws:ecr/repository:Repository"
_REGISTRY = "aws:ecr/registryScanningConfiguration:RegistryScanningConfiguration"
_SCAN = "imageScanningConfiguration.scanOnPush"
_case = Examples(_TYPE, {"imageScanningConfiguration": {"scanOnPush": True}})
_NONE = {"imageScanningConfiguration": None}

RULE = Rule(
    id="HEADWAY-INT-007",
    slug="repository-scanned",
    title="Images are scanned when they are pushed",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    reads=(_REGISTRY,),
    why=(
        "Known holes in libraries are found by looking, and the push is the last moment before the image "
        "runs."
    ),
    fix="Set `scan_on_push=True`, or scan the whole registry on push.",
    passes=(
        _case("scanned on push"),
        _case(
            "the whole registry is scanned",
            _NONE,
            beside=(example(_REGISTRY, {"rules": [{"scanFrequency": "CONTINUOUS_SCAN"}]}),),
        ),
    ),
    fails=(
        _case("left out", _NONE, says="scanOnPush is nothing"),
        _case("switched off", {_SCAN: False}, says="scanOnPush is False"),
        _case(
            "a registry that scans by hand",
            _NONE,
            beside=(example(_REGISTRY, {"rules": [{"scanFrequency": "MANUAL"}]}),),
            says="scanOnPush is nothing",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_SCAN: UNKNOWN}, says=_SCAN),),
    references=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    for registry in stack.of_type(_REGISTRY):
        frequencies = {plain(registry.value(f"{path}.scanFrequency")) for path in registry.items("rules")}
        if frequencies & {"SCAN_ON_PUSH", "CONTINUOUS_SCAN"}:
            return
    yield from is_on(resource, _SCAN)
