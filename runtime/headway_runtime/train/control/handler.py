"""The function on AWS Lambda: each execution of the training pipeline calls it before its first job."""

import functools
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from headway_runtime.monitor.control.cloud import Cloud, Serving
from headway_runtime.train.control.cuts import Cuts, choose, judged_before

_SERVICES = ("s3", "sagemaker", "cloudwatch")
PLAN_FILE = "plan.json"
MANIFEST_FILE = "champion.manifest"
VERSION = 1
NO_CHAMPION = "none"


def handle(event: Mapping[str, Any], context: object) -> dict[str, str]:  # noqa: ARG001 - Lambda's signature
    """Plan a training, and record who started it and why.

    Args:
        event: `run`, the id of the pipeline's execution; `trigger`, who started it; `train_until` and
            `evaluate_until`, the cuts that are declared or that whoever started it has set.
        context: Not needed.

    Returns:
        The cuts, and where the champion is found that the model is held against.
    """
    given = Cuts(str(event["train_until"]), str(event["evaluate_until"]), "as declared")
    return plan(
        _cloud(), os.environ, str(event["run"]), trigger=str(event["trigger"]), given=given, now=time.time()
    )


def plan(
    cloud: Cloud, settings: Mapping[str, str], run: str, *, trigger: str, given: Cuts, now: float
) -> dict[str, str]:
    """Plan a training.

    Args:
        cloud: AWS.
        settings: What the stack said, `HEADWAY_` and a name in capitals.
        run: Id of the execution.
        trigger: Who started it.
        given: The cuts that are declared or set.
        now: Seconds since the epoch.
    """
    bucket = settings["HEADWAY_ARTIFACTS_BUCKET"]
    found = cloud.read(bucket, f"{settings['HEADWAY_MONITOR_PREFIX']}/state.json")
    state: Mapping[str, Any] = {} if found is None else found[0]
    cuts = choose(trigger, given, state.get("labelled_until"), int(settings["HEADWAY_JUDGE_NEWEST_D"]))
    serving = cloud.serving_if_any(settings["HEADWAY_ENDPOINT"], settings["HEADWAY_VARIANT"])
    champion, why = _champion(serving, bucket, cuts)
    place = f"evaluations/{run}/plan"
    document = {
        "version": VERSION,
        "run": run,
        "started_by": trigger,
        "planned_at": datetime.fromtimestamp(now, UTC).isoformat(),
        "because": _because(state) if trigger == "drift" else "",
        "train_until": cuts.train_until,
        "evaluate_until": cuts.evaluate_until,
        "cuts": cuts.why,
        "champion": {
            "model_package_arn": "" if serving is None else serving.package_arn,
            "model": champion,
            "why": why,
        },
    }
    manifest: list[Any] = [
        {"prefix": f"s3://{bucket}/"},
        *filter(None, (f"{place}/{PLAN_FILE}", champion)),
    ]
    cloud.write(bucket, f"{place}/{PLAN_FILE}", document)
    cloud.write(bucket, f"{place}/{MANIFEST_FILE}", manifest)
    return {
        "train_until": cuts.train_until,
        "evaluate_until": cuts.evaluate_until,
        "champion_uri": f"s3://{bucket}/{place}/{MANIFEST_FILE}",
        "champion": serving.package_arn if serving is not None and champion else NO_CHAMPION,
    }


def _champion(serving: Serving | None, bucket: str, cuts: Cuts) -> tuple[str, str]:
    """Key of the champion's artefact, or why there is none to compare with."""
    if serving is None or not serving.artifact_uri:
        return "", "no trained model answers"
    root = f"s3://{bucket}/"
    if not serving.artifact_uri.startswith(root):
        return "", "the model that answers is kept elsewhere"
    seen = judged_before(serving.metadata, cuts)
    return ("", seen) if seen else (serving.artifact_uri.removeprefix(root), "")


def _because(state: Mapping[str, Any]) -> str:
    """What the monitor's last window with a drift that lasts said."""
    wanted = [item for item in state.get("history", ()) if item["retraining_wanted"]]
    return f"{wanted[-1]['sentence']} (window {wanted[-1]['run']})" if wanted else ""


@functools.cache
def _cloud() -> Cloud:
    return Cloud({service: boto3.client(service) for service in _SERVICES})
