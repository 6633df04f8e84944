"""Every bucket refuses requests without TLS."""

import json
from collections.abc import Mapping

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.policy_document import Statement, parse
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import BUCKET, BUCKETS, POLICY, policies_of, settings
from headway_policies.subjects.examples import Examples, example
from headway_policies.subjects.values import plain, type_of

_ARN = "arn:aws:s3:::data-1"
_case = Examples(BUCKET, {"bucket": "data-1", "arn": _ARN})
_TLS = {"Bool": {"aws:SecureTransport": "false"}}
_DENY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [_ARN, f"{_ARN}/*"],
    "Condition": _TLS,
}


def _with(title: str, says: str = "", as_object: bool = False, **changes: object) -> Case:
    statement = {key: value for key, value in {**_DENY, **changes}.items() if value is not None}
    document: object = {"Version": "2012-10-17", "Statement": [statement]}
    policy = document if as_object else json.dumps(document)
    return _case(title, says=says, beside=(example(POLICY[0], {"bucket": "data-1", "policy": policy}),))


RULE = Rule(
    id="HEADWAY-TLS-001",
    slug="bucket-tls-only",
    title="Every bucket refuses requests without TLS",
    since="0.1",
    severity=Severity.HIGH,
    resources=BUCKETS,
    reads=POLICY,
    why=(
        "S3 answers without TLS too. Then training data crosses networks in the clear, and anyone on the way "
        "can change the model that is loaded."
    ),
    fix=(
        "Deny every action where `aws:SecureTransport` is false, for everybody, on the bucket and its "
        "objects; `headway_components.Foundation` does."
    ),
    passes=(
        _with("a policy of its own"),
        _with("as an object, with each word in a case of its own", as_object=True, Action="S3:*"),
        _with("every action there is", Action="*", Principal={"AWS": "*"}),
        _with("the key of the condition in another case", Condition={"Bool": {"AWS:securetransport": False}}),
        _with("a number of TLS to be below", Condition={"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
        _case(
            "made of the bucket's ARN, which is not known yet",
            {"arn": UNKNOWN, "bucket": UNKNOWN},
            beside=(
                example(
                    POLICY[0],
                    {"bucket": UNKNOWN, "policy": {"Statement": {**_DENY, "Resource": [UNKNOWN, UNKNOWN]}}},
                    made_of={"bucket": example(BUCKET), "policy": example(BUCKET)},
                ),
            ),
        ),
        _case("inline", {"policy": json.dumps({"Statement": _DENY})}),
    ),
    fails=(
        _case("no policy", says="policy is nothing"),
        _with("reading only", Action="s3:GetObject", says="policy is"),
        _with("objects only", Resource=f"{_ARN}/*", says="policy is"),
        _with("the bucket only, not its objects", Resource=_ARN, says="policy is"),
        _with("one account only", Principal={"AWS": "arn:aws:iam::111122223333:root"}, says="policy is"),
        _with("a condition turned round", Condition={"Bool": {"aws:SecureTransport": "true"}}, says="policy"),
        _with(
            "a second condition, which lets the rest through",
            Condition={**_TLS, "StringEquals": {"aws:PrincipalAccount": "111122223333"}},
            says="policy is",
        ),
        _with("an Allow", Effect="Allow", says="policy is"),
        _with("everything but reading", Action=None, NotAction="s3:GetObject", says="policy is"),
        _with("everything but the objects", Resource=None, NotResource=f"{_ARN}/*", says="policy is"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "a policy that is not known yet",
            beside=(example(POLICY[0], {"bucket": "data-1", "policy": UNKNOWN}),),
            says="policy",
        ),
        _with(
            "resources that are made of nothing in the stack",
            as_object=True,
            Resource=[UNKNOWN],
            says="policy",
        ),
    ),
    references=("https://docs.aws.amazon.com/config/latest/developerguide/s3-bucket-ssl-requests-only.html",),
)

_ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject")


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    found = settings(stack, POLICY)
    documents = policies_of(resource, found)
    if not documents:
        yield from found.missing(resource, "policy", "a statement that denies requests without TLS")
        return
    statements: list[tuple[Resource, Statement]] = []
    for owner, document in documents:
        if document is UNKNOWN:
            yield Undecided(path="policy", urn=owner.urn)
        elif isinstance(document, Mapping):
            statements += ((owner, statement) for statement in parse(document))
    if any(_denies(statement, resource, owner) for owner, statement in statements):
        return
    for owner, statement in statements:
        if statement.unknowns and statement.effect in ("Deny", UNKNOWN):
            yield Undecided(path="policy", urn=owner.urn)
            return
    if all(document is not UNKNOWN for _, document in documents):
        want = "a statement that denies everybody every action without TLS, on the bucket and its objects"
        yield Finding(path="policy", got="a policy without it", want=want)


def _denies(statement: Statement, bucket: Resource, owner: Resource) -> bool:
    return (
        statement.effect == "Deny"
        and any(item.is_everybody for item in statement.principals)
        and all(statement.covers_action(action) for action in _ACTIONS)
        and _covers(statement, bucket, owner)
        and len(statement.conditions) == 1
        and _is_about_tls(statement)
    )


def _covers(statement: Statement, bucket: Resource, owner: Resource) -> bool:
    if set(map(plain, statement.resources)) == {UNKNOWN}:
        # Two ARNs that are made of this bucket alone: the bucket and its objects.
        buckets = [urn for urn in owner.references.get("policy", ()) if type_of(urn) in BUCKETS]
        return buckets == [bucket.urn] and len(statement.resources) > 1
    names = (bucket.value("bucket"), bucket.value("id"))
    arns = [f"arn:aws:s3:::{name}" for name in names if isinstance(name, str)] + [bucket.value("arn")]
    return any(
        isinstance(arn, str) and statement.covers_resource(arn) and statement.covers_resource(f"{arn}/it")
        for arn in arns
    )


def _is_about_tls(statement: Statement) -> bool:
    if statement.condition("aws:SecureTransport", "Bool") == ("false",):
        return True
    return bool(statement.condition("s3:TlsVersion", "NumericLessThan"))
