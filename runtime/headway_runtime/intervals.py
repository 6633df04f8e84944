"""The interval of a share.

Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927). Standard
library only, so that it runs as part of a function.
"""

import math


def wilson(share: float, count: float, z: float) -> tuple[float, float]:
    """Lower and upper end of the interval in which the share lies that rows were drawn from.

    Args:
        share: Share that was seen, 0 to 1.
        count: Number of independent rows, above 0; no whole number where rows depend on one another.
        z: Quantile of the normal distribution, as 1.96 for a two-sided interval of 95 %.
    """
    scale = 1 + z**2 / count
    centre = (share + z**2 / (2 * count)) / scale
    width = z / scale * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, centre - width), min(1.0, centre + width)
