"""What one metric says about a challenger."""

import math
from dataclasses import dataclass
from enum import Enum


class Standing(Enum):
    """What a metric says."""

    WORSE = "worse"
    NO_WORSE = "no worse"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class MetricVerdict:
    """What one metric says.

    Attributes:
        metric: Name of the metric.
        standing: What it says.
        why: The reason in one sentence, with numbers.
        ratio: Challenger's rate over the champion's or over the limit; None where there is none.
        log_evidence: Natural logarithm of the e-value against "no worse".
        log_threshold: Natural logarithm of the e-value from which on it counts as worse.
    """

    metric: str
    standing: Standing
    why: str
    ratio: float | None = None
    log_evidence: float = 0.0
    log_threshold: float = math.inf
