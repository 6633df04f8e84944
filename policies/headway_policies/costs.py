"""What a stack costs a month at least: everything in it that runs all the time, from a table of prices. Pure.

Usage (requests, storage, jobs) is not in it. A price that the table does not hold is unknown, which is said.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headway_policies.resource import UNKNOWN, Resource
from headway_policies.stack_graph import Stack
from headway_policies.toml_tables import Table, read_table

PRICES: Final = Path(__file__).parent / "data" / "prices.toml"

_CONFIGURATION: Final = "aws:sagemaker/endpointConfiguration:EndpointConfiguration"
_NOTEBOOK: Final = "aws:sagemaker/notebookInstance:NotebookInstance"
_NAT: Final = "aws:ec2/natGateway:NatGateway"
_VPC_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
_SCALED: Final = "aws:appautoscaling/target:Target"
COSTLY_TYPES: Final = (_CONFIGURATION, _NOTEBOOK, _NAT, _VPC_ENDPOINT)


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices an hour.

    Args:
        region: The only region that they are of.
        source: Where they come from, in words.
        date: When they were put together.
        hours_per_month: How many hours a month is taken for.
        hosting_usd: For each instance type.
        each_usd: For each other thing.
    """

    region: str
    source: str
    date: str
    hours_per_month: int
    hosting_usd: Mapping[str, float]
    each_usd: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class CostItem:
    """One thing that runs all the time.

    Args:
        urn: The resource.
        what: What it is, for example `3 x ml.m5.xlarge`.
        usd_per_month: What it costs; None where the price is not known.
    """

    urn: str
    what: str
    usd_per_month: float | None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a stack costs a month at least.

    Args:
        items: What was counted.
        region: The region of the prices.
        date: When they were put together.
        source: Where they come from, in words.
    """

    items: tuple[CostItem, ...]
    region: str
    date: str
    source: str

    @property
    def usd_per_month(self) -> float:
        """The sum of what is known."""
        return round(sum(item.usd_per_month for item in self.items if item.usd_per_month is not None), 2)

    @property
    def unknown(self) -> tuple[CostItem, ...]:
        """What has no known price."""
        return tuple(item for item in self.items if item.usd_per_month is None)


def load_prices(path: Path = PRICES) -> Prices:
    """Reads a table of prices.

    Raises:
        DataFileError: It is none.
    """
    table = read_table(path)
    table.only("region", "source", "date", "hours_per_month", "hosting", "each")
    hours = table.values.get("hours_per_month")
    if not isinstance(hours, int) or isinstance(hours, bool):
        table.wrong("hours_per_month", "a whole number of hours")
        hours = 0
    prices = Prices(
        region=table.text("region"),
        source=table.text("source"),
        date=str(table.values.get("date", "")),
        hours_per_month=hours,
        hosting_usd=_amounts(table.table("hosting")),
        each_usd=_amounts(table.table("each")),
    )
    table.require_none_wrong()
    return prices


def estimate(stack: Stack, prices: Prices, region: str | None) -> Estimate:
    """What a stack costs a month at least.

    Args:
        stack: Its resources.
        prices: The table.
        region: The stack's region; prices of another region are unknown. None where nobody said: the prices'
            own is taken.
    """
    known = region is None or region == prices.region
    items = [
        CostItem(urn=urn, what=what, usd_per_month=_monthly(hourly, prices) if known else None)
        for urn, what, hourly in _running(stack, prices)
    ]
    return Estimate(items=tuple(items), region=prices.region, date=prices.date, source=prices.source)


def _running(stack: Stack, prices: Prices) -> Iterator[tuple[str, str, float | None]]:
    most = _scaled_to(stack)
    for resource in stack.of_type(*COSTLY_TYPES):
        if resource.type == _CONFIGURATION:
            yield from _variants(resource, prices, most)
        elif resource.type == _NOTEBOOK:
            kind = resource.value("instanceType")
            yield resource.urn, f"1 x {_shown(kind)}", _price(kind, prices)
        elif resource.type == _NAT:
            yield resource.urn, "a NAT gateway", prices.each_usd.get("nat_gateway")
        elif resource.value("vpcEndpointType") == "Interface":
            zones, each = _zones(resource), prices.each_usd.get("interface_endpoint_per_zone")
            hourly = None if zones is None or each is None else zones * each
            yield resource.urn, f"an interface endpoint in {_shown(zones)} zones", hourly


def _variants(
    resource: Resource, prices: Prices, most: int | None
) -> Iterator[tuple[str, str, float | None]]:
    for name in ("productionVariants", "shadowProductionVariants"):
        variants = resource.value(name)
        for variant in variants if isinstance(variants, list | tuple) else ():
            if not isinstance(variant, Mapping) or variant.get("serverlessConfig") is not None:
                continue
            kind, count = variant.get("instanceType"), variant.get("initialInstanceCount")
            # A program's numbers travel as floats.
            number = int(count) if isinstance(count, int | float) and math.isfinite(count) else None
            if number is not None and most is not None:
                number = max(number, most)
            price = _price(kind, prices)
            hourly = None if number is None or price is None else number * price
            yield resource.urn, f"{_shown(number)} x {_shown(kind)}", hourly


def _scaled_to(stack: Stack) -> int | None:
    """To how many instances a variant may grow, where the stack scales one."""
    tops = [
        int(top)
        for target in stack.of_type(_SCALED)
        if target.value("serviceNamespace") == "sagemaker"
        and isinstance(top := target.value("maxCapacity"), int | float)
        and math.isfinite(top)
    ]
    return max(tops, default=None)


def _zones(resource: Resource) -> int | None:
    subnets = resource.value("subnetIds")
    return len(subnets) if isinstance(subnets, list | tuple) else None


def _price(kind: object, prices: Prices) -> float | None:
    return prices.hosting_usd.get(kind) if isinstance(kind, str) else None


def _monthly(hourly: float | None, prices: Prices) -> float | None:
    return None if hourly is None else round(hourly * prices.hours_per_month, 2)


def _shown(value: object) -> str:
    return "an unknown number or type" if value is None or value is UNKNOWN else str(value)


def _amounts(table: Table) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, amount in table.values.items():
        if isinstance(amount, int | float) and not isinstance(amount, bool) and amount >= 0:
            found[name] = float(amount)
        else:
            table.wrong(name, "US dollars an hour, zero or more")
    return found
