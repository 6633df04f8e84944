"""What people start in Studio stops when nobody uses it."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples, nested
from headway_policies.subjects.values import number, plain

_TYPE = "aws:sagemaker/domain:Domain"
_IDLE = "defaultUserSettings.jupyterLabAppSettings.appLifecycleManagement.idleSettings"
_SWITCH, _MINUTES = f"{_IDLE}.lifecycleManagement", f"{_IDLE}.idleTimeoutInMinutes"
_MOST = 480
_case = Examples(_TYPE, nested(_IDLE, {"lifecycleManagement": "ENABLED", "idleTimeoutInMinutes": 120}))

RULE = Rule(
    id="HEADWAY-GOV-007",
    slug="studio-idle",
    title="What people start in Studio stops when nobody uses it",
    since="0.1",
    severity=Severity.LOW,
    resources=(_TYPE,),
    why="A machine with a GPU that somebody forgot over a weekend costs as much as a week of training.",
    fix=f"Enable `idle_settings` of JupyterLab with `idle_timeout_in_minutes` of {_MOST} or less.",
    passes=(_case("two hours"), _case("a working day, as text", {_MINUTES: "480"})),
    fails=(
        _case("left out", {"defaultUserSettings": None}, says=f"{_SWITCH} is nothing"),
        _case("switched off", {_SWITCH: "DISABLED"}, says="'DISABLED'"),
        _case("a month", {_MINUTES: 43_200}, says=f"{_MINUTES} is 43200"),
        _case("no time", {_MINUTES: None}, says=f"{_MINUTES} is nothing"),
        _case("zero", {_MINUTES: 0}, says=f"{_MINUTES} is 0"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a time that is not known yet", {_MINUTES: UNKNOWN}, says=_MINUTES),
        _case("settings that are not known yet", {"defaultUserSettings": UNKNOWN}, says=_SWITCH),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/studio-updated-idle-shutdown.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    switch, minutes = resource.value(_SWITCH), resource.value(_MINUTES)
    if switch is UNKNOWN:
        yield Undecided(path=_SWITCH)
    elif str(plain(switch)).upper() != "ENABLED":
        yield Finding(path=_SWITCH, got=switch, want="ENABLED")
    elif minutes is UNKNOWN:
        yield Undecided(path=_MINUTES)
    elif not 0 < (number(minutes) or 0) <= _MOST:
        yield Finding(path=_MINUTES, got=minutes, want=f"at most {_MOST}")
