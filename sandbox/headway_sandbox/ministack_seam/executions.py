"""State machines that go on after a restart of the sandbox, as on AWS, where nothing restarts under them.

ministack fails every execution that ran when its process ended. Here, where an execution stands is written
down whenever it starts, enters a state or ends, before anybody is told; a start of the sandbox goes on from
there. A task that was under way fails as a task of a service that had a failure does, so that the retries
of the machine decide: whether its call took effect is not known.
"""

from __future__ import annotations

import contextvars
import functools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import FunctionType
from typing import Any, Protocol

Document = dict[str, Any]
UseScope = Callable[[str, str], None]

EXECUTION, PLACE = "state-machine-execution", "state-machine-place"
RUNNING, ABORTED = "RUNNING", "ABORTED"
_BY_ITSELF = ("SUCCEEDED", "FAILED")
INTERRUPTED = "The sandbox was stopped in the middle of this call."

_HANDLERS = (
    *("_execute_pass", "_execute_task", "_execute_choice"),
    *("_execute_wait", "_execute_parallel", "_execute_map"),
)
_CALLS = ("_invoke_resource", "_invoke_with_callback", "_run_parallel_branches", "_run_map_items")
_BY_THE_CLOCK = ("Timestamp", "TimestampPath")


class Journal(Protocol):
    """Where it is written down; see `headway_sandbox.sagemaker.store.Store`."""

    def put(self, kind: str, name: str, document: Document) -> None:
        """Creates or replaces a document."""

    def get(self, kind: str, name: str) -> Document | None:
        """The document, or None."""

    def delete(self, kind: str, name: str) -> bool:
        """Removes a document."""

    def list(self, kind: str) -> list[Document]:
        """All documents of a kind."""


@dataclass(frozen=True)
class _Place:
    """Where an execution stands.

    Attributes:
        state: Name of the state that it has entered.
        data: The state's input.
        variables: The machine's variables.
        entered_at: When it entered the state, ISO 8601.
    """

    state: str
    data: Any
    variables: Document
    entered_at: str


_resumed: contextvars.ContextVar[_Place | None] = contextvars.ContextVar("resumed", default=None)
_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("inside", default=False)
_waited_s: contextvars.ContextVar[float] = contextvars.ContextVar("waited_s", default=0.0)
_interrupted: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("interrupted", default=None)


class Executions:
    """Keeps track of executions, and goes on with them after a restart.

    Args:
        stepfunctions: ministack's module.
        journal: Where it is written down.
        use_scope: Puts an account and a region in force.
    """

    def __init__(
        self,
        stepfunctions: Any,  # noqa: ANN401 - ministack is not typed
        journal: Journal,
        use_scope: UseScope,
    ) -> None:
        self._stepfunctions = stepfunctions
        self._journal = journal
        self._use_scope = use_scope
        self._stopping = False
        for name in _HANDLERS:
            setattr(stepfunctions, name, self._noting(getattr(stepfunctions, name)))
        for name in _CALLS:
            setattr(stepfunctions, name, self._failing_once(getattr(stepfunctions, name)))
        emit = stepfunctions._emit_execution_status_event  # noqa: SLF001
        sleep = stepfunctions._scaled_sleep  # noqa: SLF001
        add_event = stepfunctions._add_event  # noqa: SLF001

        @functools.wraps(emit)
        def note_and_emit(execution: Document) -> None:
            if execution["status"] in _BY_ITSELF:
                self._leave()  # its last call may have failed because the sandbox ends
            self._note_status(execution)
            emit(execution)

        @functools.wraps(sleep)
        def sleep_what_is_left(seconds: float) -> None:
            sleep(max(0.0, seconds - _waited_s.get()))

        @functools.wraps(add_event)
        def add_what_happened(execution: Document, event_type: str, details: Document | None = None) -> Any:  # noqa: ANN401
            place = _resumed.get()
            if place is not None and event_type.endswith("StateEntered"):
                details = {"stateEnteredEventDetails": {"name": place.state, "input": json.dumps(place.data)}}
            return add_event(execution, event_type, details)

        stepfunctions._emit_execution_status_event = note_and_emit  # noqa: SLF001
        stepfunctions._scaled_sleep = sleep_what_is_left  # noqa: SLF001
        stepfunctions._add_event = add_what_happened  # noqa: SLF001

    def go_on(self) -> list[str]:
        """Takes up every execution that ran when the sandbox ended; the others are as they ended.

        Returns:
            The ARNs of those that go on.
        """
        going_on = []
        for noted in self._journal.list(EXECUTION):
            arn = noted["executionArn"]
            context = contextvars.copy_context()
            context.run(self._use_scope, arn.split(":")[4], arn.split(":")[3])
            if context.run(self._restored, arn, noted):
                threading.Thread(target=context.run, args=(self._run, arn, noted), daemon=True).start()
                going_on.append(arn)
        return going_on

    def stop(self) -> None:
        """Lets everything stay as it is written down, for the next start to go on from."""
        self._stopping = True

    def _leave(self) -> None:
        """Ends the thread of an execution, once the sandbox stops; what a call waits for comes to its end."""
        if self._stopping and threading.current_thread() is not threading.main_thread():
            raise SystemExit

    def forget(self) -> None:
        """Ends what runs, without a word to anybody, because everything is emptied."""
        for execution in self._stepfunctions._executions.all_values():  # noqa: SLF001
            if execution["status"] == RUNNING:
                execution["status"] = ABORTED

    def _note_status(self, execution: Document) -> None:
        arn = execution["executionArn"]
        if execution.get("sync"):
            return
        noted = {name: value for name, value in execution.items() if name not in ("events", "definition")}
        if execution["status"] == RUNNING:
            machine = self._stepfunctions._state_machines.get(execution["stateMachineArn"]) or {}  # noqa: SLF001
            noted["definition"] = machine.get("definition", "{}")
        self._journal.put(EXECUTION, arn, noted)
        if execution["status"] != RUNNING:
            self._journal.delete(PLACE, arn)

    def _noting(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """A state's handler that first writes down that the state was entered."""

        @functools.wraps(handler)
        def note_and_handle(state: Document, data: Any, *rest: Any) -> Any:  # noqa: ANN401
            context = rest[-1] if rest else None
            # What goes on inside a state with branches is part of that state.
            if not context or "Execution" not in context or _inside.get():
                return handler(state, data, *rest)
            self._leave()
            place = _resumed.get()
            waited_s, interrupted = 0.0, None
            if place is not None:
                _resumed.set(None)
                data = place.data
                context["variables"].update(place.variables)
                context["State"]["EnteredTime"] = place.entered_at
                interrupted = [INTERRUPTED]
                if state["Type"] == "Wait" and not any(name in state for name in _BY_THE_CLOCK):
                    waited_s = max(0.0, time.time() - datetime.fromisoformat(place.entered_at).timestamp())
            self._note_place(context, data)
            inside = contextvars.copy_context()
            inside.run(_inside.set, True)
            inside.run(_waited_s.set, waited_s)
            inside.run(_interrupted.set, interrupted)
            return inside.run(handler, state, data, *rest)

        return note_and_handle

    def _note_place(self, context: Document, data: Any) -> None:  # noqa: ANN401
        arn = context["Execution"].get("Id", "")
        execution = self._stepfunctions._executions.get(arn)  # noqa: SLF001
        if execution is None or execution.get("sync") or execution["status"] != RUNNING:
            return
        place = {
            "state": context["State"]["Name"],
            "data": data,
            "variables": context.get("variables", {}),
            "entered_at": context["State"]["EnteredTime"],
        }
        self._journal.put(PLACE, arn, place)

    def _failing_once(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A call that fails instead of being made, if it was under way when the sandbox ended."""

        @functools.wraps(function)
        def fail_or_call(what: Any, *rest: Any) -> Any:  # noqa: ANN401
            left = _interrupted.get()
            if left:
                is_lambda = isinstance(what, str) and "lambda" in what
                error = "Lambda.ServiceException" if is_lambda else "States.TaskFailed"
                raise self._stepfunctions._ExecutionError(error, left.pop())  # noqa: SLF001
            return function(what, *rest)

        return fail_or_call

    def _restored(self, arn: str, noted: Document) -> bool:
        """Puts an execution back as it was last written down; answers whether it goes on."""
        executions = self._stepfunctions._executions  # noqa: SLF001
        kept = executions.get(arn)
        if noted["status"] != RUNNING and kept is not None and kept.get("stopDate") == noted.get("stopDate"):
            # Its end has reached the saved state, which keeps it from now on.
            self._journal.delete(EXECUTION, arn)
            return False
        machine_arn = noted["stateMachineArn"]
        if kept is None and machine_arn not in self._stepfunctions._state_machines:  # noqa: SLF001
            # It was deleted together with its machine.
            self._journal.delete(EXECUTION, arn)
            self._journal.delete(PLACE, arn)
            return False
        execution = _started(noted) if kept is None else kept
        for name in ("error", "cause"):
            execution.pop(name, None)
        execution.update({name: value for name, value in noted.items() if name != "definition"})
        executions[arn] = execution
        return bool(noted["status"] == RUNNING)

    def _run(self, arn: str, noted: Document) -> None:
        """Runs an execution from where it stood, by the definition that it was started with."""
        stepfunctions, machine_arn = self._stepfunctions, noted["stateMachineArn"]
        definition = json.loads(noted["definition"])
        found = self._journal.get(PLACE, arn)
        if found is not None:
            place = _Place(**found)
            definition["StartAt"] = place.state
            _resumed.set(place)
        machine = stepfunctions._state_machines.get(machine_arn)  # noqa: SLF001
        machines = {} if machine is None else {machine_arn: {**machine, "definition": json.dumps(definition)}}
        run = stepfunctions._run_execution  # noqa: SLF001
        FunctionType(run.__code__, {**vars(stepfunctions), "_state_machines": machines}, run.__name__)(arn)


def _started(noted: Document) -> Document:
    """An execution of which nothing but its journal is left."""
    details = {"input": noted["input"]}
    begun = {"id": 1, "type": "ExecutionStarted", "timestamp": noted["startDate"]}
    return {**noted, "events": [{**begun, "executionStartedEventDetails": details}]}
