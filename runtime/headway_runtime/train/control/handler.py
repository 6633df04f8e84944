"""The function on AWS Lambda: each execution of the training pipeline calls it before its first job."""

import functools
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3

from headway_runtime.monitor.control.cloud import Cloud, Serving
from headway_runtime.monitor.control.retraining import DATA, DRIFT
from headway_runtime.train.control.cuts import Cuts, choose, judged_before, latest
from headway_runtime.train.control.landed import Landed, last_trained

_SERVICES = ("s3", "sagemaker", "cloudwatch")
PLAN_FILE = "plan.json"
MANIFEST_FILE = "champion.manifest"
VERSION = 1
NO_CHAMPION = "none"


def handle(event: Mapping[str, Any], context: object) -> dict[str, str]:  # noqa: ARG001 - Lambda's signature
    """Plan a training, and record who started it and why.

    Args:
        event: `run`, the id of the pipeline's execution; `trigger`, who started it; `train_until` and
            `evaluate_until`, the cuts that are declared or that whoever started it has set; `quality`, where
            the report on the data is, once it has passed its gate.
        context: Not needed.

    Returns:
        The cuts, and where the champion is found that the model is held against. Once the data is known also
        `train`, yes or no, and `why`.
    """
    given = Cuts(str(event["train_until"]), str(event["evaluate_until"]), "as declared")
    cloud, run, trigger, now = _cloud(), str(event["run"]), str(event["trigger"]), time.time()
    if "quality" in event:
        quality_uri = str(event["quality"])
        return renew(cloud, os.environ, run, trigger=trigger, given=given, now=now, quality_uri=quality_uri)
    return plan(cloud, os.environ, run, trigger=trigger, given=given, now=now)


def renew(
    cloud: Cloud,
    settings: Mapping[str, str],
    run: str,
    *,
    trigger: str,
    given: Cuts,
    now: float,
    quality_uri: str,
) -> dict[str, str]:
    """Plan a training anew once its data is known: whether it is new, and until when outcomes have landed.

    Args:
        cloud: AWS.
        settings: What the stack said, `HEADWAY_` and a name in capitals.
        run: Id of the execution.
        trigger: Who started it.
        given: The cuts that are declared or set.
        now: Seconds since the epoch.
        quality_uri: Where the report on the data is.

    Raises:
        FileNotFoundError: The report is missing.
    """
    bucket, _, key = quality_uri.removeprefix("s3://").partition("/")
    found = cloud.read(bucket, key)
    if found is None:
        raise FileNotFoundError(f"{quality_uri} is missing; start the training again")
    landed = Landed.of(found[0])
    before = last_trained(cloud, settings["HEADWAY_ARTIFACTS_BUCKET"])
    why = landed.why_not(before) if trigger == DATA else ""
    planned = plan(cloud, settings, run, trigger=trigger, given=given, now=now, landed=landed, before=before)
    return {**planned, "train": "no" if why else "yes", "why": why or "the data is taken as it is"}


def plan(
    cloud: Cloud,
    settings: Mapping[str, str],
    run: str,
    *,
    trigger: str,
    given: Cuts,
    now: float,
    landed: Landed | None = None,
    before: str = "",
) -> dict[str, str]:
    """Plan a training.

    Args:
        cloud: AWS.
        settings: What the stack said, `HEADWAY_` and a name in capitals.
        run: Id of the execution.
        trigger: Who started it.
        given: The cuts that are declared or set.
        now: Seconds since the epoch.
        landed: What is known of the data; None before it is.
        before: Version of the dataset that was trained on last; empty where none was.
    """
    bucket = settings["HEADWAY_ARTIFACTS_BUCKET"]
    found = cloud.read(bucket, f"{settings['HEADWAY_MONITOR_PREFIX']}/state.json")
    state: Mapping[str, Any] = {} if found is None else found[0]
    known_until = latest(state.get("labelled_until"), None if landed is None else landed.until)
    cuts = choose(trigger, given, known_until, int(settings["HEADWAY_JUDGE_NEWEST_D"]))
    serving = cloud.serving_if_any(settings["HEADWAY_ENDPOINT"], settings["HEADWAY_VARIANT"])
    champion, why = _champion(serving, bucket, cuts)
    place = f"evaluations/{run}/plan"
    document = {
        "version": VERSION,
        "run": run,
        "started_by": trigger,
        "planned_at": datetime.fromtimestamp(now, UTC).isoformat(),
        "because": _because(trigger, state, landed, before),
        "train_until": cuts.train_until,
        "evaluate_until": cuts.evaluate_until,
        "cuts": cuts.why,
        "champion": {
            "model_package_arn": "" if serving is None else serving.package_arn,
            "model": champion,
            "why": why,
        },
        **({} if landed is None else {"dataset_version": landed.version, "landed": list(landed.batches)}),
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


def _because(trigger: str, state: Mapping[str, Any], landed: Landed | None, before: str) -> str:
    """What made the trigger start it; empty where nobody needs to be told."""
    if trigger == DATA and landed is not None:
        return landed.why_not(before) or landed.sentence(before)
    return _drift(state) if trigger == DRIFT else ""


def _drift(state: Mapping[str, Any]) -> str:
    """What the monitor's last window with a drift that lasts said."""
    wanted = [item for item in state.get("history", ()) if item["retraining_wanted"]]
    return f"{wanted[-1]['sentence']} (window {wanted[-1]['run']})" if wanted else ""


@functools.cache
def _cloud() -> Cloud:
    return Cloud({service: boto3.client(service) for service in _SERVICES})
