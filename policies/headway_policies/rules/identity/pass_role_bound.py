"""Passing a role is bound to one role and one service."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.policy_document import Statement, has_wildcard
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import ACCOUNT, Examples, allowing
from headway_policies.subjects.policies import IDENTITY_POLICIES, ROLE_POLICY, permissions

_ROLE = f"arn:aws:iam::{ACCOUNT}:role/serving"
_TO = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def _passing(resource: object = _ROLE, condition: object = None) -> dict[str, object]:
    statement: dict[str, object] = {"Action": "iam:PassRole", "Resource": resource}
    return allowing(**statement, **({} if condition is None else {"Condition": condition}))


_case = Examples(ROLE_POLICY, _passing(condition=_TO))

RULE = Rule(
    id="HEADWAY-IAM-007",
    slug="pass-role-bound",
    title="Passing a role is bound to one role and one service",
    since="0.1",
    severity=Severity.CRITICAL,
    resources=IDENTITY_POLICIES,
    why=(
        "Whoever may pass any role to a job of theirs is whatever that role is: one pipeline step away from "
        "the administrator."
    ),
    fix="Name the role in `Resource` and the service in a condition on `iam:PassedToService`.",
    passes=(
        _case("one role to one service"),
        _case("a role that is not known yet", _passing([UNKNOWN], _TO)),
        _case("two services", _passing(condition={"StringEquals": {"IAM:PassedToService": ["a", "b"]}})),
    ),
    fails=(
        _case("any role", _passing("*", _TO), says="Resource is '*'"),
        _case("any role of a name", _passing(f"arn:aws:iam::{ACCOUNT}:role/*", _TO), says="role/*"),
        _case("to any service", _passing(), says="Condition is nothing"),
        _case(
            "to any service of a name",
            _passing(condition={"StringLike": {"iam:PassedToService": "*"}}),
            says="nothing",
        ),
        _case(
            "by a wildcard in the action", allowing(Action="iam:Pass*", Resource="*"), says="Resource is '*'"
        ),
        _case("by everything but", allowing(NotAction="s3:*", Resource="*"), says="Resource is '*'"),
    ),
    exempts=(_case("no passing", allowing(Action="s3:GetObject", Resource="arn:aws:s3:::data-1/*")),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a policy that is not known yet", {"policy": UNKNOWN}, says="policy"),
        _case("an action that is not known yet", allowing(Action=[UNKNOWN], Resource="*"), says="Action"),
    ),
    references=("https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    passes = False
    for statement in permissions(resource):
        if isinstance(statement, Undecided):
            passes = True
            yield statement
            continue
        covered = statement.covers_action("iam:PassRole")
        passes = passes or covered is not False
        if covered is None:
            yield Undecided(path=f"{statement.path}.Action")
        elif covered:
            yield from _bound(statement)
    if not passes:
        yield NotApplicable(reason="it passes no role")


def _bound(statement: Statement) -> Answers:
    roles = (*statement.resources, *(f"everything but {arn}" for arn in statement.not_resources or ()))
    for arn in roles:
        if isinstance(arn, str) and (has_wildcard(arn) or not arn.startswith("arn:")):
            yield Finding(path=f"{statement.path}.Resource", got=arn, want="the ARN of one role")
    services = statement.condition("iam:PassedToService", "StringEquals", "StringLike")
    if not services or any(isinstance(service, str) and has_wildcard(service) for service in services):
        want = "one on iam:PassedToService that names the service"
        yield Finding(path=f"{statement.path}.Condition", got=None, want=want)
