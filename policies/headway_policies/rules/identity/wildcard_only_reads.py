"""A wildcard in an action stands for reading only."""

import re

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples, allowing, as_text
from headway_policies.subjects.policies import IDENTITY_POLICIES, ROLE_POLICY, permissions

_ARN = "arn:aws:s3:::data-1"
_case = Examples(ROLE_POLICY, allowing(Action="s3:GetObject", Resource=_ARN))
_READS = re.compile(
    r"[a-z0-9-]+:(get|list|describe|batchget|head|query|scan|search|view|lookup|select)[^*?]*[*?].*"
)

RULE = Rule(
    id="HEADWAY-IAM-002",
    slug="wildcard-only-reads",
    title="A wildcard in an action stands for reading only",
    since="0.1",
    severity=Severity.HIGH,
    resources=IDENTITY_POLICIES,
    why=(
        "`s3:*` deletes buckets, `s3:*Object` overwrites models, `iam:Pas*` hands out roles. What the "
        "wildcard stands for grows with each action that AWS adds."
    ),
    fix="Name the actions that change something, one by one; `headway_components` grants do.",
    passes=(
        _case("named actions"),
        _case("reading by a wildcard", allowing(Action=["s3:Get*", "s3:ListBucket*"], Resource=_ARN)),
        _case("reading, in small letters, as text", as_text(allowing(Action="s3:get*"), "policy")),
        _case("everything denied", {"policy": {"Statement": {"Effect": "Deny", "Action": "s3:*"}}}),
    ),
    fails=(
        _case("all of a service", allowing(Action="s3:*"), says="Action is 's3:*'"),
        _case("a wildcard in the middle", allowing(Action="s3:*Object"), says="'s3:*Object'"),
        _case("half a word", allowing(Action=["s3:GetObject", "iam:Pas*"]), says="'iam:Pas*'"),
        _case("a wildcard for the service", allowing(Action="*:PutObject"), says="'*:PutObject'"),
        _case("one letter left open", allowing(Action="s3:PutObjec?"), says="'s3:PutObjec?'"),
        _case("another case", allowing(Action="S3:PUT*"), says="'S3:PUT*'"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a policy that is not known yet", {"policy": UNKNOWN}, says="policy"),
        _case("an action that is not known yet", allowing(Action=[UNKNOWN]), says="Action"),
    ),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    for statement in permissions(resource):
        if isinstance(statement, Undecided):
            yield statement
            continue
        for action in statement.actions:
            if not isinstance(action, str):
                yield Undecided(path=f"{statement.path}.Action")
            elif ("*" in action or "?" in action) and not _READS.fullmatch(action.lower()):
                yield Finding(path=f"{statement.path}.Action", got=action, want="named actions")
