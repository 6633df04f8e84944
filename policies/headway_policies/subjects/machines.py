"""Which instance types SageMaker offers, for what, and in which regions.

Source: `data/machines.json`, which says itself what it was made of and when. Of training jobs it holds what
types there are and not where, since none of its sources says where.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Final

TABLE: Final = Path(__file__).parents[1] / "data" / "machines.json"
_MOST: Final = 3


class Use(Enum):
    """What a machine is asked for."""

    HOSTING = "hosting"
    PROCESSING = "processing"
    TRANSFORM = "transform"
    TRAINING = "training"


@dataclass(frozen=True, kw_only=True)
class _Offer:
    """What is offered for one use.

    Args:
        regions: For each type the regions that offer it.
        somewhere: Types that there are, and nobody says where.
    """

    regions: Mapping[str, frozenset[str]]
    somewhere: frozenset[str]


def regions_of(use: Use, instance_type: str) -> frozenset[str]:
    """The regions that offer a type for a use; empty where nobody says where."""
    return _offers()[use].regions.get(instance_type, frozenset())


def is_known(use: Use, instance_type: str) -> bool:
    """Whether there is such a type for a use, anywhere."""
    offer = _offers()[use]
    return instance_type in offer.regions or instance_type in offer.somewhere


@cache
def regions(use: Use) -> frozenset[str]:
    """All regions that the table speaks of for a use."""
    return frozenset().union(*_offers()[use].regions.values())


def offered_instead(use: Use, instance_type: str, region: str) -> tuple[str, ...]:
    """A few types of the same kind that a region offers for a use, those of the same size first.

    Args:
        use: What the machine is asked for.
        instance_type: What is not offered, for example `ml.p5.48xlarge`.
        region: Where it is not.
    """
    kind, size = instance_type[: len("ml.p")], instance_type.rpartition(".")[2]
    alike = [
        name
        for name, places in _offers()[use].regions.items()
        if region in places and name.startswith(kind) and name != instance_type
    ]
    return tuple(sorted(alike, key=lambda name: (name.rpartition(".")[2] != size, name))[:_MOST])


@cache
def _offers() -> Mapping[Use, _Offer]:
    table = json.loads(TABLE.read_text("utf-8"))["uses"]
    return {
        use: _Offer(
            regions={
                name: frozenset(group["regions"])
                for group in table[use.value]["offered"]
                for name in group["types"]
            },
            somewhere=frozenset(table[use.value]["somewhere"]),
        )
        for use in Use
    }
