"""Resources say whose they are and what they hold."""

from collections.abc import Mapping

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.buckets import BUCKETS
from headway_policies.subjects.endpoints import CONFIGURATION, ENDPOINT, MODEL
from headway_policies.subjects.examples import KEY, Examples
from headway_policies.subjects.pipelines import PIPELINE
from headway_policies.subjects.values import is_strict

_WORDS = {
    "environment": ("environment", "env", "stage"),
    "data classification": ("data-classification", "dataclassification", "data-class", "classification"),
}
_WORDS_IN_PRODUCTION = {
    "owner": ("owner", "team"),
    "cost centre": ("cost-center", "costcenter", "cost-centre", "cost"),
}
"""The words that stand for the same thing, without a namespace before them."""
_GOOD = {
    "headway:environment": "prod",
    "headway:data-classification": "confidential",
    "headway:owner": "team-flights",
    "headway:cost-center": "4711",
}
_case = Examples(BUCKETS[0], {"tags": _GOOD})

RULE = Rule(
    id="HEADWAY-GOV-001",
    slug="resource-tags",
    title="Resources say whose they are and what they hold",
    since="0.1",
    severity=Severity.LOW,
    resources=(
        *BUCKETS,
        *(ENDPOINT, CONFIGURATION, MODEL, PIPELINE, KEY),
        *(
            "aws:dynamodb/table:Table",
            "aws:sagemaker/featureGroup:FeatureGroup",
            "aws:lambda/function:Function",
        ),
        *("aws:sagemaker/trainingJob:TrainingJob", "aws:sagemaker/modelPackageGroup:ModelPackageGroup"),
        *("aws:sagemaker/notebookInstance:NotebookInstance", "aws:ecr/repository:Repository"),
    ),
    why=(
        "In an incident, in an audit and on the bill the first question is whose this is. A resource that "
        "does not say so is nobody's."
    ),
    fix="Tag with environment and data classification, in production with owner and cost centre too.",
    passes=(
        _case("all of them"),
        _case(
            "words of another company",
            {
                "tags": {
                    "Env": "prod",
                    "DataClass": "x",
                    "data-class": "c",
                    "Team": "t",
                    "CostCenter": "1",
                }
            },
        ),
        _case("tags with those of the provider", {"tags": None, "tagsAll": _GOOD}),
    ),
    fails=(
        _case("none", {"tags": None}, says="tags is nothing"),
        _case("no owner", {"tags": {**_GOOD, "headway:owner": None}}, says="owner"),
        _case("an empty value", {"tags": {**_GOOD, "headway:owner": ""}}, says="owner"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"tags": UNKNOWN}, says="tags"),),
    references=(
        "https://docs.aws.amazon.com/whitepapers/latest/tagging-best-practices/tagging-best-practices.html",
    ),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    held: dict[str, object] = {}
    for path in ("tagsAll", "tags"):
        tags = resource.value(path)
        if tags is UNKNOWN:
            yield Undecided(path=path)
            return
        if isinstance(tags, Mapping):
            held |= {str(name).lower().rpartition(":")[2]: value for name, value in tags.items()}
    asked = {**_WORDS, **(_WORDS_IN_PRODUCTION if is_strict(intent) else {})}
    missing = [what for what, words in asked.items() if not any(held.get(word) for word in words)]
    if missing:
        got = f"tags without {', '.join(missing)}" if held else None
        yield Finding(path="tags", got=got, want=", ".join(asked))
