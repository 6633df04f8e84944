"""What people ask language models is logged, in a place of its owner's."""

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import Examples
from headway_policies.subjects.values import truth

_TYPE = "aws:bedrockmodel/invocationLoggingConfiguration:InvocationLoggingConfiguration"
_S3, _LOGS = "loggingConfig.s3Config.bucketName", "loggingConfig.cloudwatchConfig.logGroupName"
_TEXT = "loggingConfig.textDataDeliveryEnabled"
_case = Examples(
    _TYPE, {"loggingConfig": {"s3Config": {"bucketName": "prompts"}, "textDataDeliveryEnabled": True}}
)

RULE = Rule(
    id="HEADWAY-GEN-009",
    slug="invocation-logging",
    title="What people ask language models is logged, in a place of its owner's",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_TYPE,),
    why="Without the log nobody can say what a model was told to do, what it answered, and to whom.",
    fix="Name a bucket or a log group, and leave the delivery of text on.",
    passes=(
        _case("a bucket"),
        _case("a log group", {"loggingConfig": {"cloudwatchConfig": {"logGroupName": "/prompts"}}}),
        _case("a bucket of the same stack, not known yet", {_S3: UNKNOWN}),
    ),
    fails=(
        _case("nowhere", {"loggingConfig.s3Config": None}, says="destination is nothing"),
        _case("an empty name", {_S3: ""}, says="destination is nothing"),
        _case("without the text", {_TEXT: False}, says=f"{_TEXT} is False"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("not known yet", {_TEXT: UNKNOWN}, says=_TEXT),),
    references=("https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    if not resource.value(_S3) and not resource.value(_LOGS):
        yield Finding(path="loggingConfig destination", got=None, want="a bucket or a log group")
    text = truth(resource.value(_TEXT))
    if text is UNKNOWN:
        yield Undecided(path=_TEXT)
    elif text is False:
        yield Finding(path=_TEXT, got=False, want="True")
