"""Data sources of a knowledge base are encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.values import own_key

_TYPE = "aws:bedrock/agentDataSource:AgentDataSource"
_case = Examples(_TYPE, {"serverSideEncryptionConfiguration": {"kmsKeyArn": KEY_ARN}})

RULE = Rule(
    id="HEADWAY-GEN-001",
    slug="data-source-key",
    title="Data sources of a knowledge base are encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="While it is read in, every document of the knowledge base lies in storage that this key encrypts.",
    fix="Set `kms_key_arn` in `server_side_encryption_configuration` of the data source.",
    passes=(
        _case("a key's ARN"),
        _case(
            "a key of the same stack, not known yet",
            {"serverSideEncryptionConfiguration.kmsKeyArn": UNKNOWN},
            made_of={"serverSideEncryptionConfiguration": OWN_KEY},
        ),
    ),
    fails=(
        _case(
            "no key",
            {"serverSideEncryptionConfiguration.kmsKeyArn": None},
            says="serverSideEncryptionConfiguration.kmsKeyArn is nothing",
        ),
        _case(
            "an empty key",
            {"serverSideEncryptionConfiguration.kmsKeyArn": ""},
            says="serverSideEncryptionConfiguration.kmsKeyArn is ''",
        ),
        _case(
            "the key that AWS manages",
            {"serverSideEncryptionConfiguration.kmsKeyArn": AWS_KEY},
            says="alias/aws/",
        ),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "made of nothing in the stack",
            {"serverSideEncryptionConfiguration.kmsKeyArn": UNKNOWN},
            says="serverSideEncryptionConfiguration.kmsKeyArn",
        ),
    ),
    references=("https://docs.aws.amazon.com/securityhub/latest/userguide/bedrock-controls.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    yield from own_key(resource, "serverSideEncryptionConfiguration.kmsKeyArn")
