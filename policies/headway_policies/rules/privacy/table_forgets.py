"""A table with data about people forgets by itself."""

from headway_policies.intent import PRODUCTION, DataClassification, Intent
from headway_policies.outcome import NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import is_on, is_set

_TABLE = "aws:dynamodb/table:Table"
_PEOPLE = Intent(environment="prod", data_classification=DataClassification.RESTRICTED, personal_data=True)
_case = Examples(
    _TABLE,
    {"name": "online-features", "hashKey": "person", "ttl": {"enabled": True, "attributeName": "expires_at"}},
    _PEOPLE,
)

RULE = Rule(
    id="HEADWAY-PRV-001",
    slug="table-forgets",
    title="A table with data about people forgets by itself",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TABLE,),
    why=(
        "What nobody has to remember to delete is deleted. A right to be forgotten that needs a person is "
        "late."
    ),
    fix="Set `ttl` with the attribute that says when a record goes.",
    passes=(
        _case("a time to live"),
        _case("another attribute", {"ttl.attributeName": "until"}),
    ),
    fails=(
        _case("none", {"ttl": None}, says="ttl.enabled is nothing"),
        _case("switched off", {"ttl.enabled": False}, says="ttl.enabled is False"),
        _case("no attribute", {"ttl.attributeName": ""}, says="ttl.attributeName is ''"),
    ),
    exempts=(
        _case("no data about people", {"ttl": None}, intent=PRODUCTION),
        _case(
            "the record of releases, which holds nobody",
            {"ttl": None, "hashKey": "system", "rangeKey": "release_id"},
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"ttl": UNKNOWN}, says="ttl.enabled"),),
    references=("https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html",),
)

_NOBODY = frozenset({"system", "release_id", "lockid", "lock_id", "model", "endpoint"})
"""Keys of tables about systems: release records, locks, registries."""


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    key = resource.value("hashKey")
    if not intent.personal_data:
        yield NotApplicable(reason="the stack declares no data about people")
    elif isinstance(key, str) and key.lower() in _NOBODY:
        yield NotApplicable(reason="the table is about systems")
    else:
        yield from is_on(resource, "ttl.enabled")
        yield from is_set(resource, "ttl.attributeName", "the attribute that says when a record goes")
