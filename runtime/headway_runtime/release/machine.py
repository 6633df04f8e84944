"""The steps of a release: each looks at what was recorded and at what serves, and does one thing.

Every step may be repeated or be cut off anywhere: what it did is read back from SageMaker, not assumed.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from botocore.exceptions import ClientError

from headway_runtime.canonical import digest
from headway_runtime.judge import Phase, Verdict
from headway_runtime.release.catalogue import Catalogue, is_refusal, message_of
from headway_runtime.release.course import (
    OVER,
    REJECTING,
    Cause,
    Do,
    Live,
    Position,
    Status,
    Step,
    after_look,
    back,
    next_step,
)
from headway_runtime.release.judging import judged
from headway_runtime.release.observer import Observer
from headway_runtime.release.orders import seconds_between, step_of
from headway_runtime.release.plan import Plan, frozen, goes_by
from headway_runtime.release.preparation import Preparation
from headway_runtime.release.records import Base, OvertakenError, Records, Release
from headway_runtime.release.settings import Settings
from headway_runtime.release.shapes import alone
from headway_runtime.release.situation import as_read_back, place, situation_of, turned_back

WAIT = "wait"
DONE = "done"
"""What the state machine does next: wait and take another step, or end."""
LOOKS_MISSED = 10
STEP_S = 15.0
"""A release that misses so many looks, and the time that a step takes, has lost its execution."""


@dataclass(frozen=True)
class Progress:
    """Where a release stands.

    Attributes:
        release: The release, as recorded.
        next: What the state machine does next.
    """

    release: Release
    next: str


class ReleaseMachine:
    """Moves one endpoint from what serves to what is approved, stage by stage.

    Args:
        settings: What the stack says.
        plan: Reads the release plan.
        catalogue: SageMaker.
        records: The record of releases.
        observer: Counts what happens in a stage.
        tell: Told of every decision, with the release after it.
        has_ended: Whether the execution that a release names has ended; where nobody knows, a release that
            was not looked at for long counts as forgotten.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        plan: Callable[[], Plan],
        catalogue: Catalogue,
        records: Records,
        observer: Observer,
        tell: Callable[[Release], None],
        has_ended: Callable[[Release], bool] | None = None,
    ) -> None:
        self._settings = settings
        self._plan = plan
        self._catalogue = catalogue
        self._records = records
        self._preparation = Preparation(settings, catalogue, records)
        self._observer = observer
        self._tell = tell
        self._has_ended = has_ended

    def advance(
        self, model_package_arn: str, started_at: str, now: str, override: str = "", execution: str = ""
    ) -> Progress:
        """Takes one step of a release, or says why not.

        Args:
            model_package_arn: The package; empty for the declared base with its own model.
            started_at: Time at which the release began, ISO 8601.
            now: Time of this step, ISO 8601.
            override: Who releases a rejected model again, and why; empty for nobody.
            execution: ARN of the execution that moves it; empty where it is not known.
        """
        release = self._release(model_package_arn, started_at, now, execution, override)
        return self._unless_overtaken(release, lambda: self._advance(release, now))

    def _advance(self, release: Release, now: str) -> Progress:
        if release.is_over:
            # The step that ended it may have been cut off before it told of it and gave the endpoint back.
            kept = self._keep(release)
            self._records.unlock(release.release_id)
            return kept
        release = replace(release, at=now)
        first = self._who_goes_first(release)
        if first != release.release_id:
            self._take_over(first, release.release_id, now)
            return self._keep(replace(release, status=Status.WAITING.value, why=f"{first} goes first"))
        live = self._preparation.live()
        # Whatever it waited for, it goes on now, unless this step says that it waits again.
        release = replace(as_read_back(release, live), status=Status.RUNNING.value)
        plan = goes_by(release.plan, self._plan())
        ordered = self._ordered(release, plan)
        if ordered is not None:
            return self._take(release, ordered, plan)
        if release.position == Position.BEGIN.value:
            return self._begin(release, live, plan)
        return self._take(release, next_step(situation_of(release), live, plan), plan)

    def abandon(
        self, model_package_arn: str, started_at: str, now: str, cause: str, execution: str = ""
    ) -> Progress:
        """Turns a release back because the machine itself could not go on.

        Args:
            model_package_arn: The package that is released.
            started_at: Time at which the release began, ISO 8601.
            now: Time of this step, ISO 8601.
            cause: What went wrong.
            execution: ARN of the execution that turns it back; empty where it is not known.
        """
        release = self._release(model_package_arn, started_at, now, execution)
        why = f"the release machine could not go on: {cause}"
        return self._unless_overtaken(release, lambda: self._abandon(release, now, why))

    def _abandon(self, release: Release, now: str, why: str) -> Progress:
        if release.is_over:
            kept = self._keep(release)
            self._records.unlock(release.release_id)
            return kept
        release = replace(release, at=now)
        live = self._preparation.live()
        release = as_read_back(release, live)
        if release.position == Position.BEGIN.value:
            return self._end(release, Status.FAILED, why)
        if release.position == Position.ROLL_BACK.value:
            plan = goes_by(release.plan, self._plan())
            return self._take(release, next_step(situation_of(release), live, plan), plan)
        return self._go(release, back(why, Cause.ABANDONED))

    def declare(self, base: Base) -> str | None:
        """Takes note of what the stack declares.

        Args:
            base: What the stack declares.

        Returns:
            The model package to release on the declared base, empty for the base's own model; None when the
            endpoint needs no move.
        """
        self._records.declare_base(base)
        live = self._preparation.live()
        if live is None:
            return None
        package = self._preparation.package_behind(self._preparation.champion_of(live.config))
        description = self._catalogue.config(base.config)
        if description is None:
            return None
        model = self._preparation.model(description, package)
        return None if alone(self._settings.prefix, description, model).name == live.config else package

    def _who_goes_first(self, release: Release) -> str:
        """The release whose turn it is: the one that moves the endpoint, else the oldest."""
        if release.position == Position.BEGIN.value:
            older = self._records.before(release.release_id)
            if older is not None:
                # Or the newest model would be replaced by an older one that has waited as well.
                self._records.unlock(release.release_id)
                return older.release_id
        return self._records.lock(release.release_id)

    def _take_over(self, holder: str, by: str, now: str) -> None:
        """Takes a step of a release that nothing moves any more, so that it comes to an end."""
        held = self._records.find(holder)
        if held is None or held.is_over:
            return
        if held.taken_over_by == by or self._is_lost(held, now):
            self._records.save(replace(held, taken_over_by=by))
            self.abandon(
                held.model_package_arn, held.started_at, now, "the execution that moved it has ended"
            )

    def _is_lost(self, held: Release, now: str) -> bool:
        """Whether nothing moves a release any more."""
        if self._has_ended is not None and held.execution:
            return self._has_ended(held)
        return seconds_between(held.at, now) >= LOOKS_MISSED * float(self._settings.poll_s) + STEP_S

    def _unless_overtaken(self, release: Release, step: Callable[[], Progress]) -> Progress:
        """Takes a step; where another one was faster, the next looks at what that one has recorded."""
        try:
            return step()
        except OvertakenError:
            known = self._records.find(release.release_id)
            return Progress(release if known is None else known, WAIT)

    def _release(
        self, model_package_arn: str, started_at: str, now: str, execution: str, override: str = ""
    ) -> Release:
        """The release as it was last recorded, else a new one."""
        release_id = f"{started_at}-{digest(model_package_arn)[-8:]}"
        known = self._records.find(release_id)
        if known is not None:
            return replace(known, execution=execution or known.execution)
        return Release(
            system=self._settings.system,
            release_id=release_id,
            status=Status.RUNNING.value,
            model_package_arn=model_package_arn,
            started_at=started_at,
            override=override,
            execution=execution,
            at=now,
        )

    def _begin(self, release: Release, live: Live | None, plan: Plan) -> Progress:
        """Finds out what is to be released over what, or why nothing is."""
        step = next_step(situation_of(release), live, plan)
        if live is None or step.do is Do.WAIT:
            return self._take(release, step, plan)
        refusal = self._preparation.refusal(release, plan)
        if refusal is not None:
            return self._end(release, Status.REFUSED, refusal)
        waits = self._preparation.cooling(release, plan)
        if waits is not None:
            return self._keep(replace(release, status=Status.WAITING.value, why=waits))
        prepared = replace(self._preparation.prepared(release, live, plan), plan=frozen(plan))
        if prepared.desired == live.config:
            return self._end(prepared, Status.PROMOTED, f"{live.config} serves already")
        if prepared.champion == prepared.challenger or not plan.judge.stages:
            # Another machine or key under the same model: there is nothing to compare it with itself on.
            step = Step(do=Do.GO, why="the model stays, what it runs on changes", position=Position.PROMOTE)
            return self._go(prepared, step)
        found = Step(
            do=Do.GO, why=f"{prepared.challenger} against {prepared.champion}", position=Position.BASELINE
        )
        return self._go(prepared, found)

    def _take(self, release: Release, step: Step, plan: Plan) -> Progress:
        """Does one step."""
        if step.do is Do.WAIT:
            return self._keep(replace(release, status=step.status.value, why=step.why))
        if step.do is Do.LOOK:
            return self._look(release, plan)
        if step.do is Do.ARRIVE:
            arrived = replace(release, arrived_at=release.at)
            return self._keep(arrived.decided(release.at, step.why, what="arrived"))
        if step.do is Do.GO:
            return self._go(release, step)
        if step.do is Do.END:
            return self._end(release, step.status, step.why)
        return self._ask(release, step)

    def _ask(self, release: Release, step: Step) -> Progress:
        """Asks SageMaker for another shape or other weights."""
        endpoint = self._settings.endpoint
        asked = replace(release, asked=release.asked + 1 if step.do is Do.MOVE else release.asked)
        kept = self._keep(asked.decided(release.at, step.why, what=step.do.value))
        try:
            if step.do is Do.MOVE:
                self._catalogue.update_endpoint(endpoint, release.target_config)
            else:
                self._catalogue.update_weights(endpoint, step.weights)
        except ClientError as error:
            if not is_refusal(error):
                raise
            # Somebody else may have been faster; the next look says what really is.
            return self._keep(replace(kept.release, why=message_of(error)))
        return kept

    def _go(self, release: Release, step: Step) -> Progress:
        """Sets the next position and what the endpoint should be there, and begins to go there at once."""
        assert step.position is not None
        plan = goes_by(release.plan, self._plan())
        target = self._preparation.target(release, step.position, step.stage, plan)
        going = replace(
            release,
            status=Status.RUNNING.value,
            position=step.position.value,
            cause="" if step.cause is None else step.cause.value,
            stage=step.stage if step.position is Position.STAGE else release.stage,
            target_config=target.config,
            target_weights=dict(target.weights),
            asked=0,
            arrived_at="",
            counted={},
            counted_from="",
            counted_until="",
            errors_in_a_row=0,
        )
        gone = self._keep(going.decided(release.at, step.why, what=f"to {place(step, plan)}"))
        following = next_step(situation_of(gone.release), self._preparation.live(), plan)
        # Cut off here, the next call does the same: what was decided is recorded.
        return gone if following.do is Do.WAIT else self._take(gone.release, following, plan)

    def _look(self, release: Release, plan: Plan) -> Progress:
        """Measures and judges the stage, and goes on as the verdict says."""
        if release.position == Position.BASELINE.value:
            return self._look_at_champion(release, plan)
        looked, verdict = judged(
            release,
            plan,
            look=lambda asked: self._observer.stage(asked, plan),
            period_s=float(self._settings.metrics_period_s),
            renew=lambda before: self._observer.with_late_labels(release, before, plan),
        )
        step = after_look(release.stage, verdict, release.errors_in_a_row, plan)
        if step.do is Do.GO and plan.is_shadow(release.stage):
            ended, goes_on = replace(looked, why=step.why), step.position is Position.STAGE
            looked = replace(looked, report=self._observer.report(ended, plan, goes_on=goes_on))
        return self._take(looked, step, plan)

    def _look_at_champion(self, release: Release, plan: Plan) -> Progress:
        """Finds out how fast the champion usually is, which the challenger is held against."""
        usual_us = self._observer.usual_latency_us(release)
        if usual_us is not None:
            known = replace(release, slow_us=max(usual_us, plan.acceptable_latency_ms * 1_000))
            why = (
                f"one answer in twenty of the champion takes longer than {usual_us / 1_000:.3g} ms, "
                f"so one is slow from {known.slow_us / 1_000:.3g} ms"
            )
            return self._go(known, Step(do=Do.GO, why=why, position=Position.STAGE, stage=0))
        first = plan.judge.stages[0]
        if seconds_between(release.arrived_at, release.at) >= first.time_limit_s:
            verdict = Verdict(phase=Phase.INCONCLUSIVE, why="the champion has answered too few requests")
            return self._take(release, after_look(0, verdict, 0, plan), plan)
        return self._keep(replace(release, why="waiting for requests to the champion"))

    def _ordered(self, release: Release, plan: Plan) -> Step | None:
        """What a person wants of this release; None where nobody wants anything that can be done."""
        order = self._records.order(release.release_id)
        if order is None:
            return None
        step = step_of(order, release, plan)
        if step is None or step.do is not Do.WAIT:
            self._records.forget_order()
        return step

    def _end(self, release: Release, status: Status, why: str) -> Progress:
        ended = replace(release, status=status.value).decided(release.at, why, what=status.value)
        if status is Status.ROLLED_BACK:
            ended = replace(ended, why=f"{turned_back(ended)}; {why}")
        if release.model_digest and release.cause in {item.value for item in REJECTING}:
            # What turned it back is remembered, not that the way back has been gone.
            self._records.reject(replace(ended, why=turned_back(ended)))
        elif status is Status.PROMOTED and release.override and release.model_digest:
            self._records.forgive(release.model_digest)
        kept = self._keep(ended)
        self._records.unlock(release.release_id)
        return Progress(kept.release, DONE)

    def _keep(self, release: Release) -> Progress:
        """Records how a release stands, and tells of what was decided."""
        release = self._records.save(release)
        newest = f"{release.status} {len(release.history)}"
        if release.told != newest:
            self._tell(release)
            release = self._records.save(replace(release, told=newest))
        return Progress(release, DONE if release.status in {item.value for item in OVER} else WAIT)
