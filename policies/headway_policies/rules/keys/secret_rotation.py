"""Production secrets are renewed by themselves."""

from headway_policies.intent import DEVELOPMENT, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.examples import Examples, example
from headway_policies.subjects.once import once
from headway_policies.subjects.values import NOT_PRODUCTION, about, is_set, is_strict, truth

_SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type
_ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
_case = Examples(_SECRET, {"name": "flights/db", "arn": "arn:aws:secretsmanager:x:1:secret:db"})


def _beside(**changes: object) -> tuple[Resource, ...]:
    properties = {"secretId": "flights/db", "rotationRules": {"automaticallyAfterDays": 30}, **changes}
    return (example(_ROTATION, properties),)


RULE = Rule(
    id="HEADWAY-KEY-004",
    slug="secret-rotation",
    title="Production secrets are renewed by themselves",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(_SECRET,),
    reads=(_ROTATION,),
    why="A secret that nobody renews is known to everybody who ever worked on the system.",
    fix="Declare an aws.secretsmanager.SecretRotation for it.",
    passes=(
        _case("every thirty days", beside=_beside()),
        _case("by its ARN", beside=_beside(secretId="arn:aws:secretsmanager:x:1:secret:db")),
    ),
    fails=(
        _case("never", says="rotation is nothing"),
        _case("another secret", beside=_beside(secretId="other"), says="rotation is nothing"),
        _case("without rules", beside=_beside(rotationRules={}), says="rotationRules is {}"),
        _case("switched off", beside=_beside(rotationEnabled=False), says="rotationEnabled is False"),
    ),
    exempts=(_case("outside production", intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        _case(
            "a rotation of a secret that is not known yet", beside=_beside(secretId=UNKNOWN), says="secretId"
        ),
    ),
    references=("https://docs.aws.amazon.com/securityhub/latest/userguide/secretsmanager-controls.html",),
)


@RULE.check_edges
def _(resource: Resource, stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    found = once(stack, "rotations", lambda: _rotations(stack))
    rotations = found.get(resource.urn, ())
    loose = found.get("", ())
    if not rotations and loose:
        yield Undecided(path="secretId", urn=loose[0].urn)
    elif not rotations:
        yield Finding(path="rotation", got=None, want="rules for its renewal")
    for rotation in rotations:
        yield from about(rotation.urn, is_set(rotation, "rotationRules", "rules for its renewal"))
        if truth(rotation.value("rotationEnabled")) is False:
            yield Finding(path="rotationEnabled", got=False, want="True", urn=rotation.urn)


def _rotations(stack: Stack) -> dict[str, tuple[Resource, ...]]:
    """The rotations of each secret, by its URN; those of a secret that is not known yet by nothing."""
    found: dict[str, tuple[Resource, ...]] = {}
    for rotation in stack.of_type(_ROTATION):
        secrets = stack.referenced(rotation, "secretId", _SECRET)
        loose = rotation.value("secretId") is UNKNOWN and not secrets
        for urn in (secret.urn for secret in secrets) if not loose else ("",):
            found[urn] = (*found.get(urn, ()), rotation)
    return found
