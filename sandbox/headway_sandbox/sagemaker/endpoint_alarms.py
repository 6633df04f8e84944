"""The alarms that roll a deployment back, as CloudWatch has them."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from headway_sandbox.sagemaker.protocol import SageMaker

_KINDS = ("MetricAlarm", "CompositeAlarm")

_log = logging.getLogger(__name__)


async def alarm_states(service: SageMaker, names: Sequence[str]) -> dict[str, str]:
    """The states of alarms by name; those that do not exist are left out.

    Raises:
        botocore.exceptions.ClientError: CloudWatch refused.
    """
    if not names:
        return {}
    answer = await service.aws.call(
        "cloudwatch", "describe_alarms", AlarmNames=list(names), AlarmTypes=list(_KINDS)
    )
    return {
        alarm["AlarmName"]: alarm["StateValue"] for kind in _KINDS for alarm in answer.get(f"{kind}s", [])
    }


async def tripped(service: SageMaker, names: Sequence[str]) -> list[str]:
    """Names of the alarms that are in the state ALARM; none while CloudWatch cannot be asked."""
    try:
        states = await alarm_states(service, names)
    except (BotoCoreError, ClientError) as error:
        _log.warning("the alarms %s could not be read: %s", ", ".join(names), error)
        return []
    return [name for name in names if states.get(name) == "ALARM"]
