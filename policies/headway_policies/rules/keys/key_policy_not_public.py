"""No key lets everybody use it."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.policy_document import statements
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import ACCOUNT, KEY, Examples, allowing
from headway_policies.subjects.policies import narrows_to_known

_POLICY = "aws:kms/keyPolicy:KeyPolicy"
_ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
_case = Examples(KEY, allowing(Principal=_ROOT, Action="kms:*", Resource="*"))
_policy = Examples(_POLICY, allowing(Principal=_ROOT, Action="kms:*", Resource="*"))

RULE = Rule(
    id="HEADWAY-KEY-003",
    slug="key-policy-not-public",
    title="No key lets everybody use it",
    since="0.1",
    severity=Severity.CRITICAL,
    resources=(KEY, _POLICY),
    why="A key that everybody may use is no key. Every bucket, table and model under it is as open as it is.",
    fix="Name the account or the roles in `Principal`, or add a condition on the account that calls.",
    passes=(
        _case("one account"),
        _case("no policy: AWS then lets in the account", {"policy": None}),
        _case(
            "everybody of one account through one service",
            allowing(
                Principal={"AWS": "*"},
                Action="kms:Decrypt",
                Condition={"StringEquals": {"kms:CallerAccount": ACCOUNT}},
            ),
        ),
    ),
    fails=(
        _case("everybody", allowing(Principal="*", Action="kms:Decrypt"), says="Principal is '*'"),
        _policy("in a policy beside the key", allowing(Principal={"AWS": ["*"]}, Action="kms:*"), says="'*'"),
        _case("everybody but one", allowing(NotPrincipal=_ROOT, Action="kms:*"), says="Principal is '*'"),
        _case(
            "a condition on the service only: everybody may go through S3",
            allowing(
                Principal="*",
                Action="kms:Decrypt",
                Condition={"StringEquals": {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}},
            ),
            says="Principal is '*'",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a policy that is not known yet", {"policy": UNKNOWN}, says="policy"),
        _case("a principal that is not known yet", allowing(Principal={"AWS": UNKNOWN}), says="Principal"),
    ),
    references=("https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    for statement in statements(resource, "policy"):
        if not statement.is_known:
            yield Undecided(path=statement.path)
        elif not statement.allows or narrows_to_known(statement):
            continue
        elif statement.is_for_everybody:
            yield Finding(path=f"{statement.path}.Principal", got="*", want="an account or roles by name")
        elif any(principal.value is UNKNOWN for principal in statement.principals):
            yield Undecided(path=f"{statement.path}.Principal")
