"""What a person orders of a release that is under way, as the step that follows it."""

from datetime import datetime

from headway_runtime.judge import Phase, Verdict
from headway_runtime.release.course import Cause, Do, Position, Status, Step, after_look, back
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Order, Release


def step_of(order: Order, release: Release, plan: Plan) -> Step | None:
    """The step that follows an order.

    Args:
        order: What a person wants, who it is, and why.
        release: The release as it stands.
        plan: The plan that it goes by.

    Returns:
        The step; None where the order cannot be followed any more, or not for this person.
    """
    said = f"{order.by} says {order.what}: {order.why}"
    is_late = seconds_between(release.started_at, release.at) >= plan.maximum_duration_s
    is_going_back = release.position == Position.ROLL_BACK.value
    if order.what == "pause" and not is_late and not is_going_back:
        return Step(do=Do.WAIT, why=said, status=Status.WAITING)
    if order.what == "rollback" and not is_going_back:
        if release.position == Position.BEGIN.value:
            return Step(do=Do.END, why=said, status=Status.REFUSED)
        return back(said, Cause.ORDERED)
    is_measuring = release.position == Position.STAGE.value and release.arrived_at != ""
    if order.what == "accept" and is_measuring and order.by in plan.overridden_by:
        return after_look(release.stage, Verdict(phase=Phase.PASSED, why=said), 0, plan)
    return None


def seconds_between(began: str, now: str) -> float:
    """Seconds from one time to another, both ISO 8601."""
    return (datetime.fromisoformat(now) - datetime.fromisoformat(began)).total_seconds()
