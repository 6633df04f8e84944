"""A stack says what it is meant to be."""

from headway_policies.intent import DataClassification, Intent, IntentProblem
from headway_policies.outcome import Finding, Outcome, Severity
from headway_policies.resource import Resource
from headway_policies.rule import ANY_TYPE, Answers, Case, Rule
from headway_policies.stack_graph import Stack

_BUCKET = (Resource(type="aws:s3/bucket:Bucket", name="data"),)


def _case(title: str, intent: Intent, says: str = "") -> Case:
    return Case(title=title, resources=_BUCKET, intent=intent, says=says)


def _problem(key: str, got: object, want: str) -> Intent:
    return Intent(environment="prod", problems=(IntentProblem(key=key, got=got, want=want),))


RULE = Rule(
    id="HEADWAY-STK-001",
    slug="intent-is-declared",
    title="A stack says what it is meant to be",
    since="0.1",
    severity=Severity.HIGH,
    resources=(ANY_TYPE,),
    why=(
        "Rules tighten with the environment, the class of the data and the frameworks in force. A stack that "
        "says nothing of them would be judged by the weakest rules, which is how production is missed."
    ),
    fix=(
        "Set them in the stack's configuration: `pulumi config set headway:environment prod`, `pulumi "
        "config set headway:dataClassification confidential`, and where they apply `headway:frameworks` (a "
        "list) and `headway:personalData`. For a state file pass the stack's settings: `--config-file "
        "Pulumi.prod.yaml`."
    ),
    passes=(
        _case(
            "environment and class",
            Intent(environment="prod", data_classification=DataClassification.CONFIDENTIAL),
        ),
        _case(
            "with frameworks and data about people",
            Intent(
                environment="dev",
                data_classification=DataClassification.RESTRICTED,
                frameworks=frozenset({"hipaa"}),
                personal_data=True,
            ),
        ),
    ),
    fails=(
        _case(
            "no environment",
            _problem("headway:environment", None, "the environment's name"),
            says="headway:environment is nothing",
        ),
        _case(
            "a class that does not exist",
            _problem("headway:dataClassification", "secret", "one of public, internal"),
            says="headway:dataClassification is 'secret'",
        ),
    ),
    when_unknown=Outcome.FAIL,
    unknowns=(
        _case(
            "a class that is a secret of the configuration: nobody can review it",
            _problem("headway:dataClassification", "not known before the update", "one of public, internal"),
            says="not known",
        ),
    ),
)


@RULE.check_stack
def _(stack: Stack, intent: Intent) -> Answers:  # noqa: ARG001 - a rule's signature
    for problem in intent.problems:
        yield Finding(path=problem.key, got=problem.got, want=problem.want)
