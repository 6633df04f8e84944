"""ministack, imported and extended."""

from __future__ import annotations

import contextvars
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from headway_sandbox.json_pieces import dumps_in_pieces
from headway_sandbox.ministack_seam.access import Access, AccessDeniedError
from headway_sandbox.ministack_seam.alarms import AlarmEvents, evaluate_alarms, keep_metrics
from headway_sandbox.ministack_seam.default_key import with_default_key
from headway_sandbox.ministack_seam.executions import Executions, Journal
from headway_sandbox.ministack_seam.gaps import keep_audit_trail, with_log_group_keys, with_query_results
from headway_sandbox.ministack_seam.metrics import ServiceMetrics
from headway_sandbox.ministack_seam.object_keys import ObjectKeys
from headway_sandbox.ministack_seam.parameters import Answer, watch_parameters
from headway_sandbox.ministack_seam.schedules import Schedules
from headway_sandbox.ministack_seam.settings import Settings
from headway_sandbox.ministack_seam.statistics import compute_statistics
from headway_sandbox.ministack_seam.targets import StartPipeline, Targets
from headway_sandbox.ministack_seam.tasks_of_machines import Failure, MachineTasks
from headway_sandbox.permissions import Need
from headway_sandbox.wire import errors
from headway_sandbox.wire.identify import Call, Protocol
from headway_sandbox.wire.request import HttpRequest

_log = logging.getLogger(__name__)

Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
Before = Callable[[str, Callable[[], HttpRequest]], Awaitable[Answer | None]]
Result = TypeVar("Result")
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


class Ministack:
    """ministack, imported and extended: our services beside its own, and the events that it does not send.

    Args:
        settings: The settings that `configure` was called with.

    Attributes:
        access: Roles and permissions.
        on_change: Called when something of its state has changed without a request.
    """

    def __init__(self, settings: Settings) -> None:
        # It reads its settings when it is imported, so this comes after `configure`.
        from ministack import app  # noqa: PLC0415
        from ministack.core import persistence, responses, router  # noqa: PLC0415
        from ministack.services import cloudtrail, cloudwatch, eventbridge, scheduler, ssm, stepfunctions  # noqa: PLC0415

        self._settings = settings
        self._app = app
        self._router = router
        self._responses = responses
        self._persistence = persistence
        self._cloudwatch = cloudwatch
        self._scheduler = scheduler
        self._eventbridge = eventbridge
        self._stepfunctions = stepfunctions
        self.access = Access(settings.account, settings.region, enforced=settings.enforce_iam)
        self.on_change: Callable[[], None] = lambda: None
        compute_statistics(cloudwatch)
        evaluate_alarms(cloudwatch)
        keep_metrics(cloudwatch)
        keep_audit_trail(cloudtrail)
        self._metrics = ServiceMetrics(cloudwatch)
        self._alarm_events = AlarmEvents(cloudwatch, responses.now_iso, self.put_event)
        watch_parameters(ssm, self.put_event)

    @property
    def asgi(self) -> Asgi:
        """The application that answers for the general services."""
        application: Asgi = self._app.app

        async def answer(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
            await application(
                with_default_key(scope, self._settings.region, self._settings.account), receive, send
            )

        return answer

    def add_service(self, name: str, target_prefix: str, handler: Handler) -> None:
        """Routes a JSON-protocol service to a handler, also from Step Functions' ``aws-sdk`` integrations.

        Args:
            name: The service's signing name.
            target_prefix: What ``X-Amz-Target`` starts with.
            handler: Called with method, path, headers (lower-case names), body and query.
        """
        self._app.SERVICE_HANDLERS[name] = handler
        self._router.SERVICE_PATTERNS[name] = {"target_prefixes": [target_prefix]}
        self._stepfunctions._AWS_SDK_SERVICE_MAP[name] = {"target_prefix": target_prefix, "protocol": "json"}  # noqa: SLF001

    def connect(
        self,
        *,
        needs: Callable[[str, str, dict[str, Any]], list[Need]],
        failure: Callable[[str, str], Failure | None],
        start_pipeline: StartPipeline,
        schedule_time: Callable[[], float],
        journal: Journal,
    ) -> Schedules:
        """Connects what goes on inside ministack with our side.

        Args:
            needs: What a call to one of our own services needs.
            failure: What a fault does to a call of a service's operation.
            start_pipeline: Starts a SageMaker pipeline; from any thread.
            schedule_time: The time that schedules go by, seconds since the epoch.
            journal: Where it is written down how far state machines are.

        Returns:
            What is fired by time; the caller fires it.
        """
        MachineTasks(
            self._stepfunctions,
            self.access,
            needs,
            failure,
            region=self._settings.region,
            account=self._settings.account,
        )
        self._executions = Executions(self._stepfunctions, journal, self._use_scope)
        Targets(self._eventbridge, self._stepfunctions, self.access, start_pipeline)
        return Schedules(self._eventbridge, self._scheduler, schedule_time)

    def go_on_with_machines(self) -> list[str]:
        """Takes up the executions of state machines that ran when the sandbox ended; answers their ARNs."""
        return self._executions.go_on()

    def leave_machines(self) -> None:
        """Takes no more steps of state machines; the next start goes on with them."""
        self._executions.stop()

    def in_own_account(self, function: Callable[[], Result]) -> Result:
        """Calls a function that works on ministack's state outside of a request."""

        def call() -> Result:
            self._use_own_account()
            return function()

        return contextvars.copy_context().run(call)

    def evaluate_alarms(self) -> None:
        """Lets every alarm look at its metric, also where nothing new was measured."""
        self.in_own_account(self._cloudwatch._evaluate_all_alarms)  # noqa: SLF001

    def intercept(self, before: Before) -> None:
        """Has every call of every service looked at before it is carried out, also those from inside.

        Args:
            before: Gets the service's name and the request; gives an answer instead of the service's, or
                None.
        """

        def looked_at(name: str, handler: Handler) -> Handler:
            async def handle(
                method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
            ) -> Answer:
                answer = await before(name, lambda: _request(method, path, headers, body, query))
                return await handler(method, path, headers, body, query) if answer is None else answer

            return handle

        handlers = self._app.SERVICE_HANDLERS
        handlers["s3"] = self._with_keys(handlers["s3"])
        handlers["logs"] = with_log_group_keys(handlers["logs"])
        for name, handler in list(handlers.items()):
            handlers[name] = looked_at(name, handler)

    def _with_keys(self, handler: Handler) -> Handler:
        """S3, with the keys of its objects checked."""
        keys = ObjectKeys(self.access, self._settings.region)

        async def handle(
            method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
        ) -> Answer:
            request = HttpRequest(method, path, urlencode(query, doseq=True), headers)
            try:
                keys.check_write(request)
                answer = await handler(method, path, headers, body, query)
                if answer[0] < 300:
                    keys.check_read(request, answer[1])
            except AccessDeniedError as denied:
                error = errors.ApiError(denied.code, denied.message, denied.status)
                return errors.answer(Call("s3", "GetObject", Protocol.REST_XML), error)
            return answer

        return handle

    def put_event(
        self, source: str, detail_type: str, detail: dict[str, Any], resources: Sequence[str]
    ) -> None:
        """Puts an event on the default bus in the name of an AWS service.

        Args:
            source: For example ``aws.sagemaker``.
            detail_type: As AWS documents it.
            detail: The event's detail.
            resources: ARNs of what changed.
        """
        entry = {
            "Source": source,
            "DetailType": detail_type,
            "Detail": json.dumps(detail),
            "Resources": list(resources),
        }
        contextvars.copy_context().run(self._put_entry, entry)
        self.on_change()

    def _put_entry(self, entry: dict[str, Any]) -> None:
        self._use_own_account()
        status, _, body = self._eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)  # noqa: SLF001
        if status >= 400 or json.loads(body)["FailedEntryCount"]:
            _log.error("EventBridge refused the event %s: %s", entry["DetailType"], body)

    def put_metrics(self, namespace: str, data: Sequence[dict[str, Any]]) -> None:
        """Publishes metrics in the name of an AWS service, and lets alarms look at them.

        They come every second while models serve, so they are not a reason to save: that would take calls
        their time. The next change saves them, or the next save without one.

        Args:
            namespace: For example ``AWS/SageMaker``.
            data: Metrics as PutMetricData takes them, with ``Values`` and ``Counts``.
        """

        def put() -> None:
            self._use_own_account()
            self._metrics.put(namespace, data)

        contextvars.copy_context().run(put)

    def _use_own_account(self) -> None:
        self._use_scope(self._settings.account, self._settings.region)

    def _use_scope(self, account: str, region: str) -> None:
        # State is kept by the account and region in force; outside a request there is none.
        self._responses.set_request_account_id(account)
        self._responses.set_request_region(region)

    def state_of_services(self) -> dict[str, Callable[[], Any]]:
        """For every service in use, the function that copies its state; any thread may call it."""
        states: dict[str, Callable[[], Any]] = self._app._build_persistence_save_dict()  # noqa: SLF001
        return states

    def encode_state(self, service: str, state: object) -> str:
        """A service's state as ministack reads it back from a file at its next start."""
        version = self._persistence._state_format_version(service)  # noqa: SLF001
        default = with_query_results(self._persistence._json_default)  # noqa: SLF001
        return dumps_in_pieces({"__ministack_format__": version, "payload": state}, default)

    def reset(self) -> None:
        """Empties every service, in memory and on disk."""
        self._executions.forget()
        self._app._reset_all_state()  # noqa: SLF001
        self._alarm_events.forget()
        self._metrics.forget()


def _request(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> HttpRequest:
    return HttpRequest(method, path, urlencode(query, doseq=True), headers, body)
