"""Everything this sandbox knows about ministack's insides, in one place.

ministack is configured by environment variables that it reads at import, so `configure` comes before `load`.
Names with a leading underscore are not its public interface: the pinned version and the contract test in
tests/sandbox/control hold them.
"""

from __future__ import annotations

import contextvars
import functools
import json
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

_log = logging.getLogger(__name__)

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]
Asgi = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True)
class Settings:
    """What ministack must know before it is imported.

    Attributes:
        state_dir: Where it keeps its state, objects in S3 included.
        port: The port that its functions call back to.
        region: Region of requests that are not signed for another.
        account: Account of requests whose access key is not itself an account number.
    """

    state_dir: Path
    port: int
    region: str
    account: str


def configure(settings: Settings) -> None:
    """Sets what ministack reads when it is imported, and clears what its functions must not inherit."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        {
            "GATEWAY_PORT": str(settings.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "localhost",
            "MINISTACK_REGION": settings.region,
            "MINISTACK_ACCOUNT_ID": settings.account,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{settings.port}",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(settings.state_dir / "services"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(settings.state_dir / "s3"),
            "CLOUDTRAIL_RECORDING": "1",
            # Listeners of services that Headway does not use, on ports of their own.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            # Functions run as subprocesses of the sandbox's own interpreter.
            "LAMBDA_EXECUTOR": "local",
            # The audit trail is copied whole at each save; a laptop needs no longer one.
            "CLOUDTRAIL_MAX_EVENTS": "2000",
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        }
    )


class Ministack:
    """ministack, imported and extended: our services beside its own, and the events that it does not send.

    Args:
        settings: The settings that `configure` was called with.
    """

    def __init__(self, settings: Settings) -> None:
        # It reads its settings when it is imported, so this comes after `configure`.
        from ministack import app  # noqa: PLC0415
        from ministack.core import persistence, responses, router  # noqa: PLC0415
        from ministack.services import cloudwatch, eventbridge, ssm, stepfunctions  # noqa: PLC0415

        self._settings = settings
        self._app = app
        self._router = router
        self._responses = responses
        self._persistence = persistence
        self._eventbridge = eventbridge
        self._stepfunctions = stepfunctions
        self._alarm_states: dict[str, dict[str, Any]] = {}
        self.on_change: Callable[[], None] = lambda: None
        _compare_dimensions(cloudwatch)
        self._watch_alarms(cloudwatch)
        self._watch_parameters(ssm)

    @property
    def asgi(self) -> Asgi:
        """The application that answers for the general services."""
        application: Asgi = self._app.app
        return application

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
        # The bus is that of the account and region in force; outside a request there is none.
        self._responses.set_request_account_id(self._settings.account)
        self._responses.set_request_region(self._settings.region)
        status, _, body = self._eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)  # noqa: SLF001
        if status >= 400 or json.loads(body)["FailedEntryCount"]:
            _log.error("EventBridge refused the event %s: %s", entry["DetailType"], body)

    def state_of_services(self) -> dict[str, Callable[[], Any]]:
        """For every service in use, the function that copies its state; any thread may call it."""
        states: dict[str, Callable[[], Any]] = self._app._build_persistence_save_dict()  # noqa: SLF001
        return states

    def encode_state(self, service: str, state: object) -> str:
        """A service's state as ministack reads it back from a file at its next start."""
        version = self._persistence._state_format_version(service)  # noqa: SLF001
        default = self._persistence._json_default  # noqa: SLF001
        return json.dumps({"__ministack_format__": version, "payload": state}, default=default)

    def reset(self) -> None:
        """Empties every service, in memory and on disk."""
        self._app._reset_all_state()  # noqa: SLF001
        self._alarm_states.clear()

    def _watch_alarms(self, cloudwatch: Any) -> None:  # noqa: ANN401 - ministack is not typed
        """Puts ``CloudWatch Alarm State Change`` on the bus at each transition that CloudWatch records."""
        record_history = cloudwatch._record_history  # noqa: SLF001

        @functools.wraps(record_history)
        def record_and_publish(
            alarm_name: str, old_state: str, new_state: str, reason: str, *rest: object, **named: object
        ) -> None:
            record_history(alarm_name, old_state, new_state, reason, *rest, **named)
            alarm = cloudwatch._alarms.get(alarm_name) or cloudwatch._composite_alarms.get(alarm_name)  # noqa: SLF001
            if alarm is not None and old_state != new_state:
                state = {"value": new_state, "reason": reason, "timestamp": self._responses.now_iso()}
                previous = self._alarm_states.get(alarm["AlarmArn"], {"value": old_state})
                self._alarm_states[alarm["AlarmArn"]] = state
                self.put_event(
                    "aws.cloudwatch",
                    "CloudWatch Alarm State Change",
                    alarm_detail(alarm, state, {**previous, "value": old_state}),
                    [alarm["AlarmArn"]],
                )

        cloudwatch._record_history = record_and_publish  # noqa: SLF001

    def _watch_parameters(self, ssm: Any) -> None:  # noqa: ANN401
        """Puts ``Parameter Store Change`` on the bus when a parameter is written, labelled or deleted."""
        for function, operation_of in (
            ("_put_parameter", lambda _request, answer: "Create" if answer.get("Version") == 1 else "Update"),
            ("_delete_parameter", lambda _request, _answer: "Delete"),
            ("_delete_parameters", lambda _request, _answer: "Delete"),
            ("_label_parameter_version", lambda _request, _answer: "LabelParameterVersion"),
        ):
            setattr(ssm, function, self._publishing(ssm, getattr(ssm, function), operation_of))

    def _publishing(
        self,
        ssm: Any,  # noqa: ANN401
        function: Callable[[dict[str, Any]], Answer],
        operation_of: Callable[[dict[str, Any], dict[str, Any]], str],
    ) -> Callable[[dict[str, Any]], Answer]:
        @functools.wraps(function)
        def change_and_publish(request: dict[str, Any]) -> Answer:
            named = request.get("Names", [request.get("Name")])
            before = {name: ssm._parameters.get(name) for name in named if isinstance(name, str)}  # noqa: SLF001
            status, headers, body = function(request)
            if status < 400:
                answer = json.loads(body)
                for name in answer.get("DeletedParameters", before):
                    record = ssm._parameters.get(name) or before.get(name)  # noqa: SLF001
                    if record is not None:
                        detail = {
                            "operation": operation_of(request, answer),
                            "name": record["Name"],
                            "type": record["Type"],
                            "description": record.get("Description", ""),
                        }
                        self.put_event("aws.ssm", "Parameter Store Change", detail, [record["ARN"]])
            return status, headers, body

        return change_and_publish


def alarm_detail(alarm: dict[str, Any], state: dict[str, Any], previous: dict[str, Any]) -> dict[str, Any]:
    """The detail of a ``CloudWatch Alarm State Change`` event as AWS documents it.

    Args:
        alarm: A metric or composite alarm as DescribeAlarms names its members.
        state: The new state: value, reason, timestamp.
        previous: The state before.
    """
    configuration: dict[str, Any] = {"description": alarm.get("AlarmDescription") or ""}
    if "AlarmRule" in alarm:
        configuration["alarmRule"] = alarm["AlarmRule"]
    elif alarm.get("MetricName"):
        metric = {
            "namespace": alarm.get("Namespace"),
            "name": alarm["MetricName"],
            "dimensions": _dimensions(alarm.get("Dimensions")),
        }
        stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
        stat_of = {"metric": metric, "period": alarm.get("Period"), "stat": stat}
        configuration["metrics"] = [{"id": "m1", "metricStat": stat_of, "returnData": True}]
    return {
        "alarmName": alarm["AlarmName"],
        "state": state,
        "previousState": previous,
        "configuration": configuration,
    }


class _OwnMetrics:
    """The metrics of one name that have exactly the dimensions of an alarm; looks like the dictionary of all.

    Args:
        cloudwatch: ministack's module.
        alarm: The alarm.
    """

    def __init__(self, cloudwatch: Any, alarm: dict[str, Any]) -> None:  # noqa: ANN401
        dimensions = cloudwatch._dims_key(_dimensions(alarm.get("Dimensions")))  # noqa: SLF001
        self._metrics = cloudwatch._metrics  # noqa: SLF001
        self._key = (alarm.get("Namespace"), alarm.get("MetricName"), dimensions)

    def items(self) -> list[tuple[Any, Any]]:
        """The one metric and its points, if there is any."""
        points = self._metrics.get(self._key)
        return [] if points is None else [(self._key, points)]


def _compare_dimensions(cloudwatch: Any) -> None:  # noqa: ANN401
    """Makes alarms look at the metric with their own dimensions only; ministack looks at all of that name.

    The function that evaluates an alarm reads the module's dictionary of metrics, so it is given names of its
    own among which that dictionary holds nothing else.
    """
    evaluate = cloudwatch._evaluate_alarm  # noqa: SLF001

    @functools.wraps(evaluate)
    def evaluate_own(alarm: dict[str, Any]) -> None:
        names = {**vars(cloudwatch), "_metrics": _OwnMetrics(cloudwatch, alarm)}
        FunctionType(evaluate.__code__, names, evaluate.__name__)(alarm)

    cloudwatch._evaluate_alarm = evaluate_own  # noqa: SLF001


def _dimensions(dimensions: object) -> dict[str, str]:
    if isinstance(dimensions, dict):
        return dict(dimensions)
    return {item["Name"]: item["Value"] for item in dimensions} if isinstance(dimensions, list) else {}
