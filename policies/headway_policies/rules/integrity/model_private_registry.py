"""The container of a model comes from a private registry."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.endpoints import MODEL, containers
from headway_policies.subjects.examples import IMAGE, Examples
from headway_policies.subjects.images import from_private_registry
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_case = Examples(MODEL, {"primaryContainer": {"image": IMAGE}})

RULE = Rule(
    id="HEADWAY-INT-002",
    slug="model-private-registry",
    title="The container of a model comes from a private registry",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(MODEL,),
    why=(
        "A public image is what its owner makes of it today. One pull later other code runs with your model, "
        "your data and your role."
    ),
    fix="Copy the image to an Amazon ECR repository of yours and name it there.",
    passes=(
        _case("a private repository"),
        _case(
            "a registry inside the network",
            {
                "primaryContainer": {
                    "image": "registry.internal/team/runtime:1",
                    "imageConfig": {"repositoryAccessMode": "Vpc"},
                }
            },
        ),
        _case(
            "a model package, which names the image itself", {"primaryContainer": {"modelPackageName": "arn"}}
        ),
    ),
    fails=(
        _case("a name without a registry", {"primaryContainer.image": "nginx:latest"}, says="'nginx:latest'"),
        _case(
            "Amazon's public registry", {"primaryContainer.image": "public.ecr.aws/x/y:1"}, says="public.ecr"
        ),
        _case(
            "an address that only begins so",
            {"primaryContainer.image": "111122223333.dkr.ecr.eu-central-1.amazonaws.com.evil.io/x:1"},
            says="evil.io",
        ),
    ),
    exempts=(
        _case("outside production", {"primaryContainer.image": "nginx"}, intent=DEVELOPMENT),
        _case(
            "a model of many containers, which has no primary one",
            {"primaryContainer": None, "containers": [{"image": "nginx"}]},
        ),
        _case("an empty object in its place", {"primaryContainer": {}, "containers": [{"image": "nginx"}]}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"primaryContainer.image": UNKNOWN}, says="primaryContainer.image"),),
    references=(
        "https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-16",
    ),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent, "aws-ai-security-v1"):
        yield NOT_PRODUCTION
        return
    if "primaryContainer" not in containers(resource):
        yield NotApplicable(reason="the model has no primary container")
        return
    mode = "primaryContainer.imageConfig.repositoryAccessMode"
    yield from from_private_registry(resource, "primaryContainer.image", mode)
