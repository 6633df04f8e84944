"""Whether a model may be registered: a pure function of what was measured and what was declared."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured on one group of rows.

    Attributes:
        group: Empty for all rows, else `column=value`.
        positives: Rows of the positive class.
        negatives: Rows of the negative class.
        log_loss: Of the model.
        floor_log_loss: Of the floor on the same rows.
        auc: Of the model; NaN when the rows are of one class.
    """

    group: str
    positives: int
    negatives: int
    log_loss: float
    floor_log_loss: float
    auc: float

    @property
    def log_loss_improvement(self) -> float:
        """Share by which the model's log-loss is below the floor's."""
        return 1 - self.log_loss / self.floor_log_loss if self.floor_log_loss > 0 else math.nan


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What was declared; None where nothing was.

    Attributes:
        minimum_log_loss_improvement: Share by which the log-loss must be below the floor's, 0.08 for 8 %.
        minimum_auc: Smallest area under the ROC curve.
        maximum_auc: Largest; above it a value from after the event has leaked in.
        minimum_slice_log_loss_improvement: As the first, for every slice that is large enough.
        minimum_group_size: Rows of each class below which a group is too small to be judged.
        maximum_log_loss_over_champion: Share by which the log-loss may be above the champion's.
    """

    minimum_log_loss_improvement: float | None = None
    minimum_auc: float | None = None
    maximum_auc: float | None = None
    minimum_slice_log_loss_improvement: float | None = None
    minimum_group_size: int = 30
    maximum_log_loss_over_champion: float | None = None


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The model that answers now, on the same rows.

    Attributes:
        log_loss: Of the champion.
        difference: Log-loss of the model less that of the champion, row by row; below 0 the model is better.
        standard_deviation: Of that difference.
    """

    log_loss: float
    difference: float
    standard_deviation: float


@dataclass(frozen=True, kw_only=True)
class Check:
    """One comparison.

    Attributes:
        name: Name of the threshold, with the slice in brackets.
        value: What was measured; NaN when it could not be.
        threshold: What was declared.
        passed: Whether it holds; what could not be measured never does.
        reason: One sentence for people.
    """

    name: str
    value: float
    threshold: float
    passed: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The verdict.

    Attributes:
        passed: Whether every check holds.
        checks: Every comparison made.
        reasons: Why: the checks that failed, or all of them when none did.
        unjudged: Slices that were too small to be judged, one sentence each.
    """

    passed: bool
    checks: tuple[Check, ...]
    reasons: tuple[str, ...]
    unjudged: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        verdict = "the model passes" if self.passed else "the model is refused"
        return f"{verdict}: {'; '.join(self.reasons)}"


def decide(
    overall: Measured,
    slices: Sequence[Measured],
    thresholds: Thresholds,
    floor: str,
    champion: Champion | None = None,
) -> Decision:
    """Judge a model.

    Args:
        overall: Measured on all evaluation rows.
        slices: Measured on each slice.
        thresholds: What was declared.
        floor: Name of the floor, for the reasons.
        champion: The model that answers now, on the same rows; None where none can be compared.

    Returns:
        The decision. Too few rows of a class overall is a refusal, because nothing was proved; too few in a
        slice leaves the slice out, because a threshold on a handful of rows judges noise.
    """
    checks = [_size_check(overall, thresholds.minimum_group_size)]
    checks += _overall_checks(overall, thresholds, floor)
    if champion is not None and thresholds.maximum_log_loss_over_champion is not None:
        checks.append(_against(overall, champion, thresholds.maximum_log_loss_over_champion))
    unjudged = []
    minimum = thresholds.minimum_slice_log_loss_improvement
    for measured in slices:
        smallest = min(measured.positives, measured.negatives)
        if smallest < thresholds.minimum_group_size:
            unjudged.append(
                f"{measured.group} has {smallest} rows of one class, fewer than "
                f"{thresholds.minimum_group_size}: too small to be judged"
            )
        elif minimum is not None:
            checks.append(_improvement(measured, minimum, floor))
    passed = all(check.passed for check in checks)
    reasons = tuple(check.reason for check in checks if passed or not check.passed)
    return Decision(passed=passed, checks=tuple(checks), reasons=reasons, unjudged=tuple(unjudged))


def _size_check(overall: Measured, minimum: int) -> Check:
    smallest = min(overall.positives, overall.negatives)
    words = f"{overall.positives} positive and {overall.negatives} negative rows"
    enough = smallest >= minimum
    reason = f"{words} were judged" if enough else f"{words} prove nothing, {minimum} of each are needed"
    return Check(name="minimum_group_size", value=smallest, threshold=minimum, passed=enough, reason=reason)


def _overall_checks(overall: Measured, thresholds: Thresholds, floor: str) -> list[Check]:
    checks = []
    if thresholds.minimum_log_loss_improvement is not None:
        checks.append(_improvement(overall, thresholds.minimum_log_loss_improvement, floor))
    if thresholds.minimum_auc is not None:
        low = thresholds.minimum_auc
        held = overall.auc >= low
        words = f"AUC {overall.auc:.4f} is {'at least' if held else 'below'} {low:g}"
        checks.append(Check(name="minimum_auc", value=overall.auc, threshold=low, passed=held, reason=words))
    if thresholds.maximum_auc is not None:
        high = thresholds.maximum_auc
        held = overall.auc <= high
        words = f"AUC {overall.auc:.4f} is at most {high:g}"
        if not held:
            words = (
                f"AUC {overall.auc:.4f} is above {high:g}, which is too good to be true: "
                "look for a feature that is known only after the event"
            )
        checks.append(Check(name="maximum_auc", value=overall.auc, threshold=high, passed=held, reason=words))
    return checks


def _against(overall: Measured, champion: Champion, maximum: float) -> Check:
    value = champion.difference / champion.log_loss if champion.log_loss > 0 else math.nan
    held = value <= maximum
    words = (
        f"log-loss {overall.log_loss:.4f} is {abs(value):.1%} {'above' if value > 0 else 'below'} the "
        f"champion's {champion.log_loss:.4f} on the same rows (difference {champion.difference:+.4f} ± "
        f"{2 * champion.standard_deviation:.4f}), {'at most' if held else 'more than'} {maximum:.1%} above"
    )
    return Check(
        name="maximum_logloss_over_champion", value=value, threshold=maximum, passed=held, reason=words
    )


def _improvement(measured: Measured, minimum: float, floor: str) -> Check:
    value = measured.log_loss_improvement
    held = value >= minimum
    where = f" for {measured.group}" if measured.group else ""
    words = (
        f"log-loss {measured.log_loss:.4f}{where} is {abs(value):.1%} {'below' if value >= 0 else 'above'} "
        f"the {floor} floor's {measured.floor_log_loss:.4f}, "
        f"{'at least' if held else 'not'} {minimum:.1%} below"
    )
    part, which = ("_slice", f"[{measured.group}]") if measured.group else ("", "")
    name = f"minimum{part}_logloss_improvement{which}"
    return Check(name=name, value=value, threshold=minimum, passed=held, reason=words)
