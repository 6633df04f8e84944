"""The course of a release: what comes next, from what was recorded and what really serves. Pure decisions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from headway_runtime.judge import Inconclusive, Phase, Verdict
from headway_runtime.release.plan import Plan
from headway_runtime.release.shapes import CHALLENGER, CHAMPION

NOT_HEALTHY = ("ping health check", "model data")
"""What SageMaker says where it is the model that does not start, and no machine that is missing."""
BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
"""States in which an endpoint takes no update."""
ASKED_AT_MOST = 2
"""A call that may never have been made, because whoever made it was killed, is made once more."""
ERRORS_IN_A_ROW = 10
"""Looks that may fail one after the other before a release is rolled back."""


class Position(Enum):
    """Where a release is."""

    BEGIN = "begin"
    BASELINE = "baseline"
    STAGE = "stage"
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"


class Status(Enum):
    """How a release stands, or how it ended."""

    RUNNING = "running"
    WAITING = "waiting"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    REFUSED = "refused"
    FAILED = "failed"


OVER = (Status.PROMOTED, Status.ROLLED_BACK, Status.REFUSED, Status.FAILED)


class Cause(Enum):
    """What turns a release back."""

    WORSE = "worse"
    """It was judged, and found worse than the champion or than a ceiling, or it spent the error budget."""
    NOT_STARTED = "not_started"
    """The model does not start, or does not answer SageMaker's checks."""
    ORDERED = "ordered"
    """A person says so."""
    INCONCLUSIVE = "inconclusive"
    """Nothing could be said about it in time."""
    NOT_MEASURED = "not_measured"
    """The looks at it failed."""
    OVERDUE = "overdue"
    """It took longer than the plan allows."""
    NOT_MOVED = "not_moved"
    """SageMaker did not move the endpoint, for no reason that the model gave."""
    ABANDONED = "abandoned"
    """The machine could not go on."""


REJECTING = frozenset({Cause.WORSE, Cause.NOT_STARTED, Cause.ORDERED})
"""What speaks against the model, so that it is not tried again by itself."""


class Do(Enum):
    """What to do next."""

    WAIT = "wait"
    MOVE = "move"
    WEIGH = "weigh"
    ARRIVE = "arrive"
    LOOK = "look"
    GO = "go"
    END = "end"


@dataclass(frozen=True, kw_only=True)
class Target:
    """What the endpoint should be.

    Attributes:
        config: Name of the endpoint configuration.
        weights: Share of the traffic of each production variant, in percent.
    """

    config: str
    weights: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class Live:
    """What the endpoint is, as read back.

    Attributes:
        state: SageMaker's word for it.
        config: Name of the endpoint configuration.
        weights: Share of the traffic of each production variant, in percent.
        reason: Why SageMaker gave up an update; empty where it did not.
    """

    state: str
    config: str
    weights: Mapping[str, float]
    reason: str = ""

    def is_at(self, target: Target) -> bool:
        """Whether this is what it should be."""
        return self.config == target.config and same_weights(self.weights, target.weights)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a release.

    Attributes:
        do: What to do.
        why: The reason, for a person.
        position: Where the release goes, for GO.
        stage: The stage that it goes to, for GO to a stage.
        status: How it ended, for END, or how it stands.
        weights: The weights to set, for WEIGH.
        cause: What turns it back, for GO to ROLL_BACK.
    """

    do: Do
    why: str
    position: Position | None = None
    stage: int = 0
    status: Status = Status.RUNNING
    weights: Mapping[str, float] = field(default_factory=dict)
    cause: Cause | None = None


def back(why: str, cause: Cause) -> Step:
    """The step that turns a release back.

    Args:
        why: The reason, for a person.
        cause: What kind of reason it is, which decides whether the model may be tried again.
    """
    return Step(do=Do.GO, why=why, position=Position.ROLL_BACK, cause=cause)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What a decision is made of.

    Attributes:
        position: Where the release is.
        stage: The stage that it is in.
        target: What the endpoint should be there.
        shapes: Every configuration that this release has made or found.
        asked: How often SageMaker was asked to move to the target.
        arrived: Whether the endpoint was seen at the target.
        elapsed_s: Time since the release began, in seconds.
    """

    position: Position
    stage: int
    target: Target
    shapes: frozenset[str]
    asked: int
    arrived: bool
    elapsed_s: float


def same_weights(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Whether two sets of weights split the traffic in the same way."""
    return _shares(one) == _shares(other)


def next_step(situation: Situation, live: Live | None, plan: Plan) -> Step:
    """What comes next, before anything is measured.

    Args:
        situation: What was recorded.
        live: What the endpoint is; None when it is gone.
        plan: The release plan.
    """
    if live is None:
        return Step(do=Do.END, why="there is no endpoint", status=Status.FAILED)
    if live.state in BUSY:
        return Step(do=Do.WAIT, why=f"the endpoint is {live.state}")
    if situation.position is not Position.ROLL_BACK and situation.elapsed_s >= plan.maximum_duration_s:
        why = f"not over after {plan.maximum_duration_s:g} s, the most the plan allows"
        return back(why, Cause.OVERDUE)
    if live.is_at(situation.target):
        return _at_target(situation, live)
    return _away_from_target(situation, live)


def after_look(stage: int, verdict: Verdict, errors_in_a_row: int, plan: Plan) -> Step:
    """What comes next once a stage was measured and judged.

    Args:
        stage: The stage.
        verdict: What the judge says.
        errors_in_a_row: Looks before this one that ended in an error.
        plan: The release plan.
    """
    if verdict.phase is Phase.PASSED:
        if stage + 1 == len(plan.judge.stages):
            return Step(do=Do.GO, why=verdict.why, position=Position.PROMOTE)
        return Step(do=Do.GO, why=verdict.why, position=Position.STAGE, stage=stage + 1)
    if verdict.phase is Phase.FAILED:
        return back(verdict.why, Cause.WORSE)
    if verdict.phase is Phase.ERROR and errors_in_a_row + 1 >= ERRORS_IN_A_ROW:
        return back(f"{ERRORS_IN_A_ROW} looks in a row failed: {verdict.why}", Cause.NOT_MEASURED)
    if verdict.phase is Phase.INCONCLUSIVE:
        return _WITHOUT_VERDICT[plan.judge.inconclusive](verdict.why)
    return Step(do=Do.WAIT, why=verdict.why)


_WITHOUT_VERDICT = {
    Inconclusive.HOLD: lambda why: Step(do=Do.WAIT, why=f"held: {why}"),
    Inconclusive.ASK: lambda why: Step(
        do=Do.WAIT, why=f"waits for a person to resume or roll back: {why}", status=Status.WAITING
    ),
    Inconclusive.ROLL_BACK: lambda why: back(why, Cause.INCONCLUSIVE),
}


def _at_target(situation: Situation, live: Live) -> Step:
    if situation.position is Position.PROMOTE:
        return Step(do=Do.END, why=f"{live.config} serves", status=Status.PROMOTED)
    if situation.position is Position.ROLL_BACK:
        return Step(do=Do.END, why=f"{live.config} serves again", status=Status.ROLLED_BACK)
    if not situation.arrived:
        return Step(do=Do.ARRIVE, why=f"{live.config} serves")
    return Step(do=Do.LOOK, why="measuring")


def _away_from_target(situation: Situation, live: Live) -> Step:
    if live.config not in situation.shapes:
        why = f"somebody else moved the endpoint to {live.config}"
        return Step(do=Do.END, why=why, status=Status.FAILED)
    if live.config == situation.target.config:
        return Step(do=Do.WEIGH, why=_split(situation.target.weights), weights=situation.target.weights)
    goes_back = situation.position is Position.ROLL_BACK
    if goes_back and live.weights.get(CHALLENGER, 0) > 0 and CHAMPION in live.weights:
        # Weights change at once; a new shape takes minutes on AWS.
        home = {CHAMPION: 100.0, CHALLENGER: 0.0}
        return Step(do=Do.WEIGH, why="the champion answers everybody", weights=home)
    gave_up = situation.asked > 0 and bool(live.reason)
    if situation.asked < ASKED_AT_MOST and not (gave_up and not goes_back):
        return Step(do=Do.MOVE, why=f"moving to {situation.target.config}")
    reason = "SageMaker gives no reason" if not live.reason else live.reason
    why = f"SageMaker went back to {live.config}: {reason}"
    if goes_back:
        return Step(do=Do.END, why=why, status=Status.FAILED)
    is_model = any(words in reason for words in NOT_HEALTHY)
    return back(why, Cause.NOT_STARTED if is_model else Cause.NOT_MOVED)


def _split(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {weight:g} %" for name, weight in sorted(weights.items()))


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    if total <= 0:
        return dict.fromkeys(weights, 0.0)
    return {name: round(100 * weight / total, 3) for name, weight in weights.items()}
