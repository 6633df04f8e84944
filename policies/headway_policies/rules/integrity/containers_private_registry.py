"""Each container of an inference pipeline comes from a private registry."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.endpoints import MODEL
from headway_policies.subjects.examples import IMAGE, Examples
from headway_policies.subjects.images import from_private_registry
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_case = Examples(MODEL, {"containers": [{"image": IMAGE}, {"image": IMAGE}]})

RULE = Rule(
    id="HEADWAY-INT-003",
    slug="containers-private-registry",
    title="Each container of an inference pipeline comes from a private registry",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(MODEL,),
    why=(
        "One public image among several is enough: each container sees the request and runs with the same "
        "role."
    ),
    fix="Copy the images of all containers to Amazon ECR repositories of yours.",
    passes=(
        _case("two private ones"),
        _case(
            "one in a registry inside the network",
            {"containers[1]": {"image": "in.house/x", "imageConfig": {"repositoryAccessMode": "Vpc"}}},
        ),
    ),
    fails=(
        _case("the second is public", {"containers[1].image": "docker.io/x/y"}, says="containers[1].image"),
        _case("the first is public", {"containers[0].image": "quay.io/x/y:1"}, says="containers[0].image"),
    ),
    exempts=(
        _case("outside production", {"containers[0].image": "nginx"}, intent=DEVELOPMENT),
        _case("a model of one container", {"containers": None, "primaryContainer": {"image": "nginx"}}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"containers[0].image": UNKNOWN}, says="containers[0].image"),),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-19",
    ),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent, "aws-ai-security-v1"):
        yield NOT_PRODUCTION
        return
    paths = resource.items("containers")
    if not paths:
        yield NotApplicable(reason="the model has one container")
    for path in paths:
        yield from from_private_registry(
            resource, f"{path}.image", f"{path}.imageConfig.repositoryAccessMode"
        )
