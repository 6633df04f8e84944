"""The two steps around a monitoring job: plan what it is given, and record what it found."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from headway_runtime.monitor.control.cloud import Cloud
from headway_runtime.monitor.control.retraining import Decision, Training, decide
from headway_runtime.monitor.control.settings import Settings
from headway_runtime.monitor.control.window import (
    LabelFiles,
    Window,
    cursor_after,
    labels_after,
    mark,
    open_labels,
    open_window,
)

STATE_FILE = "state.json"
MANIFEST_FILE = "capture.manifest"
REQUEST_MANIFEST_FILE = "request.manifest"
REQUEST_FILE = "request.json"
FINDINGS_FILE = "findings.json"
LEDGER_FILE = "ledger.parquet"
READY, NOT_READY = "yes", "no"
HISTORY = 100
"""Windows whose result is remembered."""
VERSION = 1
_WANTED = "RetrainingWanted"


class OvertakenError(Exception):
    """Another run has judged the same traffic meanwhile."""


class Monitor:
    """Plans and records windows.

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
        """Open a window: every captured file that none has had, for the model that answers.

        Nothing is marked as done here, so a run that ends half-way leaves its files to the next.

        Args:
            run: Name of the run; its files go below it.
            endpoint: The endpoint to look at.

        Returns:
            `ready`, `yes` or `no`; `why`; and where the job finds its inputs and leaves its report.
        """
        settings, now = self._settings, self._clock()
        serving = self._cloud.serving(endpoint, settings.variant)
        if not serving.baseline_uri:
            return self._nothing(
                endpoint, "the model that answers has no baseline; the first trained one brings it"
            )
        state, tag = self._state()
        known = state.get("baseline_uri")
        captured = self._captured(endpoint)
        cursor = state.get("cursor", cursor_after(captured, now, None))
        window = open_window(
            self._cloud.captured(settings.capture_bucket, captured, cursor),
            set(state.get("done", ())),
            None if known == serving.baseline_uri else serving.changed_at,
        )
        labels = self._labels(state)
        traffic = window.keys or tuple(state.get("newest", ()))
        if not (window.keys or labels.keys) or not traffic:
            waits = f"; {len(labels.keys)} files with labels wait for it" if labels.keys else ""
            wish = self._unheard(state, now) if known == serving.baseline_uri else ""
            return self._nothing(endpoint, f"nothing was captured since the last window{waits}{wish}", wish)
        place = f"{settings.work_prefix}/runs/{run}"
        evaluation = self._key(serving.evaluation_uri)
        is_same = known == serving.baseline_uri
        request = {
            "version": VERSION,
            "run": run,
            "system": settings.system,
            "endpoint": endpoint,
            "model_package_arn": serving.package_arn,
            "baseline_uri": serving.baseline_uri,
            "planned_at": now,
            # A drift from the rows of another training says nothing about this one.
            "streaks": state.get("streaks", {}) if is_same else {},
            # Neither do labels of what another model answered.
            "ledger": state.get("ledger", "") if is_same else "",
            "evaluation": evaluation,
            "labels": list(labels.keys),
            "labels_read": [mark(file) for file in labels.files],
            "later_labels": min((file.written_at for file in labels.later), default=None),
            "state": tag,
            "files": list(window.keys),
            "passed_over": list(window.earlier),
            "later": list(window.later[:1]),
            "notes": list(_notes(window, labels)),
        }
        # A manifest names at least one file: where only labels came, one that is not read again.
        manifest: list[Any] = [{"prefix": f"s3://{settings.capture_bucket}/"}, *traffic]
        named = [f"{place}/request/{REQUEST_FILE}", request["ledger"], evaluation, *labels.keys]
        beside: list[Any] = [{"prefix": f"s3://{settings.work_bucket}/"}, *filter(None, named)]
        self._cloud.write(settings.work_bucket, f"{place}/{MANIFEST_FILE}", manifest)
        self._cloud.write(settings.work_bucket, f"{place}/request/{REQUEST_FILE}", request)
        self._cloud.write(settings.work_bucket, f"{place}/{REQUEST_MANIFEST_FILE}", beside)
        root = f"s3://{settings.work_bucket}/{place}"
        return {
            "ready": READY,
            "why": (
                f"{len(window.keys)} files were captured and {len(labels.keys)} with labels came "
                "since the last window"
            ),
            "manifest_uri": f"{root}/{MANIFEST_FILE}",
            "request_uri": f"{root}/{REQUEST_MANIFEST_FILE}",
            "baseline_uri": serving.baseline_uri,
            "report_uri": f"{root}/report",
        }

    def record(self, run: str) -> dict[str, Any]:
        """Publish what a window says, decide about a training, and close the window.

        Raises:
            OvertakenError: Another run has closed a window meanwhile; this one counts for nothing.
        """
        settings, now = self._settings, self._clock()
        key = f"{settings.work_prefix}/runs/{run}/report/{FINDINGS_FILE}"
        found = self._cloud.read(settings.work_bucket, key)
        if found is None:
            raise FileNotFoundError(f"s3://{settings.work_bucket}/{key} is missing; run the monitor again")
        findings, _ = found
        request = findings["request"]
        state, tag = self._state()
        if tag != request["state"]:
            return self._overtaken_or_done(state, run)
        trainings = self._cloud.trainings(settings.training_pipeline, now)
        decision = self._decide(findings["lasting"], trainings, now)
        # Published first: a run that ends here is judged again, and what is published twice is the same.
        wanted = {"name": _WANTED, "value": int(decision.wanted)}
        self._cloud.publish([*findings["metrics"], wanted], settings.system, request["endpoint"])
        result = {
            "run": run,
            "at": now,
            "sentence": findings["sentence"],
            "rows": findings["rows"],
            "enough": findings["enough"],
            "score": findings["score"],
            "drifting": findings["drifting"],
            "lasting": findings["lasting"],
            "quality": findings["quality"],
            "labels": findings["labels"],
            "labelled_until": findings["labelled_until"],
            "retraining_wanted": decision.wanted,
            "why": decision.why,
            "model_package_arn": request["model_package_arn"],
            "report_uri": f"s3://{settings.work_bucket}/{settings.work_prefix}/runs/{run}/report",
        }
        if not self._cloud.replace(
            settings.work_bucket, self._state_key, self._closed(state, findings, result), tag
        ):
            raise OvertakenError(f"run {run} was overtaken by another one; its window counts for nothing")
        return {"sentence": findings["sentence"], "retraining": decision.why}

    def _closed(
        self, state: Mapping[str, Any], findings: Mapping[str, Any], result: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The state after a window; one with too few rows stays open, and its files count with the next."""
        request = findings["request"]
        judged = request["files"] if findings["enough"] else []
        waiting = [*request["later"], *([] if findings["enough"] else request["files"])]
        cursor = cursor_after(
            self._captured(request["endpoint"]), float(result["at"]), min(waiting, default=None)
        )
        done = {*state.get("done", ()), *request["passed_over"], *judged}
        # The ledger has every label, whether the rows were enough or not.
        labels_done, labels_since = labels_after(
            state.get("labels_done", ()),
            request["labels_read"],
            float(request["planned_at"]),
            request["later_labels"],
        )
        newest = request["files"][-1:] or state.get("newest", [])
        return {
            "version": VERSION,
            "baseline_uri": request["baseline_uri"],
            "cursor": cursor,
            "done": sorted(key for key in done if key > cursor),
            "newest": newest,
            "labels_done": labels_done,
            "labels_since": labels_since,
            "labelled_until": findings["labelled_until"] or state.get("labelled_until"),
            "ledger": f"{self._settings.work_prefix}/runs/{result['run']}/report/{LEDGER_FILE}",
            "streaks": findings["streaks"],
            "history": [*state.get("history", ()), result][-HISTORY:],
        }

    def _overtaken_or_done(self, state: Mapping[str, Any], run: str) -> dict[str, Any]:
        """A step that is tried again after it was done has nothing left to do."""
        mine = [item for item in state.get("history", ()) if item["run"] == run]
        if not mine:
            raise OvertakenError(f"run {run} was overtaken by another one; its window counts for nothing")
        return {"sentence": mine[-1]["sentence"], "retraining": mine[-1]["why"]}

    def _unheard(self, state: Mapping[str, Any], now: float) -> str:
        """What to say of a training that the last window asked for and nothing has started since.

        An alarm rings once, when it begins. Where that ring is lost, nothing would ask before new traffic.
        """
        last = next(iter(state.get("history", ())[-1:]), None)
        if last is None or not last["retraining_wanted"]:
            return ""
        trainings = self._cloud.trainings(self._settings.training_pipeline, now)
        if any(training.trained and training.started_at >= last["at"] for training in trainings):
            return ""
        if not self._decide(last["lasting"], trainings, now).wanted:
            return ""
        return "; the training that it asked for was not started, so it asks again"

    def _decide(self, lasting: Sequence[str], trainings: Sequence[Training], now: float) -> Decision:
        return decide(
            lasting,
            trainings,
            now=now,
            cool_down_s=float(self._settings.cool_down_s),
            maximum=int(self._settings.maximum_retrainings),
        )

    def _nothing(self, endpoint: str, why: str, wish: str = "") -> dict[str, str]:
        # A monitor that sees nothing says so; silence would look like a monitor that is not there.
        metrics = [{"name": "Rows", "value": 0}, *([{"name": _WANTED, "value": 1}] if wish else [])]
        self._cloud.publish(metrics, self._settings.system, endpoint)
        uris = dict.fromkeys(("manifest_uri", "request_uri", "baseline_uri", "report_uri"), "")
        return {"ready": NOT_READY, "why": why, **uris}

    def _labels(self, state: Mapping[str, Any]) -> LabelFiles:
        """The label files that no closed window has had; a window that ends half-way leaves them."""
        prefix = f"{self._settings.label_prefix}/"
        listed = self._cloud.captured(self._settings.work_bucket, prefix, "")
        return open_labels(listed, set(state.get("labels_done", ())), float(state.get("labels_since", 0.0)))

    def _key(self, uri: str) -> str:
        """The key of an object in the work bucket; empty for one elsewhere."""
        root = f"s3://{self._settings.work_bucket}/"
        return uri.removeprefix(root) if uri.startswith(root) else ""

    def _state(self) -> tuple[dict[str, Any], str]:
        found = self._cloud.read(self._settings.work_bucket, self._state_key)
        return ({}, "") if found is None else found

    @property
    def _state_key(self) -> str:
        return f"{self._settings.work_prefix}/{STATE_FILE}"

    def _captured(self, endpoint: str) -> str:
        return f"{self._settings.capture_prefix}/{endpoint}/{self._settings.variant}/"


def _notes(window: Window, labels: LabelFiles) -> list[str]:
    notes = []
    if window.earlier:
        notes.append(f"{len(window.earlier)} files hold traffic of the model before and are passed over")
    if window.later:
        notes.append(f"{len(window.later)} files have their turn in the next window")
    if labels.later:
        notes.append(f"{len(labels.later)} files with labels have their turn in the next window")
    return notes
