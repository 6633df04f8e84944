"""A guardrail stops attacks, personal data and made-up answers."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import plain

_TYPE = "aws:bedrock/guardrail:Guardrail"
_ATTACK = {"type": "PROMPT_ATTACK", "inputStrength": "HIGH", "outputStrength": "NONE"}
_PII = "sensitiveInformationPolicyConfig"
_case = Examples(
    _TYPE,
    {
        "contentPolicyConfig": {"filtersConfigs": [_ATTACK]},
        _PII: {"piiEntitiesConfigs": [{"type": "EMAIL", "action": "ANONYMIZE"}]},
        "contextualGroundingPolicyConfig": {"filtersConfigs": [{"type": "GROUNDING", "threshold": 0.8}]},
    },
)

RULE = Rule(
    id="HEADWAY-GEN-007",
    slug="guardrail-filters",
    title="A guardrail stops attacks, personal data and made-up answers",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why=(
        "A guardrail that only filters bad words lets a text take over the model, repeats addresses of "
        "people and answers what no source says."
    ),
    fix="Add the filters PROMPT_ATTACK and GROUNDING and a policy on personal data.",
    passes=(
        _case("all three"),
        _case("personal data by a pattern", {_PII: {"regexesConfigs": [{"name": "id", "action": "BLOCK"}]}}),
    ),
    fails=(
        _case("no filter of attacks", {"contentPolicyConfig": None}, says="PROMPT_ATTACK is nothing"),
        _case(
            "a filter of attacks without strength",
            {"contentPolicyConfig.filtersConfigs[0].inputStrength": "NONE"},
            says="PROMPT_ATTACK is 'NONE'",
        ),
        _case(
            "nothing on personal data", {_PII: {"piiEntitiesConfigs": []}}, says="personal data is nothing"
        ),
        _case("no grounding", {"contextualGroundingPolicyConfig": None}, says="GROUNDING is nothing"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("filters that are not known yet", {"contentPolicyConfig": UNKNOWN}, says="contentPolicyConfig"),
    ),
    references=("https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-components.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    content = resource.items("contentPolicyConfig.filtersConfigs")
    strengths = {
        plain(resource.value(f"{path}.type")): resource.value(f"{path}.inputStrength") for path in content
    }
    attack = strengths.get("PROMPT_ATTACK")
    if attack is not UNKNOWN and (not attack or attack == "NONE"):
        yield Finding(path="PROMPT_ATTACK", got=attack, want="a filter with strength")
    if not resource.items(f"{_PII}.piiEntitiesConfigs") and not resource.items(f"{_PII}.regexesConfigs"):
        yield Finding(path="policy on personal data", got=None, want="what to block or to make unreadable")
    grounding = resource.items("contextualGroundingPolicyConfig.filtersConfigs")
    if "GROUNDING" not in [resource.value(f"{path}.type") for path in grounding]:
        yield Finding(path="GROUNDING", got=None, want="a filter with a threshold")
