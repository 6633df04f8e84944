"""Runs a pipeline: starts steps as their dependencies succeed, and ends in a state whatever happens."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from headway_sandbox.sagemaker.credentials import acting_as
from headway_sandbox.sagemaker.jobs.record import INTERNAL_ERROR
from headway_sandbox.sagemaker.pipelines.definition import Definition, Step
from headway_sandbox.sagemaker.pipelines.record import Execution
from headway_sandbox.sagemaker.pipelines.retries import RetryPolicy, policy_for
from headway_sandbox.sagemaker.pipelines.schedule import State, next_steps
from headway_sandbox.sagemaker.pipelines.steps import (
    StepFailure,
    StepRun,
    StepStopped,
    carry_out,
    load_property_file,
)
from headway_sandbox.sagemaker.pipelines.values import JsonGet, Scope

_log = logging.getLogger(__name__)

STEP_FAILURE = "Step failure: One or multiple steps failed."
DEFAULT_PARALLEL_STEPS = 50


class Runner:
    """One execution while it runs.

    Args:
        execution: Its record.
        definition: The pipeline.
        parameters: Values of its parameters by name.
    """

    def __init__(self, execution: Execution, definition: Definition, parameters: dict[str, Any]) -> None:
        self._execution = execution
        self._definition = definition
        self._parameters = parameters
        self._states = dict.fromkeys(definition.steps, State.WAITING)
        self._outcomes: dict[str, bool] = {}
        self._properties: dict[str, Any] = {}
        self._stop = execution.service.stop_requests[execution.arn] = asyncio.Event()

    async def run(self) -> None:
        """Runs the pipeline to its end."""
        execution = self._execution
        try:
            await self._run_steps()
        finally:
            execution.service.stop_requests.pop(execution.arn, None)
        failed = any(state is State.FAILED for state in self._states.values())
        if self._stop.is_set():
            execution.set_status("Stopped")
        elif failed:
            execution.set_status("Failed", STEP_FAILURE)
        elif any(state is State.STOPPED for state in self._states.values()):
            execution.set_status("Failed", "Step failure: One or multiple steps were stopped.")
        else:
            execution.set_status("Succeeded")

    async def _run_steps(self) -> None:
        limits = self._execution.document["Describe"].get("ParallelismConfiguration", {})
        at_most = limits.get("MaxParallelExecutionSteps", DEFAULT_PARALLEL_STEPS)
        running: set[asyncio.Task[None]] = set()
        try:
            while True:
                plan = next_steps(self._definition, self._states, self._outcomes, at_most=at_most)
                self._states.update(dict.fromkeys(plan.skip, State.SKIPPED))
                if not self._stop.is_set():
                    for name in plan.start:
                        self._states[name] = State.EXECUTING
                        running.add(asyncio.ensure_future(self._run_step(self._definition.steps[name])))
                if not running:
                    return
                ended, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _run_step(self, step: Step) -> None:
        execution = self._execution
        execution.set_step(step.name, "Starting", **step.texts)
        execution.set_step(step.name, "Executing")
        ended: dict[str, Any] = {}
        try:
            scope = await self._scope(step)
            left = await self._carry_out(StepRun(execution, self._id, step, scope, self._stop))
        except StepFailure as failure:
            self._states[step.name] = State.FAILED
            ended = {"FailureReason": str(failure)}
        except StepStopped:
            self._states[step.name] = State.STOPPED
        except Exception as error:  # noqa: BLE001 - an execution must end in a state, whatever happens
            _log.exception("the step %s of %s failed inside the sandbox", step.name, execution.arn)
            self._states[step.name] = State.FAILED
            ended = {"FailureReason": f"{INTERNAL_ERROR} ({type(error).__name__}: {error})"}
        else:
            self._states[step.name] = State.SUCCEEDED
            if isinstance(left, bool):
                self._outcomes[step.name] = left
            else:
                self._properties[step.name] = left
        execution.set_step(
            step.name, self._states[step.name].value, EndTime=execution.service.clock(), **ended
        )

    async def _carry_out(self, run: StepRun) -> Any:  # noqa: ANN401 - what `carry_out` returns
        """Carries out a step, again and again as its retry policies say."""
        clock = asyncio.get_running_loop().time
        started, attempt = clock(), 1
        caused: Counter[RetryPolicy] = Counter()
        while True:
            try:
                return await carry_out(run)
            except StepFailure as failure:
                policy = policy_for(run.step.retries, failure.exception_type)
                wait_s = None if policy is None else policy.wait_s(caused[policy], clock() - started)
                if policy is None or wait_s is None or await self._stopped_within(wait_s):
                    raise
                caused[policy] += 1
            attempt += 1
            run.execution.set_step(run.step.name, "Executing", AttemptCount=attempt)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _scope(self, step: Step) -> Scope:
        """What the step's references lead to; property files are read now, because their steps have ended."""
        files: dict[tuple[str, str], Any] = {}
        for reference in step.references():
            if isinstance(reference, JsonGet):
                source = self._definition.steps[reference.step]
                properties = self._properties[source.name]
                execution = self._execution
                aws = await acting_as(execution.service, execution.role_arn, "SageMaker")
                files[(source.name, reference.property_file)] = await load_property_file(
                    aws, source, properties, reference.property_file
                )
        return Scope(self._parameters, self._variables(), self._properties, files)

    def _variables(self) -> dict[str, str]:
        describe = self._execution.document["Describe"]
        return {
            "CurrentDateTime": _iso(self._execution.service.clock()),
            "PipelineArn": describe["PipelineArn"],
            "PipelineExecutionArn": self._execution.arn,
            "PipelineExecutionId": self._id,
            "PipelineName": self._execution.document["PipelineName"],
            "StartDateTime": _iso(describe["CreationTime"]),
        }

    @property
    def _id(self) -> str:
        return self._execution.arn.rpartition("/")[2]


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
