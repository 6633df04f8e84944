"""No role or policy allows every action."""

import json

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.policy_document import Statement, is_every_action, statements
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule

_ROLE = "aws:iam/role:Role"
_ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
_POLICY = "aws:iam/policy:Policy"
_DOCUMENTS = {
    _ROLE: ("assumeRolePolicy",),
    _ROLE_POLICY: ("policy",),
    _POLICY: ("policy",),
    "aws:iam/userPolicy:UserPolicy": ("policy",),
    "aws:iam/groupPolicy:GroupPolicy": ("policy",),
}


def _allow(**statement: object) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*", **statement}]}


def _case(title: str, says: str = "", type_: str = _ROLE_POLICY, **properties: object) -> Case:
    return Case(title=title, resources=(Resource(type=type_, properties=properties),), says=says)


RULE = Rule(
    id="HEADWAY-IAM-001",
    slug="no-wildcard-action",
    title="No role or policy allows every action",
    since="0.1",
    severity=Severity.CRITICAL,
    resources=tuple(_DOCUMENTS),
    why=(
        "A training job or an endpoint runs code and loads files that other people wrote. With every action "
        "allowed, one bad dependency or model file owns the account."
    ),
    fix="Name the actions that the role needs, or use the grants of `headway_components`, which name them.",
    passes=(
        _case("named actions", policy=json.dumps(_allow(Action=["s3:GetObject", "s3:ListBucket"]))),
        _case("everything denied", policy=json.dumps(_allow(Effect="Deny", Action="*"))),
        _case("a document as an object", policy=_allow(Action="logs:PutLogEvents")),
        _case(
            "a role without inline policies", type_=_ROLE, assumeRolePolicy=_allow(Action="sts:AssumeRole")
        ),
    ),
    fails=(
        _case(
            "every action", policy=json.dumps(_allow(Action="*")), says="policy Statement[0].Action is '*'"
        ),
        _case("every action among named ones", policy=_allow(Action=["s3:GetObject", "*:*"]), says="'*:*'"),
        _case("every action but one", policy=_allow(NotAction="iam:CreateUser"), says="NotAction"),
        _case(
            "every action in a managed policy of your own",
            type_=_POLICY,
            policy=_allow(Action="*"),
            says="Action",
        ),
        _case(
            "every action in an inline policy",
            type_=_ROLE,
            assumeRolePolicy=_allow(Action="sts:AssumeRole"),
            inlinePolicies=[{"name": "all", "policy": json.dumps(_allow(Action="*"))}],
            says="inlinePolicies[0].policy",
        ),
        _case(
            "one statement that is not in a list",
            policy={"Statement": {"Effect": "Allow", "Action": "*"}},
            says="'*'",
        ),
        _case("not a policy document", policy="{", says="a document in JSON"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a document that holds another resource's ARN", policy=UNKNOWN, says="policy"),
        _case(
            "an action that is not known yet", policy=_allow(Action=["s3:GetObject", UNKNOWN]), says="Action"
        ),
        _case(
            "an inline policy that is not known yet",
            type_=_ROLE,
            inlinePolicies=[{"policy": UNKNOWN}],
            says="inlinePolicies[0].policy",
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    ),
)


@RULE.check
def _(resource: Resource, intent: Intent) -> Answers:  # noqa: ARG001 - a rule's signature
    paths = [path for path in _DOCUMENTS[resource.type] if resource.has(path)]
    paths += [f"{path}.policy" for path in resource.items("inlinePolicies")]
    for path in paths:
        if resource.value(path) is UNKNOWN:
            yield Undecided(path=path)
            continue
        for statement in statements(resource, path):
            yield from _statement(statement)


def _statement(statement: Statement) -> Answers:
    if not statement.is_known:
        yield Undecided(path=statement.path)
    if not statement.allows:
        return
    for action in statement.not_actions or ():
        want = "an Action that names what is allowed"
        yield Finding(path=f"{statement.path}.NotAction", got=action, want=want)
    for action in statement.actions:
        if action is UNKNOWN:
            yield Undecided(path=f"{statement.path}.Action")
        elif isinstance(action, str) and is_every_action(action):
            want = "named actions, like s3:GetObject"
            yield Finding(path=f"{statement.path}.Action", got=action, want=want)
