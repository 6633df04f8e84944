"""A release as programs read it and as people watch it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headway_runtime.judge.words import duration, e_value
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Release

NO_RELEASE = "none"
_BAR = 20


def release_document(system: str, release: Release | None, plan: Plan) -> dict[str, Any]:
    """What `headway release status --json` prints.

    Args:
        system: Name of the system.
        release: The newest release; None where there was none.
        plan: The release plan.
    """
    if release is None:
        return {
            "system": system,
            "phase": NO_RELEASE,
            "stage": "",
            "weights": {},
            "desired": "",
            "serving": "",
            "why": "nothing was released yet",
            "metrics": [],
            "history": [],
        }
    return {
        "system": system,
        "phase": release.status,
        "stage": stage_name(release, plan),
        "weights": dict(release.weights),
        "desired": release.desired,
        "serving": release.serving,
        "why": release.why,
        "metrics": [dict(item) for item in release.metrics],
        "history": [dict(item) for item in release.history],
    }


def stage_name(release: Release, plan: Plan) -> str:
    """The stage that a release is in, or how it is on its way: begin, baseline, promote, roll_back."""
    if release.position != "stage":
        return release.position
    stages = plan.judge.stages
    return stages[release.stage].name if release.stage < len(stages) else str(release.stage)


def release_text(release: Release | None, plan: Plan, now: datetime) -> str:
    """A release in a few lines: stage, weights, samples, time left, each metric with its evidence.

    Args:
        release: The newest release; None where there was none.
        plan: The release plan.
        now: The time.
    """
    if release is None:
        return "nothing was released yet"
    lines = [
        _row("release", f"{release.release_id}: {release.status}"),
        _row("stage", stage_name(release, plan)),
        _row("weights", _weights(release.weights)),
        _row("serving", release.serving),
        _row("desired", release.desired),
        *_progress(release, plan, now),
        *(_row(str(item["metric"]), _metric(item)) for item in release.metrics),
        _row("why", release.why),
    ]
    if release.report:
        lines.append(_row("report", release.report))
    return "\n".join(lines)


def history_text(releases: list[Release]) -> str:
    """Every release with every decision, the newest release first."""
    if not releases:
        return "nothing was released yet"
    lines: list[str] = []
    for release in releases:
        what = release.model_package_arn or "the declared base"
        lines.append(f"{release.release_id}  {release.status}  {what}")
        lines += [f"  {item['at']}  {item['what']}: {item['why']}" for item in release.history]
    return "\n".join(lines)


def _progress(release: Release, plan: Plan, now: datetime) -> list[str]:
    if release.is_over or release.position != "stage" or release.stage >= len(plan.judge.stages):
        return []
    stage = plan.judge.stages[release.stage]
    seen = next(
        (item["challenger_requests"] for item in release.observations if item["stage"] == release.stage), 0
    )
    filled = min(_BAR, _BAR * seen // max(1, stage.samples))
    bar = "█" * filled + "·" * (_BAR - filled)
    rows = [_row("samples", f"{bar} {seen:,} of {stage.samples:,} answered by the challenger")]
    if release.arrived_at:
        passed_s = (now - datetime.fromisoformat(release.arrived_at)).total_seconds()
        rows.append(_row("time left", duration(max(0, round(stage.time_limit_s - passed_s)))))
    return rows


def _metric(item: Mapping[str, Any]) -> str:
    parts = [str(item["standing"])]
    if item.get("ratio") is not None:
        parts.append(f"{item['ratio']:.2f} ×")
    evidence, threshold = item.get("log_evidence"), item.get("log_threshold")
    if evidence is not None and threshold is not None:
        parts.append(f"e-value {e_value(evidence)}, worse from {e_value(threshold)}")
    return f"{', '.join(parts)}: {item['why']}"


def _weights(weights: Mapping[str, float]) -> str:
    total = sum(weights.values()) or 1.0
    return ", ".join(f"{name} {100 * weight / total:g} %" for name, weight in sorted(weights.items()))


def _row(name: str, text: str) -> str:
    return f"  {name:<21} {text}"
