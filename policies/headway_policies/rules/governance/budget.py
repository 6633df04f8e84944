"""A production stack has a budget that tells before it is spent."""

from headway_policies.intent import DEVELOPMENT, PRODUCTION, Intent
from headway_policies.outcome import Finding, Outcome, Severity, Undecided
from headway_policies.resource import UNKNOWN, Resource
from headway_policies.rule import Answers, Case, Rule
from headway_policies.stack_graph import Stack
from headway_policies.subjects.endpoints import ENDPOINT
from headway_policies.subjects.examples import example
from headway_policies.subjects.values import NOT_PRODUCTION, is_strict, number

_BUDGET = "aws:budgets/budget:Budget"
_ENDPOINT = example(ENDPOINT, {"name": "flights"}, "endpoint")
_TELLS = {"threshold": 80, "subscriberSnsTopicArns": ["arn:aws:sns:x:1:people"]}


def _budget(**changes: object) -> Resource:
    return example(_BUDGET, {"limitAmount": "4000", "notifications": [_TELLS], **changes}, "budget")


def _case(title: str, *others: Resource, says: str = "", intent: Intent = PRODUCTION) -> Case:
    return Case(title=title, resources=(_ENDPOINT, *others), says=says, intent=intent)


RULE = Rule(
    id="HEADWAY-GOV-002",
    slug="stack-budget",
    title="A production stack has a budget that tells before it is spent",
    since="0.1",
    severity=Severity.MEDIUM,
    resources=(ENDPOINT,),
    reads=(_BUDGET,),
    why=(
        "Machines with accelerators cost by the hour, also at night and without a request. The bill tells "
        "too late."
    ),
    fix="Declare an aws.budgets.Budget with a limit and a notification that somebody gets.",
    passes=(
        _case("a limit that tells a topic", _budget()),
        _case(
            "one that tells a person",
            _budget(notifications=[{"threshold": 80, "subscriberEmailAddresses": ["a@b.c"]}]),
        ),
        _case(
            "a topic of the same stack, not known yet",
            _budget(notifications=[{"subscriberSnsTopicArns": UNKNOWN}]),
        ),
    ),
    fails=(
        _case("none", says="budget is nothing"),
        _case("one that tells nobody", _budget(notifications=[]), says="notifications is nothing"),
        _case(
            "one that tells an empty list",
            _budget(notifications=[{"threshold": 80}]),
            says="notifications is",
        ),
        _case("a limit of zero", _budget(limitAmount="0"), says="limitAmount is '0'"),
    ),
    exempts=(_case("outside production", intent=DEVELOPMENT),),
    when_unknown=Outcome.UNDECIDED,
    unknowns=(_case("a limit that is not known yet", _budget(limitAmount=UNKNOWN), says="limitAmount"),),
    references=("https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-managing-costs.html",),
)


@RULE.check_stack
def _(stack: Stack, intent: Intent) -> Answers:
    if not is_strict(intent):
        yield NOT_PRODUCTION
        return
    budgets = stack.of_type(_BUDGET)
    if not budgets:
        yield Finding(path="budget", got=None, want="one with a limit and a notification")
    for budget in budgets:
        limit = budget.value("limitAmount")
        plan = budget.has("plannedLimits") or budget.has("autoAdjustData")
        if limit is UNKNOWN:
            yield Undecided(path="limitAmount", urn=budget.urn)
        elif not plan and not (number(limit) or 0) > 0:
            yield Finding(path="limitAmount", got=limit, want="more than zero", urn=budget.urn)
        told = [
            budget.value(f"{path}.{name}")
            for path in budget.items("notifications")
            for name in ("subscriberSnsTopicArns", "subscriberEmailAddresses")
        ]
        if not any(each is UNKNOWN or each for each in told):
            yield Finding(path="notifications", got=None, want="one that somebody gets", urn=budget.urn)
