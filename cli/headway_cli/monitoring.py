"""The monitor of a system: what its windows said, and one more look now."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError
from headway_cli.systems import System
from headway_cli.training import execution_steps, failure_reason

POLL_S = 0.5
TIMEOUT_S = 3_600.0
_SHOWN = 10
_GOING_ON = ("Executing", "Stopping")


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What the monitor of a system has seen.

    Args:
        alarm: State of the alarm on drift that lasts: OK, ALARM or INSUFFICIENT_DATA.
        windows: Results of the windows, the oldest first, as the monitor has written them.
        streaks: For each column that drifts now, windows in a row in which it does.
    """

    alarm: str
    windows: tuple[Mapping[str, Any], ...]
    streaks: Mapping[str, int]

    def lines(self) -> list[str]:
        """For people: the last windows and the state of the alarm."""
        if not self.windows:
            return ["no window was judged yet; `headway monitor run` looks now"]
        shown = [
            f"{datetime.fromtimestamp(window['at'], UTC):%Y-%m-%d %H:%M} UTC  {window['sentence']}"
            + (f"; a training was started: {window['why']}" if window["retraining_wanted"] else "")
            for window in self.windows[-_SHOWN:]
        ]
        for name, count in self.streaks.items():
            shown.append(f"{name} drifts for {count} window{'' if count == 1 else 's'} in a row")
        return [*shown, f"alarm {self.alarm}; report {self.windows[-1]['report_uri']}/report.html"]


@dataclass(frozen=True, kw_only=True)
class Look:
    """What came of one look.

    Args:
        execution_arn: The execution of the monitor's pipeline.
        status: SageMaker's word for how it ended.
        says: What was found, or why nothing was looked at.
        outputs: What the steps answered, by step and name.
    """

    execution_arn: str
    status: str
    says: str
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def watched(aws: Aws, system: System) -> Watched:
    """What the monitor of a system has seen so far.

    Raises:
        HeadwayError: The system has no monitor.
    """
    _pipeline(system)
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNames=[str(system.monitor_alarm_name)])
    state = next((item["StateValue"] for item in alarms["MetricAlarms"]), "missing")
    try:
        found = aws.client("s3").get_object(
            Bucket=str(system.artifacts_bucket), Key=f"monitoring/{system.endpoint_name}/state.json"
        )
        remembered = json.loads(found["Body"].read())
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "NoSuchKey":
            raise
        remembered = {}
    return Watched(
        alarm=state,
        windows=tuple(remembered.get("history", ())),
        streaks=remembered.get("streaks", {}),
    )


def look(
    aws: Aws,
    system: System,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Look:
    """Looks at what was captured since the last window, as the schedule does, and waits for the result.

    Raises:
        HeadwayError: The system has no monitor, or the look does not end in time.
    """
    sagemaker = aws.client("sagemaker")
    arn = sagemaker.start_pipeline_execution(PipelineName=_pipeline(system))["PipelineExecutionArn"]
    deadline = clock() + TIMEOUT_S
    status = "Executing"
    while status in _GOING_ON:
        if clock() >= deadline:
            raise HeadwayError(f"{arn} is still {status} after {TIMEOUT_S:g} s; look again later")
        sleep(POLL_S)
        status = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
    steps = execution_steps(aws, arn)
    outputs = {step["StepName"]: _outputs(step) for step in steps}
    if status != "Succeeded":
        says = failure_reason(aws, steps) or f"the execution ended as {status}"
    elif "Record" in outputs:
        says = f"{outputs['Record']['sentence']}; {outputs['Record']['retraining']}"
    else:
        says = outputs.get("Plan", {}).get("why", "there was nothing to look at")
    return Look(execution_arn=arn, status=status, says=says, outputs=outputs)


def _outputs(step: Mapping[str, Any]) -> dict[str, str]:
    given = step.get("Metadata", {}).get("Lambda", {}).get("OutputParameters", ())
    return {item["Name"]: item["Value"] for item in given}


def _pipeline(system: System) -> str:
    if system.monitor_pipeline_name is None:
        raise HeadwayError(
            f"{system.name} has no monitor, because a placeholder was trained on nothing that traffic could "
            "drift from; declare a trained model and run `headway up`"
        )
    return system.monitor_pipeline_name
