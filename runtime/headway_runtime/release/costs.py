"""What answers cost, from declared prices: the time of the machine that gives them, and tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_US_AN_HOUR = 3_600_000_000


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices in US dollars; None for what costs nothing.

    Attributes:
        instance_hour_usd: An hour of one machine.
        million_input_tokens_usd: A million tokens that were read.
        million_output_tokens_usd: A million tokens that were written.
    """

    instance_hour_usd: float | None = None
    million_input_tokens_usd: float | None = None
    million_output_tokens_usd: float | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any] | None) -> "Prices":
        """The prices that a release plan's JSON document names."""
        return cls(**({} if document is None else document))


def cost_per_thousand_usd(
    prices: Prices, mean_latency_us: float | None, tokens: Sequence[tuple[int, int]]
) -> float | None:
    """What a thousand answers cost, in US dollars; None without prices, or where one's measure is missing.

    A machine's hour is shared by what it answers, so an answer costs the time that it takes. That does not
    depend on the share of the traffic that a variant has, so that both variants can be compared.

    Args:
        prices: The declared prices.
        mean_latency_us: Time that an answer takes, in microseconds; None where none was given.
        tokens: Tokens read and written for each answer that counts them.
    """
    if prices == Prices():
        return None
    cost = 0.0
    if prices.instance_hour_usd is not None:
        if mean_latency_us is None:
            return None
        cost += prices.instance_hour_usd * mean_latency_us / _US_AN_HOUR
    for place, price in enumerate((prices.million_input_tokens_usd, prices.million_output_tokens_usd)):
        if price is None:
            continue
        if not tokens:
            return None
        cost += price * sum(item[place] for item in tokens) / len(tokens) / 1_000_000
    return 1_000 * cost
