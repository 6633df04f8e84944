"""The two steps around the comparison: plan what it is given, and publish what it found."""

from collections.abc import Callable, Mapping
from typing import Any

from headway_runtime.features.control.settings import Settings
from headway_runtime.monitor.control.cloud import Cloud
from headway_runtime.monitor.control.window import cursor_after, open_window

NAMESPACE = "Headway/Features"
STATE_FILE = "state.json"
MANIFEST_FILE = "capture.manifest"
REQUEST_FILE = "request.json"
REPORT_FILE = "skew.json"
MANIFEST_OF_DATA = "/dataset/manifest.json"
"""Written last by the step that ingests: what lies beside it has passed its gate."""
READY, NOT_READY = "yes", "no"
VERSION = 1
HISTORY = 100
"""Comparisons whose result is remembered."""
_URIS = ("manifest_uri", "data_uri", "report_uri")


class OvertakenError(Exception):
    """Another run has compared the same traffic meanwhile."""


class SkewWatch:
    """Plans comparisons of traffic with history and publishes what they found.

    Args:
        settings: What the stack said.
        cloud: AWS.
        clock: Seconds since the epoch.
    """

    def __init__(self, settings: Settings, cloud: Cloud, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._cloud = cloud
        self._clock = clock

    def plan(self, run: str, endpoint: str) -> dict[str, str]:
        """Take every captured file that none has had and that is old enough for history to know it.

        Nothing is marked as done here, so a run that ends half-way leaves its files to the next.

        Args:
            run: Name of the run; its files go below it.
            endpoint: The endpoint that was asked.

        Returns:
            `ready`, `yes` or `no`; `why`; and where the job finds its inputs and leaves its report.
        """
        settings, now = self._settings, self._clock()
        dataset_uri = self._dataset()
        if not dataset_uri:
            return self._nothing(endpoint, "no dataset has passed its gate yet; the first training makes one")
        state, tag = self._state()
        captured = f"{settings.capture_prefix}/{endpoint}/{settings.variant}/"
        listed = list(self._cloud.captured(settings.capture_bucket, captured, state.get("cursor", "")))
        known_until = now - float(settings.delay_s)
        young = [file.key for file in listed if file.written_at > known_until]
        window = open_window(
            (file for file in listed if file.written_at <= known_until), set(state.get("done", ())), None
        )
        if not window.keys:
            waits = f"; {len(young)} files wait until history knows what they ask about" if young else ""
            return self._nothing(endpoint, f"nothing was captured since the last comparison{waits}")
        place = f"{settings.work_prefix}/runs/{run}"
        waiting = min([*young, *window.later[:1]], default=None)
        request = {
            "version": VERSION,
            "run": run,
            "endpoint": endpoint,
            "planned_at": now,
            "dataset_uri": dataset_uri,
            "state": tag,
            "files": list(window.keys),
            "cursor": cursor_after(captured, now, waiting),
        }
        manifest: list[Any] = [{"prefix": f"s3://{settings.capture_bucket}/"}, *window.keys]
        self._cloud.write(settings.work_bucket, f"{place}/{REQUEST_FILE}", request)
        self._cloud.write(settings.work_bucket, f"{place}/{MANIFEST_FILE}", manifest)
        root = f"s3://{settings.work_bucket}/{place}"
        why = f"{len(window.keys)} files were captured since the last comparison"
        uris = zip(_URIS, (f"{root}/{MANIFEST_FILE}", dataset_uri, f"{root}/report"), strict=True)
        return {"ready": READY, "why": why, **dict(uris)}

    def record(self, run: str) -> dict[str, str]:
        """Publish what a comparison found, and close it.

        Raises:
            FileNotFoundError: The job has left no report.
            OvertakenError: Another run has closed a comparison meanwhile; this one counts for nothing.
        """
        settings, place = self._settings, f"{self._settings.work_prefix}/runs/{run}"
        request, report = self._read(f"{place}/{REQUEST_FILE}"), self._read(f"{place}/report/{REPORT_FILE}")
        state, tag = self._state()
        if tag != request["state"]:
            mine = [item for item in state.get("history", ()) if item["run"] == run]
            if not mine:
                raise OvertakenError(f"run {run} was overtaken by another one; it counts for nothing")
            return {"sentence": mine[-1]["sentence"]}
        # Published first: a run that ends here is compared again, and what is published twice is the same.
        self._cloud.put_metrics(NAMESPACE, report["metrics"])
        result = {
            **{key: report[key] for key in ("sentence", "rows", "different", "unnamed", "unknown")},
            "run": run,
            "at": self._clock(),
            "dataset_uri": request["dataset_uri"],
            "report_uri": f"s3://{settings.work_bucket}/{place}/report",
        }
        done = {*state.get("done", ()), *request["files"]}
        closed = {
            "version": VERSION,
            "cursor": request["cursor"],
            "done": sorted(key for key in done if key > request["cursor"]),
            "history": [*state.get("history", ()), result][-HISTORY:],
        }
        if not self._cloud.replace(settings.work_bucket, self._state_key, closed, tag):
            raise OvertakenError(f"run {run} was overtaken by another one; it counts for nothing")
        return {"sentence": str(report["sentence"])}

    def _nothing(self, endpoint: str, why: str) -> dict[str, str]:
        # A comparison of nothing says so; silence would look like one that is not there.
        where = [{"Name": "EndpointName", "Value": endpoint}]
        self._cloud.put_metrics(
            NAMESPACE, [{"MetricName": "ComparedRows", "Dimensions": where, "Value": 0.0, "Unit": "Count"}]
        )
        return {"ready": NOT_READY, "why": why, **dict.fromkeys(_URIS, "")}

    def _dataset(self) -> str:
        """Where the newest dataset is that has passed its gate; empty where none has."""
        settings = self._settings
        listed = self._cloud.listed(settings.data_bucket, f"{settings.data_prefix}/executions/")
        made = (file for file in listed if file.key.endswith(MANIFEST_OF_DATA))
        newest = max(made, key=lambda file: (file.written_at, file.key), default=None)
        return "" if newest is None else f"s3://{settings.data_bucket}/{newest.key.rpartition('/')[0]}"

    def _read(self, key: str) -> Mapping[str, Any]:
        found = self._cloud.read(self._settings.work_bucket, key)
        if found is None:
            raise FileNotFoundError(f"s3://{self._settings.work_bucket}/{key} is missing; compare once more")
        return found[0]

    def _state(self) -> tuple[dict[str, Any], str]:
        found = self._cloud.read(self._settings.work_bucket, self._state_key)
        return ({}, "") if found is None else found

    @property
    def _state_key(self) -> str:
        return f"{self._settings.work_prefix}/{STATE_FILE}"
