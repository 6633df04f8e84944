"""A tag in an image repository is given once."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples

_TYPE = "aws:ecr/repository:Repository"
_case = Examples(_TYPE, {"imageTagMutability": "IMMUTABLE"})

RULE = Rule(
    id="HEADWAY-INT-006",
    slug="repository-immutable",
    title="A tag in an image repository is given once",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="Where tags move, whoever may push replaces an image that was reviewed, scanned and approved.",
    fix='Set `image_tag_mutability="IMMUTABLE"`.',
    passes=(
        _case("immutable"),
        _case("immutable but for some tags", {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}),
    ),
    fails=(
        _case(
            "left out: AWS takes MUTABLE", {"imageTagMutability": None}, says="imageTagMutability is nothing"
        ),
        _case("mutable", {"imageTagMutability": "MUTABLE"}, says="imageTagMutability is 'MUTABLE'"),
        _case("mutable but for some", {"imageTagMutability": "MUTABLE_WITH_EXCLUSION"}, says="MUTABLE_WITH"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"imageTagMutability": UNKNOWN}, says="imageTagMutability"),),
    references=("https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    value = resource.value("imageTagMutability")
    if value is UNKNOWN:
        yield Undecided(path="imageTagMutability")
    elif not isinstance(value, str) or not value.upper().startswith("IMMUTABLE"):
        yield Finding(path="imageTagMutability", got=value, want="IMMUTABLE")
