"""Whether drift starts a training: a pure decision, so that an alarm that rings again starts none twice."""

from collections.abc import Sequence
from dataclasses import dataclass

PERIOD_S = 30 * 86_400
"""Time over which automatic trainings are counted."""
TRIGGER_PARAMETER = "StartedBy"
"""Parameter of the training pipeline that says who started an execution."""
DRIFT, DATA = "drift", "data"


@dataclass(frozen=True)
class Training:
    """One execution of the training pipeline.

    Attributes:
        started_at: When it was started, seconds since the epoch.
        running: Whether it has not ended yet.
        trigger: Who started it.
        trained: Whether it came to train. One that new data started ends before, where the data is refused or
            nothing in it is new.
        name: Its display name.
        succeeded: Whether it has ended well.
        stopped: Whether somebody has stopped it.
        refused: What the gate or the job that ended it said; empty where none did.
    """

    started_at: float
    running: bool
    trigger: str
    trained: bool = True
    name: str = ""
    succeeded: bool = False
    stopped: bool = False
    refused: str = ""


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
    left_s = cool_down_left_s(trainings, now, cool_down_s)
    if left_s > 0:
        why = f"the last training is too recent; {left_s / 3_600:.1f} hours are left"
        return Decision(wanted=False, why=why)
    automatic = started_by(DRIFT, trainings, now)
    if len(automatic) >= maximum:
        why = f"drift started {len(automatic)} trainings in 30 days, and {maximum} are allowed; ask a person"
        return Decision(wanted=False, why=why)
    return Decision(wanted=True, why=f"the drift of {', '.join(lasting)} lasts")


def cool_down_left_s(trainings: Sequence[Training], now: float, cool_down_s: float) -> float:
    """Seconds that are left of the time after the newest training; 0 where none are.

    Args:
        trainings: Executions of the training pipeline.
        now: Seconds since the epoch.
        cool_down_s: Time after the start of any training, in seconds.
    """
    newest = max((training.started_at for training in trainings if training.trained), default=None)
    # A clock that lags behind does not end a cool-down early: a start in the future is a start just now.
    return 0.0 if newest is None else max(0.0, cool_down_s - max(0.0, now - newest))


def started_by(trigger: str, trainings: Sequence[Training], now: float) -> list[Training]:
    """The trainings that something started in the time over which automatic ones are counted."""
    return [
        training
        for training in trainings
        if training.trained and training.trigger == trigger and now - training.started_at < PERIOD_S
    ]
