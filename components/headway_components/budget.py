"""Budget: what a system may cost in a month, and who is told before it does."""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
from pulumi_aws import budgets

from headway_components import _defaults
from headway_components._args import Args
from headway_components._refs import FoundationRef


@dataclass(frozen=True, kw_only=True)
class BudgetArgs(Args):
    """Arguments of a Budget."""

    foundation: FoundationRef
    """The system that costs."""
    monthly_limit_usd: float
    """What it may cost in a month, in US dollars."""
    topic_arn: pulumi.Input[str]
    """Topic of those who are told."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the limit."""
        if self.monthly_limit_usd <= 0:
            yield f"monthly_limit_usd must be above 0, got {self.monthly_limit_usd:g}; raise it"


class Budget(pulumi.ComponentResource):
    """The ceiling of a system's monthly cost."""

    budget_name: pulumi.Output[str]
    """Name of the budget."""

    def __init__(self, name: str, args: BudgetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = BudgetArgs.of(args)
        super().__init__("headway:index:Budget", name, {}, opts)
        budget = budgets.Budget(
            name,
            name=args.foundation.prefix,
            account_id=args.foundation.account_id,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{args.monthly_limit_usd:.2f}",
            limit_unit="USD",
            # Billing knows tags only once they are activated as cost allocation tags in the paying account.
            cost_filters=[
                budgets.BudgetCostFilterArgs(
                    name="TagKeyValue", values=[f"user:headway:system${args.foundation.system}"]
                )
            ],
            notifications=[
                _notification("ACTUAL", _defaults.BUDGET_WARNING_PCT, args.topic_arn),
                _notification("FORECASTED", 100, args.topic_arn),
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.budget_name = budget.name
        self.register_outputs({"budgetName": self.budget_name})


def _notification(
    kind: str, threshold_pct: float, topic_arn: pulumi.Input[str]
) -> budgets.BudgetNotificationArgs:
    return budgets.BudgetNotificationArgs(
        notification_type=kind,
        comparison_operator="GREATER_THAN",
        threshold=threshold_pct,
        threshold_type="PERCENTAGE",
        subscriber_sns_topic_arns=[topic_arn],
    )
