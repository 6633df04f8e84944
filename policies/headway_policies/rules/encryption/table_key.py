"""Tables are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.values import is_on, own_key

_TYPE = "aws:dynamodb/table:Table"
_case = Examples(_TYPE, {"serverSideEncryption": {"enabled": True, "kmsKeyArn": KEY_ARN}})

RULE = Rule(
    id="HEADWAY-ENC-005",
    slug="table-key",
    title="Tables are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why=(
        "Online features, release records and decisions lie in tables. Without a key of your own nobody can "
        "see who reads them, or make them unreadable at once."
    ),
    fix="Set `server_side_encryption` with `enabled=True` and `kms_key_arn`.",
    passes=(
        _case("a key's ARN"),
        _case(
            "a key of the same stack, not known yet",
            {"serverSideEncryption.kmsKeyArn": UNKNOWN},
            made_of={"serverSideEncryption": OWN_KEY},
        ),
    ),
    fails=(
        _case(
            "no key",
            {"serverSideEncryption.kmsKeyArn": None},
            says="serverSideEncryption.kmsKeyArn is nothing",
        ),
        _case(
            "an empty key",
            {"serverSideEncryption.kmsKeyArn": ""},
            says="serverSideEncryption.kmsKeyArn is ''",
        ),
        _case("the key that AWS manages", {"serverSideEncryption.kmsKeyArn": AWS_KEY}, says="alias/aws/"),
        _case(
            "a key beside a switch that is off: DynamoDB then takes its own",
            {"serverSideEncryption.enabled": False},
            says="serverSideEncryption.enabled is False",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "made of nothing in the stack",
            {"serverSideEncryption.kmsKeyArn": UNKNOWN},
            says="serverSideEncryption.kmsKeyArn",
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/config/latest/developerguide/dynamodb-table-encrypted-kms.html",
    ),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from is_on(resource, "serverSideEncryption.enabled")
    yield from own_key(resource, "serverSideEncryption.kmsKeyArn")
