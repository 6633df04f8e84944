"""The status of a system in words. Pure."""

from collections.abc import Mapping
from typing import Any

from headway_cli.status import problems

_WIDTH = 12


def summary(status: Mapping[str, Any], command: str) -> str:
    """A system in a few lines: what serves, what it was made of, how good it is, how to ask it.

    Args:
        status: What `headway_cli.status.system_status` answers.
        command: How this shell starts the `headway` command.
    """
    wrong = problems(status)
    lines = [
        f"{status['system']} {'is live' if status['endpoint']['status'] == 'InService' else 'is not live'}"
    ]
    lines += [_row(name, text) for name, text in _facts(status) if text]
    lines += [_row("attention", text) for text in wrong]
    lines.append(_row("try it", f"{command} invoke --system {status['system']}"))
    return "\n".join(lines)


def _facts(status: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("endpoint", f"{status['endpoint']['name']} ({status['endpoint']['status']})"),
        ("model", _model(status["model_package"])),
        ("dataset", status["dataset_version"] or ""),
        *_metrics(status["metrics"]),
        *[("checked", _check(check)) for check in status["checks"] or []],
        *_digests(status["digests"]),
        ("release", _release(status["release"])),
        ("training", _training(status["pipeline"])),
    ]


def _model(package: Mapping[str, Any] | None) -> str:
    if package is None:
        return "the placeholder that was generated from the contract; no trained model serves yet"
    return f"{package['arn']} ({package['approval']})"


def _metrics(metrics: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if metrics is None:
        return []
    loss, floor = metrics.get("log_loss"), metrics.get("floor_log_loss")
    shown = []
    if isinstance(loss, float) and isinstance(floor, float):
        better = metrics.get("logloss_improvement")
        share = f", {better:.1%} better" if isinstance(better, float) else ""
        shown.append(("log-loss", f"{loss:.4f} against the floor's {floor:.4f}{share}"))
    if isinstance(metrics.get("auc"), float):
        shown.append(("AUC", f"{metrics['auc']:.4f} on {metrics.get('rows')} rows"))
    return shown


def _check(check: Mapping[str, Any]) -> str:
    return f"{'passed' if check['passed'] else 'failed'}: {check['reason']}"


def _release(release: Mapping[str, Any] | None) -> str:
    return "" if release is None else f"{release['status']}: {release['why']}"


def _training(pipeline: Mapping[str, Any] | None) -> str:
    if pipeline is None or pipeline["status"] is None:
        return ""
    took = sum(step["seconds"] for step in pipeline["steps"] if step["seconds"] is not None)
    return f"{pipeline['status']}, {took:.1f} s in {len(pipeline['steps'])} steps"


def _digests(digests: Mapping[str, str]) -> list[tuple[str, str]]:
    shown = {name.removesuffix("_digest"): text for name, text in digests.items() if name.endswith("_digest")}
    declared = shown.pop("declared_contract", None)
    rows = list(shown.items())
    # The declared contract and the model's own differ for as long as a new model has not been released.
    return rows if declared == shown.get("contract") or declared is None else [*rows, ("declared", declared)]


def _row(name: str, text: str) -> str:
    return f"  {name:<{_WIDTH}} {text}"
