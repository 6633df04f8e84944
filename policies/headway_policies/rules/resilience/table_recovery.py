"""Tables can be brought back to any moment, and are not deleted by mistake."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import NOT_PRODUCTION, is_on, is_strict

_TYPE = "aws:dynamodb/table:Table"
_PITR = "pointInTimeRecovery.enabled"
_case = Examples(_TYPE, {"pointInTimeRecovery": {"enabled": True}, "deletionProtectionEnabled": True})

RULE = Rule(
    id="HEADWAY-BKP-002",
    slug="table-recovery",
    title="Tables can be brought back to any moment, and are not deleted by mistake",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why=(
        "Features and release records are written all day. A bad write or a deleted table is final otherwise."
    ),
    fix="Set `point_in_time_recovery` and `deletion_protection_enabled` in production.",
    passes=(
        _case("both"),
        _case("recovery of a few days", {"pointInTimeRecovery.recoveryPeriodInDays": 7}),
    ),
    fails=(
        _case("no recovery", {"pointInTimeRecovery": None}, says="pointInTimeRecovery.enabled is nothing"),
        _case("recovery switched off", {_PITR: False}, says="pointInTimeRecovery.enabled is False"),
        _case(
            "no protection", {"deletionProtectionEnabled": None}, says="deletionProtectionEnabled is nothing"
        ),
    ),
    exempts=(_case("outside production", {"pointInTimeRecovery": None}, intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_PITR: UNKNOWN}, says=_PITR),),
    references=(
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html",
    ),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    yield from is_on(resource, _PITR)
    yield from is_on(resource, "deletionProtectionEnabled")
