"""Clusters run a version that AWS still mends."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import plain

_TYPE = "aws:eks/cluster:Cluster"
_SUPPORT = "upgradePolicy.supportType"
_OLDEST = (1, 34)
"""Source: Amazon EKS user guide, "Kubernetes release calendar": 1.33 left standard support in July 2026."""
_WANT = f"{_OLDEST[0]}.{_OLDEST[1]} or later"
_case = Examples(_TYPE, {"version": "1.35"})

RULE = Rule(
    id="HEADWAY-GOV-006",
    slug="cluster-version",
    title="Clusters run a version of Kubernetes in standard support",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why=(
        "Holes in an old version stay open, extended support costs six times as much, and at its end AWS "
        "upgrades the cluster on a day of its own choice."
    ),
    fix=f'Set `version` to {_WANT}, or let AWS follow with `upgrade_policy={{"support_type": "STANDARD"}}`.',
    passes=(
        _case("a version in support"),
        _case("left to AWS", {"version": None, "upgradePolicy": {"supportType": "STANDARD"}}),
        _case("a later one with two digits", {"version": "1.100"}),
    ),
    fails=(
        _case("an old one", {"version": "1.29"}, says="version is '1.29'"),
        _case("left out, and never upgraded", {"version": None}, says="version is nothing"),
        _case("empty", {"version": ""}, says="version is ''"),
        _case("a number, which loses its zero", {"version": 1.3}, says="version is 1.3"),
        _case("no version", {"version": "latest"}, says="'latest'"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {"version": UNKNOWN}, says="version"),),
    references=("https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    value, support = resource.value("version"), resource.value(_SUPPORT)
    if value is UNKNOWN or (value is None and support is UNKNOWN):
        yield Undecided(path="version")
    elif value is None and plain(support) == "STANDARD":
        return
    elif _numbers(value) < _OLDEST:
        yield Finding(path="version", got=value, want=_WANT)


def _numbers(value: object) -> tuple[int, ...]:
    parts = str(plain(value)).split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()
