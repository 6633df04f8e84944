"""Profiles and findings in the files of SageMaker Model Monitor.

Source: SageMaker developer guide, schemas of `statistics.json`, `constraints.json` and
`constraint_violations.json`, version 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from headway_runtime.contract import Contract
from headway_runtime.monitor.profile import CategoryProfile, NumberProfile, Profile

BUCKETS = 10
"""Buckets of a distribution; Model Monitor has ten of equal width."""
COMPARISON_THRESHOLD = 0.1
_INFERRED = {"integer": "Integral", "number": "Fractional", "string": "String", "boolean": "String"}


@dataclass(frozen=True)
class Violation:
    """One thing that is not as it was.

    Attributes:
        feature: Name of the feature.
        check: One of Model Monitor's types of checks.
        description: What was found, for people.
    """

    feature: str
    check: str
    description: str


def statistics(contract: Contract, profiles: Mapping[str, Profile], rows: int) -> dict[str, Any]:
    """The content of statistics.json."""
    return {
        "version": 0,
        "dataset": {"item_count": rows},
        "features": [
            {"name": item.name, "inferred_type": _INFERRED[item.type], **_statistics(profiles[item.name])}
            for item in contract.inputs
        ],
    }


def constraints(
    contract: Contract, profiles: Mapping[str, Profile], threshold: float = COMPARISON_THRESHOLD
) -> dict[str, Any]:
    """The content of constraints.json: what the rows of the profiles hold to.

    Args:
        contract: The contract.
        profiles: Profile of each input.
        threshold: Distance between distributions from which they differ.
    """
    return {
        "version": 0,
        "features": [
            {
                "name": item.name,
                "inferred_type": _INFERRED[item.type],
                **_constraints(profiles[item.name]),
            }
            for item in contract.inputs
        ],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1.0,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": threshold,
                "comparison_method": "Robust",
            },
        },
    }


def violations(found: Iterable[Violation]) -> dict[str, Any]:
    """The content of constraint_violations.json."""
    return {
        "violations": [
            {
                "feature_name": item.feature,
                "constraint_check_type": item.check,
                "description": item.description,
            }
            for item in found
        ]
    }


def _statistics(profile: Profile) -> dict[str, Any]:
    common = {"num_present": profile.present, "num_missing": profile.missing}
    if isinstance(profile, CategoryProfile):
        buckets = [{"value": name, "count": count} for name, count in profile.counts.items()]
        return {
            "string_statistics": {
                "common": common,
                "distinct_count": float(len(profile.counts)),
                "distribution": {"categorical": {"buckets": buckets}},
            }
        }
    if not profile.present:
        return {"numerical_statistics": {"common": common}}
    return {
        "numerical_statistics": {
            "common": common,
            "mean": profile.mean,
            "sum": profile.mean * profile.present,
            "std_dev": profile.deviation,
            "min": profile.smallest,
            "max": profile.largest,
            "distribution": {"kll": {"buckets": _buckets(profile)}},
        }
    }


def _buckets(profile: NumberProfile) -> list[dict[str, float]]:
    """Ten buckets of equal width; values between two edges of the profile count where these end."""
    bounds = np.linspace(profile.smallest, profile.largest, BUCKETS + 1)
    ends = np.clip(np.append(profile.edges, profile.largest), profile.smallest, profile.largest)
    places = np.clip(np.searchsorted(bounds, ends, side="right") - 1, 0, BUCKETS - 1)
    counts = np.bincount(places, profile.counts, BUCKETS)
    return [
        {"lower_bound": float(low), "upper_bound": float(high), "count": float(count)}
        for low, high, count in zip(bounds[:-1], bounds[1:], counts, strict=True)
    ]


def _constraints(profile: Profile) -> dict[str, Any]:
    total = profile.present + profile.missing
    completeness = {"completeness": profile.present / total if total else 1.0}
    if isinstance(profile, CategoryProfile):
        # With rarer categories beside them, the known ones are not all there are.
        domains = [] if profile.other else sorted(profile.counts)
        return {**completeness, "string_constraints": {"domains": domains}} if domains else completeness
    return {
        **completeness,
        "num_constraints": {"is_non_negative": bool(profile.present) and profile.smallest >= 0},
    }
