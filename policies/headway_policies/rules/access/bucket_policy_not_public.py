"""No bucket policy lets everybody in."""

import json

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.policy_document import statements
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.buckets import BUCKETS, POLICY
from headway_policies.subjects.examples import example
from headway_policies.subjects.policies import narrows_to_known

_READ = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data-1/*"}


def _case(title: str, says: str = "", as_text: bool = True, **changes: object) -> Case:
    statement = {key: value for key, value in {**_READ, **changes}.items() if value is not None}
    document = {"Statement": [statement]}
    properties = {"bucket": "data-1", "policy": json.dumps(document) if as_text else document}
    return Case(title=title, resources=(example(POLICY[0], properties),), says=says)


RULE = Rule(
    id="HEADWAY-PUB-003",
    slug="bucket-policy-not-public",
    title="No bucket policy lets everybody in",
    since="0.1",
    severity=Severity.CRITICAL,
    resources=(*POLICY, *BUCKETS),
    why=(
        "Anybody on the internet can then read the training data, or put a model of theirs in the place of "
        "yours."
    ),
    fix="Name the roles in `Principal`, or bind the statement to your account with a condition.",
    passes=(
        _case("one role", Principal={"AWS": "arn:aws:iam::111122223333:role/trainer"}),
        _case(
            "everybody of one account", Condition={"StringEquals": {"aws:PrincipalAccount": "111122223333"}}
        ),
        _case("through one endpoint only", Condition={"StringEquals": {"aws:sourceVpce": "vpce-1"}}),
        _case("denied to everybody", Effect="Deny"),
    ),
    fails=(
        _case("everybody", says="Principal is '*'"),
        _case(
            "everybody, written as a list", Principal={"AWS": ["*"]}, as_text=False, says="Principal is '*'"
        ),
        _case(
            "everybody but one",
            Principal=None,
            NotPrincipal={"AWS": "arn:aws:iam::111122223333:root"},
            says="NotPrincipal",
        ),
        _case(
            "a condition that any account meets",
            Condition={"StringLike": {"aws:PrincipalAccount": "*"}},
            says="Principal is '*'",
        ),
        _case(
            "a condition that says nothing of who asks",
            Condition={"Bool": {"aws:SecureTransport": "true"}},
            says="'*'",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        Case(
            title="a policy that is not known yet",
            resources=(example(POLICY[0], {"bucket": "data-1", "policy": UNKNOWN}),),
            says="policy",
        ),
        _case(
            "a principal that is not known yet", Principal={"AWS": UNKNOWN}, as_text=False, says="Principal"
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    for statement in statements(resource, "policy"):
        if not statement.allows or narrows_to_known(statement):
            continue
        if statement.not_principals is not None:
            yield Finding(path=f"{statement.path}.NotPrincipal", got="everybody but some", want="a Principal")
        for principal in statement.principals:
            if principal.is_everybody:
                want = "roles or accounts by name"
                yield Finding(path=f"{statement.path}.Principal", got=principal.value, want=want)
            elif principal.value is UNKNOWN:
                yield Undecided(path=f"{statement.path}.Principal")
