"""Whether drift starts a training: a pure decision, so that an alarm that rings again starts none twice."""

from collections.abc import Sequence
from dataclasses import dataclass

PERIOD_S = 30 * 86_400
"""Time over which automatic trainings are counted."""
TRIGGER_PARAMETER = "StartedBy"
"""Parameter of the training pipeline that says who started an execution."""
DRIFT = "drift"


@dataclass(frozen=True)
class Training:
    """One execution of the training pipeline.

    Attributes:
        started_at: When it was started, seconds since the epoch.
        running: Whether it has not ended yet.
        trigger: Who started it.
    """

    started_at: float
    running: bool
    trigger: str


@dataclass(frozen=True)
class Decision:
    """Whether a training is wanted, and why or why not."""

    wanted: bool
    why: str


def decide(
    lasting: Sequence[str],
    trainings: Sequence[Training],
    *,
    now: float,
    cool_down_s: float,
    maximum: int,
) -> Decision:
    """Whether drift starts a training.

    Args:
        lasting: Columns whose drift lasts.
        trainings: Executions of the training pipeline in `PERIOD_S`, in any order.
        now: Seconds since the epoch.
        cool_down_s: Time after the start of any training in which drift starts none, in seconds.
        maximum: Trainings that drift may start in `PERIOD_S`; 0 for none.
    """
    if not lasting:
        return Decision(wanted=False, why="no drift lasts")
    if any(training.running for training in trainings):
        return Decision(wanted=False, why="a training is running")
    newest = max((training.started_at for training in trainings), default=None)
    # A clock that lags behind does not end a cool-down early: a start in the future is a start just now.
    if newest is not None and now - newest < cool_down_s:
        left_h = (cool_down_s - max(0.0, now - newest)) / 3_600
        return Decision(wanted=False, why=f"the last training is too recent; {left_h:.1f} hours are left")
    automatic = [
        training
        for training in trainings
        if training.trigger == DRIFT and now - training.started_at < PERIOD_S
    ]
    if len(automatic) >= maximum:
        why = f"drift started {len(automatic)} trainings in 30 days, and {maximum} are allowed; ask a person"
        return Decision(wanted=False, why=why)
    return Decision(wanted=True, why=f"the drift of {', '.join(lasting)} lasts")
