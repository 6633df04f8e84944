"""The interface of a cluster is not open to the internet."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import is_on, truth

_TYPE = "aws:eks/cluster:Cluster"
_PRIVATE, _PUBLIC = "vpcConfig.endpointPrivateAccess", "vpcConfig.endpointPublicAccess"
_CIDRS = "vpcConfig.publicAccessCidrs"
_case = Examples(_TYPE, {"vpcConfig": {"endpointPrivateAccess": True, "endpointPublicAccess": False}})
_KNOWN = {_PUBLIC: True, _CIDRS: ["192.0.2.0/24"]}

RULE = Rule(
    id="HEADWAY-NET-016",
    slug="cluster-endpoint-private",
    title="The interface of a cluster is not open to the internet",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why="One stolen token is enough to run anything on your GPUs, from anywhere.",
    fix=(
        "Set `endpoint_private_access=True` and `endpoint_public_access=False`, or name the addresses that "
        "may come."
    ),
    passes=(_case("private only"), _case("public for known addresses", _KNOWN)),
    fails=(
        _case("left out: AWS opens it", {_PUBLIC: None}, says=f"{_PUBLIC} is nothing"),
        _case("public for everybody", {**_KNOWN, _CIDRS: ["0.0.0.0/0"]}, says="0.0.0.0/0"),
        _case("not private", {_PRIVATE: None}, says=f"{_PRIVATE} is nothing"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_PUBLIC: UNKNOWN}, says=_PUBLIC),),
    references=("https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from is_on(resource, _PRIVATE)
    public, cidrs = resource.value(_PUBLIC), resource.value(_CIDRS)
    if public is UNKNOWN or (truth(public) is not False and cidrs is UNKNOWN):
        yield Undecided(path=_PUBLIC)
    elif truth(public) is not False and (not cidrs or "0.0.0.0/0" in str(cidrs) or "::/0" in str(cidrs)):
        path, got = (_CIDRS, cidrs) if cidrs else (_PUBLIC, public)
        yield Finding(path=path, got=got, want="False, or known addresses only")
