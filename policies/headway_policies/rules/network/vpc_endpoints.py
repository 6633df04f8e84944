"""A network reaches the services of AWS through doors of its own."""

import re

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.edges import naming
from headway_policies.subjects.examples import example
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict

_VPC = "aws:ec2/vpc:Vpc"
_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
_NAME = re.compile(r"(?:com\.amazonaws\.|aws\.)[a-z0-9-]+\.(.+)|aws\.sagemaker\.[a-z0-9-]+\.(.+)")
_FAMILIES = {
    "aws:sagemaker/": "sagemaker",
    "aws:bedrock/": "bedrock",
    "aws:s3/": "s3",
    "aws:kms/": "kms",
    "aws:dynamodb/": "dynamodb",
    "aws:secretsmanager/": "secretsmanager",
}
"""For each kind of resource the service that workloads in the network call."""
_NET = example(_VPC, {"id": "vpc-1"}, "network")
_MODEL = example("aws:sagemaker/model:Model", name="model")
_DATA = example("aws:s3/bucket:Bucket", name="data")


def _door(service: object, vpc: object = "vpc-1") -> Resource:
    made_of = {"vpcId": _NET} if vpc is UNKNOWN else None
    return example(_ENDPOINT, {"vpcId": vpc, "serviceName": service}, f"{service}", made_of=made_of)


def _case(title: str, *resources: Resource, says: str = "", intent: Intent | None = None) -> Case:
    if intent is None:
        return Case(title=title, resources=(_NET, *resources), says=says)
    return Case(title=title, resources=(_NET, *resources), says=says, intent=intent)


_S3 = _door("com.amazonaws.eu-central-1.s3")
_SAGEMAKER = _door("com.amazonaws.eu-central-1.sagemaker.api")

RULE = Rule(
    id="HEADWAY-NET-008",
    slug="vpc-endpoints",
    title="A network reaches the services of AWS through doors of its own",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_VPC,),
    reads=(_ENDPOINT,),
    why=(
        "Without endpoints data leaves the network to reach S3 or SageMaker, and no policy says which "
        "buckets and accounts it may go to."
    ),
    fix=(
        "Declare an aws.ec2.VpcEndpoint for each service that the stack uses; `headway_components.Network` "
        "does."
    ),
    passes=(
        _case("doors to all that the stack uses", _MODEL, _DATA, _S3, _SAGEMAKER),
        _case("a door of a network that is not known yet", _DATA, _door("com.amazonaws.x-y-1.s3", UNKNOWN)),
        _case("a stack that uses none of them"),
    ),
    fails=(
        _case("no doors", _DATA, says="endpoints is nothing"),
        _case("one is missing", _MODEL, _DATA, _S3, says="sagemaker"),
        _case("a door of another network", _DATA, _door("com.amazonaws.eu-central-1.s3", "vpc-2"), says="s3"),
        _case(
            "a service whose name only begins so",
            _DATA,
            _door("com.amazonaws.eu-central-1.s3-outposts"),
            says="s3",
        ),
    ),
    exempts=(_case("outside production", _DATA, intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("a service that is not known yet", _DATA, _door(UNKNOWN), says="serviceName"),),
    references=("https://docs.aws.amazon.com/sagemaker/latest/dg/interface-vpc-endpoint.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    doors = naming(stack, resource, _ENDPOINT, "vpcId")
    named = [door.value("serviceName") for door in doors]
    open_to = {service for name in named if isinstance(name, str) for service in _services(name)}
    used = {
        service for type_ in stack.types for prefix, service in _FAMILIES.items() if type_.startswith(prefix)
    }
    missing = sorted(used - open_to)
    if missing and UNKNOWN in named:
        yield Undecided(path="serviceName", urn=doors[named.index(UNKNOWN)].urn)
    elif missing:
        got = f"endpoints for {', '.join(sorted(open_to))}" if open_to else None
        yield Finding(path="endpoints", got=got, want=f"also one for {', '.join(missing)}")


def _services(name: str) -> tuple[str, ...]:
    """`com.amazonaws.REGION.sagemaker.api` gives `sagemaker`; `bedrock-runtime` gives `bedrock`."""
    match = _NAME.fullmatch(name)
    if match is None:
        return ()
    service = (match[1] or match[2]).partition(".")[0]
    return ("bedrock",) if service.startswith("bedrock") else (service,)
