"""No policy of a topic, queue or secret lets everybody in."""

import json

from headway_policies.intent import Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.policy_document import statements
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.subjects.examples import ACCOUNT, example
from headway_policies.subjects.policies import narrows_to_known

_TOPIC = "aws:sns/topicPolicy:TopicPolicy"
_QUEUE = "aws:sqs/queuePolicy:QueuePolicy"
_SECRET = "aws:secretsmanager/secretPolicy:SecretPolicy"  # noqa: S105 - a type


def _case(title: str, says: str = "", type_: str = _TOPIC, **changes: object) -> Case:
    held = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sns:Publish", **changes}
    return Case(
        title=title, resources=(example(type_, {"policy": json.dumps({"Statement": held})}),), says=says
    )


RULE = Rule(
    id="HEADWAY-PUB-005",
    slug="message-policy-not-public",
    title="No policy of a topic, queue or secret lets everybody in",
    since="0.1",
    severity=Severity.HIGH,
    resources=(_TOPIC, _QUEUE, _SECRET),
    why=(
        "Whoever may publish to a topic of alarms rings them; whoever reads a queue of reviews reads what "
        "people sent."
    ),
    fix="Name accounts, roles or services in `Principal`, or add a condition on the account that asks.",
    passes=(
        _case("one account"),
        _case("one service", Principal={"Service": "cloudwatch.amazonaws.com"}),
        _case(
            "everybody of one account",
            Principal="*",
            Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        ),
    ),
    fails=(
        _case("everybody", Principal="*", says="Principal is '*'"),
        _case("everybody to a queue", type_=_QUEUE, Principal={"AWS": "*"}, says="Principal is '*'"),
        _case("everybody to a secret", type_=_SECRET, Principal="*", says="Principal is '*'"),
    ),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(
        Case(
            title="a policy that is not known yet",
            resources=(example(_TOPIC, {"policy": UNKNOWN}),),
            says="policy",
        ),
    ),
    references=("https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html",),
)


@RULE.check
def _(resource: Resource, _intent: Intent) -> Answers:
    for statement in statements(resource, "policy"):
        if not statement.is_known:
            yield Undecided(path=statement.path)
        elif statement.allows and statement.is_for_everybody and not narrows_to_known(statement):
            yield Finding(
                path=f"{statement.path}.Principal", got="*", want="accounts, roles or services by name"
            )
