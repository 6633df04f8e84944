"""What a role may do with data is said bucket by bucket, table by table, key by key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.policy_document import Statement, has_wildcard
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import BUCKET, bucket_name
from headway_policies.subjects.examples import Examples, allowing, example
from headway_policies.subjects.policies import IDENTITY_POLICIES, ROLE_POLICY, permissions

_case = Examples(ROLE_POLICY, allowing(Action="s3:GetObject", Resource="arn:aws:s3:::data-1/*"))
_BUCKET = example(BUCKET, {"bucket": "data-1"})
_DATA = ("s3", "dynamodb", "kms", "secretsmanager", "sqs")
_HOLDERS = (
    *("aws:s3/", "aws:dynamodb/", "aws:kms/", "aws:secretsmanager/", "aws:sqs/"),
    *("aws-native:s3:", "aws-native:dynamodb:", "aws-native:kms:"),
)

RULE = Rule(
    id="HEADWAY-IAM-004",
    slug="data-access-scoped",
    title="What a role may do with data is said bucket by bucket, table by table, key by key",
    since="0.1",
    severity=Severity.HIGH,
    resources=IDENTITY_POLICIES,
    why=(
        "`arn:aws:s3:::flights-*` is every bucket that anybody ever calls so, in any account. An edge from a "
        "role to data is one that a reviewer has seen, not one that a name opens."
    ),
    fix="Name whole buckets, tables, keys, secrets and queues; a wildcard may stand behind the name only.",
    passes=(
        _case("the objects of one bucket"),
        _case("one prefix of it", allowing(Action="s3:PutObject", Resource="arn:aws:s3:::data-1/models/*")),
        _case(
            "a bucket of the same stack, not known yet",
            allowing(Action="s3:GetObject", Resource=[UNKNOWN]),
            made_of={"policy": _BUCKET},
            beside=(_BUCKET,),
        ),
    ),
    fails=(
        _case(
            "every bucket of a name",
            allowing(Action="s3:GetObject", Resource="arn:aws:s3:::data-*"),
            says="Resource is 'arn:aws:s3:::data-*'",
        ),
        _case(
            "a wildcard in the middle of the name",
            allowing(Action="s3:GetObject", Resource="arn:aws:s3:::data-?/models/*"),
            says="data-?/models",
        ),
        _case(
            "every key of the account",
            allowing(Action="kms:Decrypt", Resource="arn:aws:kms:eu-central-1:111122223333:key/*"),
            says="key/*",
        ),
        _case(
            "every table, in every account",
            allowing(Action="dynamodb:GetItem", Resource="arn:aws:dynamodb:*:*:table/*"),
            says="table/*",
        ),
    ),
    exempts=(_case("no data", allowing(Action="states:StartExecution", Resource="arn:aws:states:*")),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "resources that are made of nothing in the stack",
            allowing(Action="s3:GetObject", Resource=[UNKNOWN]),
            says="Resource",
        ),
        _case("a policy that is not known yet", {"policy": UNKNOWN}, says="policy"),
    ),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
    ),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, _intent: Intent) -> Answers:
    found = list(permissions(resource))
    about_data = [item for item in found if isinstance(item, Undecided) or _is_about_data(item)]
    if not about_data:
        yield NotApplicable(reason="it says nothing about data")
    holders = [source for source in stack.made_of(resource) if source.type.startswith(_HOLDERS)]
    for item in about_data:
        if isinstance(item, Undecided):
            yield item
            continue
        for arn in item.resources:
            if isinstance(arn, str):
                if _is_open(arn):
                    want = "the whole name of a bucket, table, key, secret or queue"
                    yield Finding(path=f"{item.path}.Resource", got=arn, want=want)
            elif not holders:
                yield Undecided(path=f"{item.path}.Resource")


def _is_about_data(statement: Statement) -> bool:
    services = {str(action).partition(":")[0].lower() for action in statement.actions}
    return bool(services & set(_DATA))


def _is_open(arn: str) -> bool:
    parts = arn.split(":", 5)
    if len(parts) < 6 or parts[2] not in _DATA:
        return False
    service, account, name = parts[2], parts[4], parts[5]
    if service == "s3":
        return has_wildcard(bucket_name(arn)) and bool(bucket_name(arn).strip("*"))
    kind, _, rest = name.partition("/")
    own = rest.split("/")[0] if service in {"kms", "dynamodb"} else name.rpartition(":")[2]
    # A secret's ARN ends in six letters that nobody knows before it is there.
    own = own.removesuffix("-??????") if service == "secretsmanager" else own
    return has_wildcard(own) or has_wildcard(account) or has_wildcard(kind if service != "sqs" else "")
