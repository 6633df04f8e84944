"""Evidence as e-values: how strongly counts speak against an assumption, valid at every look.

An e-value is a bet against an assumption whose expected gain is at most 1 while the assumption holds, so the
chance that it ever exceeds 1/alpha is at most alpha, however often one looks (Ville's inequality). Each bet
here is the mean of bets on a few fixed alternatives.

Two arms: given that something bad happened, it happened to the challenger with a probability that depends
only on the arms' requests and on the ratio of their rates. Nothing needs to be known about the rate itself,
so traffic may drift and an incident may hit both arms. Source: arm-conditional e-processes; Ramdas, Grünwald,
Vovk, Shafer, "Game-theoretic statistics and safe anytime-valid inference", 2023.
"""

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HARM_RATIOS = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""How much worse than assumed a challenger may be, where harm is looked for."""
HARM_STAKES = tuple(stake / 32 for stake in (1, 2, 3, 6, 12, 7, 1))
"""Part of the stake on each: most where few bad events have to do; small harm shows itself in many anyway."""
SAFE_RATIOS = (0.3, 0.6, 0.8, 1.0, 1.2)
"""How a challenger may compare to its champion, where harm is to be ruled out."""
LOW_SHARES = (0.0, 0.1, 0.3, 0.6, 0.8)
"""How far below a limit a rate may lie, as a share of the limit, where it is to be shown below."""


_Odds = tuple[tuple[float, float], ...]
"""Natural logarithms of what a bad and a good event pay, for each bet."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Bad events of both arms over a time in which the split of the traffic stayed the same.

    Attributes:
        challenger_requests: Requests that the challenger answered or failed to answer.
        challenger_bad: How many of them went wrong.
        champion_requests: Requests of the champion in the same time.
        champion_bad: How many of them went wrong.
    """

    challenger_requests: int
    challenger_bad: int
    champion_requests: int
    champion_bad: int


def harm_bets(counts: Counts, ratio: float) -> tuple[float, ...]:
    """What one stage says for each of the alternatives that harm is looked for with.

    Args:
        counts: Counts under one split of the traffic.
        ratio: The largest ratio of the two rates that is no harm, above 0.

    Returns:
        The natural logarithm of the bet on each of `HARM_RATIOS`.
    """
    return tuple(_two_arms(counts, ratio, HARM_RATIOS))


def harm_as_a_whole(bets: Sequence[Sequence[float]]) -> float:
    """Evidence of harm over stages taken together.

    Args:
        bets: For each stage what `harm_bets` says.

    Returns:
        The natural logarithm of the e-value.
    """
    return mixture([math.fsum(column) for column in zip(*bets, strict=True)], HARM_STAKES) if bets else 0.0


def log_safe(stages: Iterable[Counts], ratio: float) -> float:
    """Evidence that the challenger's rate of bad events is less than `ratio` times the champion's.

    Args:
        stages: Counts, one for each split of the traffic.
        ratio: The ratio that is to be ruled out, above 1.2.

    Returns:
        The natural logarithm of the e-value against "at least `ratio` times".
    """
    multiples = [better / ratio for better in SAFE_RATIOS]
    bets = [_two_arms(counts, ratio, multiples) for counts in stages]
    return mixture([math.fsum(column) for column in zip(*bets, strict=True)]) if bets else 0.0


def log_above(requests: int, bad: int, limit: float) -> float:
    """Evidence that a rate of bad events is above a limit.

    Args:
        requests: Number of requests.
        bad: How many of them went wrong.
        limit: Share of bad events, 0 to 1; at 0 the first bad event is proof.

    Returns:
        The natural logarithm of the e-value against "at most `limit`".
    """
    if limit <= 0:
        return math.inf if bad else 0.0
    return mixture(_one_arm(requests, bad, _odds_above(limit)))


def log_below(requests: int, bad: int, limit: float) -> float:
    """Evidence that a rate of bad events is below a limit.

    Args:
        requests: Number of requests.
        bad: How many of them went wrong.
        limit: Share of bad events, 0 to 1; nothing is below 0.

    Returns:
        The natural logarithm of the e-value against "at least `limit`".
    """
    if limit <= 0:
        return 0.0
    if limit >= 1:
        return math.inf if requests else 0.0
    return mixture(_one_arm(requests, bad, _odds_below(limit)))


def _two_arms(counts: Counts, assumed: float, multiples: Sequence[float]) -> list[float]:
    """Logarithms of the bets on multiples of the ratio that is assumed.

    An event falls on the challenger with chance c r / (c r + n), for the requests c and n of the arms and the
    ratio r; a bet is the product of the quotients of that chance under both ratios.
    """
    challenger, champion = counts.challenger_requests, counts.champion_requests
    if not challenger or not champion:
        # With one arm alone, whom a bad event hits says nothing.
        return [0.0] * len(multiples)
    bad, all_bad = counts.challenger_bad, counts.challenger_bad + counts.champion_bad
    before = math.log(challenger * assumed + champion)
    return [
        bad * math.log(multiple) + all_bad * (before - math.log(challenger * assumed * multiple + champion))
        for multiple in multiples
    ]


def _one_arm(requests: int, bad: int, odds: _Odds) -> list[float]:
    good = requests - bad
    # Where bad events are impossible, one is proof against it.
    return [(bad * log_bad if bad else 0.0) + good * log_good for log_bad, log_good in odds]


@functools.lru_cache(maxsize=64)
def _odds_above(limit: float) -> _Odds:
    """What one bad and one good event pay to bets on rates above a limit."""
    if limit >= 1:
        return ((0.0, 0.0),)
    return tuple(_odds(limit, min(limit * worse, (1 + limit) / 2)) for worse in HARM_RATIOS)


@functools.lru_cache(maxsize=64)
def _odds_below(limit: float) -> _Odds:
    """What one bad and one good event pay to bets on rates below a limit."""
    return tuple(_odds(limit, limit * share) for share in LOW_SHARES)


def _odds(assumed: float, alternative: float) -> tuple[float, float]:
    log_bad = math.log(alternative / assumed) if alternative else -math.inf
    return log_bad, math.log1p(-alternative) - math.log1p(-assumed)


def mixture(logs: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """Logarithm of the mean of e-values, which is an e-value again.

    Args:
        logs: Natural logarithms of the e-values.
        weights: Share of the stake on each, together 1; equal shares when left out.
    """
    shares = [1 / len(logs)] * len(logs) if weights is None else weights
    largest = max(logs)
    if math.isinf(largest):
        return largest
    parts = [part * math.exp(item - largest) for part, item in zip(shares, logs, strict=True)]
    return largest + math.log(sum(parts))
