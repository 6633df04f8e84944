"""What an endpoint captures about people no person reads as it came."""

from headway_policies.intent import PRODUCTION, DataClassification, Intent
from headway_policies.outcome import Finding, NotApplicable, Outcome, Severity, Undecided
from headway_policies.policy_document import statements
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.buckets import BUCKET, BUCKETS, bucket_of
from headway_policies.subjects.endpoints import CONFIGURATION
from headway_policies.subjects.erasure import objects, readers
from headway_policies.subjects.examples import ACCOUNT, allowing, example
from headway_policies.subjects.policies import IDENTITY_POLICIES, ROLE, ROLE_POLICY
from headway_policies.subjects.values import plain, truth

_URI = "dataCaptureConfig.destinationS3Uri"
_PEOPLE = Intent(environment="prod", data_classification=DataClassification.RESTRICTED, personal_data=True)
_READS = allowing(Action="s3:GetObject", Resource="arn:aws:s3:::capture-1/*")


def _captured(uri: object = "s3://capture-1/flights", mode: str = "Input") -> Resource:
    options = [{"captureMode": mode}]
    config = {"enableCapture": True, "destinationS3Uri": uri, "captureOptions": options}
    return example(CONFIGURATION, {"dataCaptureConfig": config})


def _role(principal: object) -> Resource:
    document = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]}
    return example(ROLE, {"name": "reader", "assumeRolePolicy": document}, "reader")


_SERVICE = _role({"Service": "sagemaker.amazonaws.com"})
_PERSON = _role({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
_POLICY = example(ROLE_POLICY, {**_READS, "role": "reader"}, "reads")
_USER = "aws:iam/userPolicy:UserPolicy"


def _case(
    title: str,
    *others: Resource,
    says: str = "",
    it: Resource | None = None,
    intent: Intent = _PEOPLE,
) -> Case:
    it = _captured() if it is None else it
    return Case(
        title=title,
        resources=(it, example(BUCKET, {"bucket": "capture-1"}, "bucket"), *others),
        says=says,
        intent=intent,
    )


RULE = Rule(
    id="HEADWAY-PRV-005",
    slug="capture-not-read",
    title="What an endpoint captures about people no person reads as it came",
    since="0.1",
    severity=Severity.HIGH,
    resources=(CONFIGURATION,),
    reads=(*BUCKETS, *IDENTITY_POLICIES),
    why=(
        "SageMaker captures requests as they came and takes nothing out of what they say about people. Jobs "
        "compare them; a person who browses them has no purpose that anybody declared."
    ),
    fix=(
        "Let only roles of services read the captures, or capture the answers alone "
        '(`capture_options` with `"Output"`).'
    ),
    passes=(
        _case("a job reads them", _SERVICE, _POLICY),
        _case("nobody reads them"),
        _case(
            "a person reads the answers, which hold no request", _PERSON, _POLICY, it=_captured(mode="Output")
        ),
        _case(
            "a person reads another bucket",
            example(_USER, allowing(Action="s3:*", Resource="arn:aws:s3:::reports/*")),
        ),
    ),
    fails=(
        _case("a role of people", _PERSON, _POLICY, says="assumed by AWS"),
        _case("a user", example(_USER, _READS), says="a user"),
        _case(
            "a group, by a pattern",
            example(
                "aws:iam/groupPolicy:GroupPolicy",
                allowing(Action="s3:Get*", Resource="arn:aws:s3:::capture-?/*"),
            ),
            says="a group",
        ),
        _case(
            "a user who may read all but something else",
            example(_USER, allowing(NotAction="iam:*", NotResource="arn:aws:s3:::other/*")),
            says="a user",
        ),
    ),
    exempts=(
        _case("no data about people", example(_USER, _READS), intent=PRODUCTION),
        _case("no capture", it=example(CONFIGURATION, {})),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case("a bucket that is not known yet", it=_captured(UNKNOWN), says=_URI),
        _case(
            "a role whose trust is not known yet",
            example(ROLE, {"name": "reader", "assumeRolePolicy": UNKNOWN}, "reader"),
            _POLICY,
            says="assumeRolePolicy",
        ),
    ),
    references=(
        "https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture.html",
        "https://eur-lex.europa.eu/eli/reg/2016/679/oj#art_25",
    ),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not intent.personal_data:
        yield NotApplicable(reason="the stack declares no data about people")
        return
    if not resource.has(_URI) or truth(resource.value("dataCaptureConfig.enableCapture")) is False:
        yield NotApplicable(reason="the endpoint captures nothing")
        return
    if _is_answers_only(resource):
        return
    bucket, uri = bucket_of(stack, resource, _URI), resource.value(_URI)
    if bucket is None:
        yield Undecided(path=_URI)
        return
    prefix = uri.removeprefix("s3://").partition("/")[2] if isinstance(uri, str) else ""
    for policy in readers(stack, "s3:GetObject", bucket, objects(bucket, prefix)):
        yield from _no_person(stack, policy)


def _is_answers_only(resource: Resource) -> bool:
    path = "dataCaptureConfig.captureOptions"
    value = resource.value(path)
    modes = (
        {plain(item.get("captureMode")) for item in value if isinstance(item, dict)}
        if isinstance(value, list)
        else set()
    )
    return modes == {"Output"}


def _no_person(stack: Stack, policy: Resource) -> Answers:
    kind = policy.type.rsplit("/", 1)[-1].partition("Policy")[0]
    if kind in {"user", "group"}:
        yield Finding(path="reader", got=f"a {kind}", want="roles of services alone", urn=policy.urn)
        return
    roles = (policy,) if policy.type == ROLE else stack.referenced(policy, "role", ROLE)
    for role in roles:
        for statement in statements(role, "assumeRolePolicy"):
            people = sorted({item.kind for item in statement.principals} - {"Service"})
            if statement.allows and people:
                got = f"a role assumed by {' and '.join(people)}"
                yield Finding(path="reader", got=got, want="roles of services alone", urn=role.urn)
