"""Roles are assumed by one service of one account only."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.policy_document import Principal, Statement, statements
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.examples import ACCOUNT, as_text, example
from headway_policies.subjects.policies import ROLE, narrows_to_known
from headway_policies.subjects.values import plain

_OWN = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
_WITHOUT_SOURCE = frozenset({"ec2.amazonaws.com", "eks.amazonaws.com", "pods.eks.amazonaws.com"})
"""Services that tell no source when they assume a role."""


def _case(
    title: str, principal: object, condition: object = None, says: str = "", text: bool = False
) -> Case:
    statement: dict[str, object] = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition is not None:
        statement["Condition"] = condition
    properties: dict[str, object] = {"assumeRolePolicy": {"Statement": [statement]}}
    if text:
        properties = as_text(properties, "assumeRolePolicy")
    return Case(title=title, resources=(example(ROLE, properties),), says=says)


_SAGEMAKER = {"Service": "sagemaker.amazonaws.com"}

RULE = Rule(
    id="HEADWAY-IAM-005",
    slug="role-trust",
    title="Roles are assumed by one service of one account only",
    since="0.1",
    severity=Severity.HIGH,
    resources=(ROLE,),
    why=(
        "A service works for every customer of AWS. Without a condition somebody else can make it act with "
        "your role: the confused deputy."
    ),
    fix="Add a condition on `aws:SourceAccount` or `aws:SourceArn` to the trust policy.",
    passes=(
        _case("a service for one account", _SAGEMAKER, _OWN),
        _case(
            "a service for one resource, as text",
            _SAGEMAKER,
            {"ArnLike": {"aws:SourceArn": "arn:aws:x"}},
            text=True,
        ),
        _case("a role of one's own", {"AWS": f"arn:aws:iam::{ACCOUNT}:role/deployer"}),
        _case("a service that tells no source", {"Service": "ec2.amazonaws.com"}),
        _case(
            "somebody else's account with an agreed id",
            {"AWS": "*"},
            {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        ),
    ),
    fails=(
        _case("a service for anybody", _SAGEMAKER, says="Condition is nothing"),
        _case("everybody", "*", says="Principal is '*'"),
        _case("everybody as a list", {"AWS": ["*"]}, says="Principal is '*'"),
        _case(
            "a condition that anybody meets",
            _SAGEMAKER,
            {"StringLike": {"aws:SourceAccount": "*"}},
            says="Condition",
        ),
        _case(
            "one service among several, of which one tells its source",
            {"Service": ["ec2.amazonaws.com", "sagemaker.amazonaws.com"]},
            says="Condition is nothing",
        ),
        _case(
            "a condition that a caller without the key meets",
            _SAGEMAKER,
            {"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}},
            says="Condition is nothing",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        Case(
            title="a trust policy that is not known yet",
            resources=(example(ROLE, {"assumeRolePolicy": UNKNOWN}),),
            says="assumeRolePolicy",
        ),
    ),
    references=("https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    for statement in statements(resource, "assumeRolePolicy"):
        if not statement.is_known:
            yield Undecided(path=statement.path)
        elif statement.allows and not narrows_to_known(statement):
            yield from _unbound(statement)


def _unbound(statement: Statement) -> Answers:
    if statement.not_principals is not None:
        yield Finding(path=f"{statement.path}.NotPrincipal", got="everybody but some", want="a Principal")
    for principal in statement.principals:
        if principal.is_everybody:
            yield Finding(path=f"{statement.path}.Principal", got="*", want="one service or role by name")
        elif principal.value is UNKNOWN:
            yield Undecided(path=f"{statement.path}.Principal")
        elif _is_service_for_anybody(principal):
            want = f"one on aws:SourceAccount or aws:SourceArn for {principal.value}"
            yield Finding(path=f"{statement.path}.Condition", got=None, want=want)
            return


def _is_service_for_anybody(principal: Principal) -> bool:
    return principal.kind == "Service" and plain(principal.value) not in _WITHOUT_SOURCE
