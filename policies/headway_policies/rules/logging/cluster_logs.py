"""The control plane of a cluster logs all that it does."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import plain

_TYPE = "aws:eks/cluster:Cluster"
_LOGS = "enabledClusterLogTypes"
_ALL = frozenset({"api", "audit", "authenticator", "controllerManager", "scheduler"})
_case = Examples(_TYPE, {_LOGS: sorted(_ALL)})

RULE = Rule(
    id="HEADWAY-LOG-004",
    slug="cluster-logs",
    title="The control plane of a cluster logs all that it does",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="Who started what on the GPUs, and with which rights, stands in these logs only.",
    fix="Set `enabled_cluster_log_types` to api, audit, authenticator, controllerManager and scheduler.",
    passes=(_case("all five"), _case("in another order", {_LOGS: sorted(_ALL, reverse=True)})),
    fails=(
        _case("none", {_LOGS: None}, says=f"{_LOGS} is nothing"),
        _case("an empty list", {_LOGS: []}, says="audit"),
        _case("two of five", {_LOGS: ["api", "audit"]}, says="authenticator"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_LOGS: UNKNOWN}, says=_LOGS),),
    references=("https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    value = resource.value(_LOGS)
    listed = set(map(plain, value)) if isinstance(value, list | tuple) else set()
    missing = sorted(_ALL - listed)
    if value is UNKNOWN or (missing and UNKNOWN in listed):
        yield Undecided(path=_LOGS)
    elif missing:
        yield Finding(path=_LOGS, got=value or None, want=f"also {', '.join(missing)}")
