"""Functions and endpoints write to a log group of the stack."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import ENDPOINT
from headway_policies.subjects.examples import Examples, example
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict, plain

_FUNCTION = "aws:lambda/function:Function"
_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_case = Examples(_FUNCTION, {"name": "release", "loggingConfig": {"logGroup": "/headway/release"}})
_endpoint = Examples(ENDPOINT, {"name": "flights"})


def _group(name: object) -> tuple[Resource, ...]:
    return (example(_GROUP, {"name": name}, "group"),)


RULE = Rule(
    id="HEADWAY-LOG-005",
    slug="log-group-declared",
    title="Functions and endpoints write to a log group of the stack",
    since="0.1",
    severity=Severity.LOW,
    resources=(_FUNCTION, ENDPOINT),
    reads=(_GROUP,),
    why=(
        "Where no group is declared AWS makes one at the first line, without a key of yours, and keeps it "
        "for ever, after the stack is gone as well."
    ),
    fix="Declare an aws.cloudwatch.LogGroup with the name that AWS writes to, or name one in the function.",
    passes=(
        _case("a group that the function names", beside=_group("/headway/release")),
        _case(
            "a group of the function's own name",
            {"loggingConfig": None},
            beside=_group("/aws/lambda/release"),
        ),
        _endpoint("a group of the endpoint's name", beside=_group("/aws/sagemaker/Endpoints/flights")),
    ),
    fails=(
        _case("no group", {"loggingConfig": None}, says="log group is nothing"),
        _case("a group that is not in the stack", beside=_group("/other"), says="log group is nothing"),
        _endpoint("an endpoint without", says="log group is nothing"),
    ),
    exempts=(_case("outside production", intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _endpoint("a group whose name is not known yet", beside=_group(UNKNOWN), says="name"),
        _endpoint("an endpoint whose name is not known yet", {"name": UNKNOWN}, says="name"),
    ),
    references=("https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    groups = stack.of_type(_GROUP)
    name = resource.value("name")
    if resource.type == _FUNCTION and resource.has("loggingConfig.logGroup"):
        if not stack.referenced(resource, "loggingConfig.logGroup", _GROUP):
            yield from _missing(resource.value("loggingConfig.logGroup"), "loggingConfig.logGroup")
        return
    prefix = "/aws/lambda/" if resource.type == _FUNCTION else "/aws/sagemaker/Endpoints/"
    written = {plain(group.value("name")) for group in groups}
    if name is UNKNOWN or (UNKNOWN in written and f"{prefix}{name}" not in written):
        yield Undecided(path="name")
    elif f"{prefix}{name}" not in written:
        yield from _missing(None, "log group")


def _missing(value: object, path: str) -> Answers:
    if value is UNKNOWN:
        yield Undecided(path=path)
    else:
        yield Finding(path="log group", got=None, want="a log group of the stack")
