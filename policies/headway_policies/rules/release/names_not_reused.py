"""What served before stays, since nothing takes its name."""

import re

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.endpoints import CONFIGURATION, MODEL
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_SUFFIX = re.compile(r".*[-_.]?(v?\d+|[0-9a-f]{6,})")
_case = Examples(CONFIGURATION, {"name": "flights-prod-5a4db6097cc3"})
_model = Examples(MODEL, {"name": "flights-model-1271681ec15d"})

RULE = Rule(
    id="HEADWAY-REL-008",
    slug="names-not-reused",
    title="What served before stays, since nothing takes its name",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(CONFIGURATION, MODEL),
    why=(
        "A configuration is never changed, only replaced. With a fixed name the old one has to go first: "
        "there is nothing to roll back to, and while the update runs the endpoint names one that is gone."
    ),
    fix="Leave the name out, use a prefix, or end it in a digest of what it declares.",
    passes=(
        _case("a name that ends in a digest"),
        _case("no name: the provider ends it by itself", {"name": None}),
        _case("a version", {"name": "flights-v12"}),
        _model("a model that ends in a digest"),
    ),
    fails=(
        _case("a fixed name", {"name": "flights-prod"}, says="name is 'flights-prod'"),
        _model("a fixed name of a model", {"name": "flights-model"}, says="name is 'flights-model'"),
    ),
    exempts=(_case("outside production", {"name": "flights-prod"}, intent=DEVELOPMENT),),
    when_unknown=Outcome.PASS,
    unknowns=(_case("a name that is made of others, not known yet", {"name": UNKNOWN}),),
    references=("https://github.com/hashicorp/terraform-provider-aws/issues/48997",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    name = resource.value("name")
    if isinstance(name, str) and not _SUFFIX.fullmatch(name):
        yield Finding(path="name", got=name, want="one that ends in a digest or version, or none")
