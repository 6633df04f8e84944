"""What an endpoint captures is encrypted with a customer-managed key."""

from headway_policies.intent import Intent
from headway_policies.outcome import NotApplicable, Outcome, Severity
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.subjects.examples import AWS_KEY, KEY_ARN, OWN_KEY, Examples
from headway_policies.subjects.values import own_key, truth

_TYPE = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
_case = Examples(_TYPE, {"dataCaptureConfig": {"enableCapture": True, "kmsKeyId": KEY_ARN}})

RULE = Rule(
    id="HEADWAY-ENC-008",
    slug="capture-key",
    title="What an endpoint captures is encrypted with a customer-managed key",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TYPE,),
    why=(
        "Captured requests are what people sent to the model, word for word. Without a key of your own "
        "nobody can see who reads them, or make them unreadable at once."
    ),
    fix=(
        "Set `kms_key_id` in `data_capture_config`, or declare the endpoint with "
        "`headway_components.Endpoint`."
    ),
    passes=(
        _case("a key's ARN"),
        _case(
            "a key of the same stack, not known yet",
            {"dataCaptureConfig.kmsKeyId": UNKNOWN},
            made_of={"dataCaptureConfig": OWN_KEY},
        ),
    ),
    fails=(
        _case("no key", {"dataCaptureConfig.kmsKeyId": None}, says="dataCaptureConfig.kmsKeyId is nothing"),
        _case("an empty key", {"dataCaptureConfig.kmsKeyId": ""}, says="dataCaptureConfig.kmsKeyId is ''"),
        _case("the key that AWS manages", {"dataCaptureConfig.kmsKeyId": AWS_KEY}, says="alias/aws/"),
    ),
    exempts=(
        _case("no capture", {"dataCaptureConfig": None}),
        _case("capture switched off", {"dataCaptureConfig": {"enableCapture": False}}),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "made of nothing in the stack",
            {"dataCaptureConfig.kmsKeyId": UNKNOWN},
            says="dataCaptureConfig.kmsKeyId",
        ),
    ),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    config = resource.value("dataCaptureConfig")
    if not config or truth(resource.value("dataCaptureConfig.enableCapture")) is False:
        yield NotApplicable(reason="the endpoint captures nothing")
        return
    yield from own_key(resource, "dataCaptureConfig.kmsKeyId")
