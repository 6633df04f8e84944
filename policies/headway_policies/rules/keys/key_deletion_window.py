"""Deleting a key takes time to change one's mind."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import KEY, Examples
from headway_policies.subjects.values import is_strict, number

_MINIMUM_DAYS = 7
_MINIMUM_DAYS_IN_PRODUCTION = 14
_DEFAULT_DAYS = 30
_case = Examples(KEY, {"deletionWindowInDays": 30})

RULE = Rule(
    id="HEADWAY-KEY-002",
    slug="key-deletion-window",
    title="Deleting a key takes time to change one's mind",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(KEY,),
    why="With the key everything goes that it ever encrypted, backups too. The window is the only way back.",
    fix="Set `deletion_window_in_days` to 14 or more in production (7 elsewhere), or leave it out for 30.",
    passes=(
        _case("thirty days"),
        _case("left out: AWS takes thirty", {"deletionWindowInDays": None}),
        _case("seven outside production", {"deletionWindowInDays": 7}, intent=DEVELOPMENT),
    ),
    fails=(
        _case("a week in production", {"deletionWindowInDays": 7}, says="deletionWindowInDays is 7"),
        _case("no days", {"deletionWindowInDays": 0}, says="deletionWindowInDays is 0"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"deletionWindowInDays": UNKNOWN}, says="deletionWindowInDays"),),
    references=("https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html",),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    days = resource.value("deletionWindowInDays")
    minimum = _MINIMUM_DAYS_IN_PRODUCTION if is_strict(intent) else _MINIMUM_DAYS
    if days is UNKNOWN:
        yield Undecided(path="deletionWindowInDays")
        return
    window = _DEFAULT_DAYS if days is None else number(days)
    if window is None or window < minimum:
        yield Finding(path="deletionWindowInDays", got=days, want=f"{minimum} days or more")
