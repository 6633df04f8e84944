"""Features about people have an end and a purpose."""

from collections.abc import Mapping

from headway_policies.intent import PRODUCTION, DataClassification, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.erasure import is_about_people
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import number, truth

_TYPE = "aws:sagemaker/featureGroup:FeatureGroup"
_TTL = "onlineStoreConfig.ttlDuration.value"
_PEOPLE = Intent(environment="prod", data_classification=DataClassification.RESTRICTED, personal_data=True)
_case = Examples(
    _TYPE,
    {
        "onlineStoreConfig": {"enableOnlineStore": True, "ttlDuration": {"unit": "Days", "value": 30}},
        "tags": {"headway:purpose": "delay prediction"},
    },
    _PEOPLE,
)

RULE = Rule(
    id="HEADWAY-PRV-003",
    slug="features-forget",
    title="Features about people have an end and a purpose",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why=(
        "Data about people is kept for a purpose and for as long as that needs it. Without either there is "
        "no ground."
    ),
    fix="Set `ttl_duration` of the online store and tag the group with its purpose.",
    passes=(
        _case("both"),
        _case("a purpose in other words", {"tags": {"Purpose": "credit"}}),
        _case("an offline store alone", {"onlineStoreConfig": None}),
    ),
    fails=(
        _case("no end", {"onlineStoreConfig.ttlDuration": None}, says=f"{_TTL} is nothing"),
        _case("an end of zero", {_TTL: 0}, says=f"{_TTL} is 0"),
        _case("no purpose", {"tags": {"headway:purpose": ""}}, says="purpose"),
        _case(
            "features that their own tag calls personal",
            {"tags": {"headway:personal-data": "true"}},
            says="purpose",
            intent=PRODUCTION,
        ),
    ),
    exempts=(_case("no data about people", {"tags": None}, intent=PRODUCTION),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("an end that is not known yet", {_TTL: UNKNOWN}, says=_TTL),
        _case("tags that are not known yet", {"tags": UNKNOWN}, says="tags"),
    ),
    references=("https://eur-lex.europa.eu/eli/reg/2016/679/oj#art_5",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_about_people(resource, intent):
        yield NotApplicable(reason="the features are not about people")
        return
    online = resource.value("onlineStoreConfig")
    value = resource.value(_TTL)
    if online and truth(resource.value("onlineStoreConfig.enableOnlineStore")) is not False:
        if value is UNKNOWN:
            yield Undecided(path=_TTL)
        elif not (number(value) or 0) > 0:
            yield Finding(path=_TTL, got=value, want="more than zero")
    tags = resource.value("tags")
    held = tags if isinstance(tags, Mapping) else {}
    purposes = [text for name, text in held.items() if str(name).lower().rpartition(":")[2] == "purpose"]
    if tags is UNKNOWN:
        yield Undecided(path="tags")
    elif not any(purposes):
        yield Finding(
            path="tags purpose", got=purposes[0] if purposes else None, want="what the features are for"
        )
