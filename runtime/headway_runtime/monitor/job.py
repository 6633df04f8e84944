"""The monitoring job: captured traffic of one window held against the baseline of the model that answered."""

import argparse
from pathlib import Path
from typing import Any

from headway_runtime.contract import (
    BASELINE_FILE,
    CONSTRAINTS_FILE,
    FINDINGS_FILE,
    LEDGER_FILE,
    REQUEST_FILE,
    STATISTICS_FILE,
    VIOLATIONS_FILE,
)
from headway_runtime.flags import count, number
from headway_runtime.jobs import JobError, JobPaths, job_paths, read_json, run_job, write_json
from headway_runtime.monitor.assess import Assessment, Limits, assess, document, metrics, sentence
from headway_runtime.monitor.baseline import Baseline
from headway_runtime.monitor.capture import Traffic, read_capture
from headway_runtime.monitor.late_labels import Labelled, LabelPlan, is_quality, join_labels
from headway_runtime.monitor.ledger import write_ledger
from headway_runtime.monitor.model_monitor import constraints, statistics, violations
from headway_runtime.monitor.quality import QualityLimits
from headway_runtime.monitor.quality import sentence as quality_sentence
from headway_runtime.monitor.report_page import page

REPORT_FILE = "report.html"
VERSION = 1


def _job(paths: JobPaths, limits: Limits, quality: QualityLimits, plan: LabelPlan) -> str:
    inputs = paths.processing_input("request")
    request = read_json(_request_file(inputs), "the request")
    baseline = Baseline.read(paths.processing_input("baseline") / BASELINE_FILE)
    unknown = [name for name in (*plan.slices, *plan.entity) if name not in baseline.contract.input_names]
    if unknown:
        raise JobError(
            f"the contract has no input {', '.join(unknown)} to measure by; "
            f"it has {', '.join(baseline.contract.input_names)}"
        )
    traffic = read_capture(paths.processing_input("capture"), baseline.contract, request.get("files"))
    streaks = request.get("streaks", {})
    features = {name: count for name, count in streaks.items() if not is_quality(name)}
    assessment = assess(baseline, traffic, limits, features)
    labelled = join_labels(inputs, request, traffic, baseline, limits=quality, plan=plan)
    out = paths.processing_output("report")
    if assessment.columns:
        profiles = {column.name: column.profile for column in assessment.columns}
        write_json(out / STATISTICS_FILE, statistics(baseline.contract, profiles, traffic.rows))
    write_json(
        out / CONSTRAINTS_FILE,
        constraints(baseline.contract, baseline.profiles, limits.distance),
    )
    write_json(out / VIOLATIONS_FILE, violations([*assessment.violations, *labelled.violations]))
    findings = _findings(request, baseline, traffic, assessment=assessment, limits=limits, labelled=labelled)
    (out / REPORT_FILE).write_text(page(baseline, assessment, findings), "utf-8")
    write_ledger(labelled.ledger, out / LEDGER_FILE)
    # Last: a report with findings is whole.
    write_json(out / FINDINGS_FILE, findings)
    return str(findings["sentence"])


def _request_file(inputs: Path) -> Path:
    """The request lies beside what it names, below the keys that these have in their bucket."""
    found = sorted(inputs.rglob(REQUEST_FILE))
    return found[0] if found else inputs / REQUEST_FILE


def _findings(
    request: dict[str, Any],
    baseline: Baseline,
    traffic: Traffic,
    *,
    assessment: Assessment,
    limits: Limits,
    labelled: Labelled,
) -> dict[str, Any]:
    found = document(assessment)
    quality = labelled.quality
    lasting = [name for name, windows in labelled.streaks.items() if windows >= limits.lasting]
    said = sentence(assessment, limits)
    if quality.rows or labelled.tally.predictions == 0:
        said = f"{said}; {quality_sentence(quality, labelled.limits)}"
    if lasting:
        said = f"{said}; it lasts for {', '.join(lasting)}"
    return {
        **found,
        "version": VERSION,
        "request": request,
        "window": _window(traffic),
        "baseline": {"dataset_version": baseline.dataset_version, "rows": baseline.rows},
        "sentence": said,
        "metrics": [*metrics(assessment), *labelled.metrics()],
        "drifting": [*found["drifting"], *quality.changed],
        "lasting": [*found["lasting"], *lasting],
        "streaks": {**found["streaks"], **labelled.streaks},
        "notes": labelled.notes,
        **labelled.document(),
    }


def _window(traffic: Traffic) -> dict[str, Any]:
    return {
        "first": traffic.first,
        "last": traffic.last,
        "requests": traffic.requests,
        "rows": traffic.rows,
        "doubled": traffic.doubled,
        "unreadable": dict(traffic.unreadable),
    }


_share = number(0, 1, "is no share; write 0.1 for 10 %", above=True)
_count = count("is no number; write an integer from 1")
_hours = number(0, 1_000_000, "is no time; write a number from 0")


def main(arguments: list[str]) -> int:
    """Run the processing job `monitor`; limits are given as flags."""
    limits, quality, labels = Limits(), QualityLimits(), LabelPlan()
    parser = argparse.ArgumentParser(prog="headway_runtime monitor")
    for flag, kind, default, unit in (
        ("--maximum-distance", _share, limits.distance, "DISTANCE"),
        ("--maximum-missing", _share, limits.missing, "SHARE"),
        ("--maximum-unseen", _share, limits.unseen, "SHARE"),
        ("--minimum-rows", _count, limits.minimum_rows, "ROWS"),
        ("--lasting", _count, limits.lasting, "WINDOWS"),
        ("--maximum-label-share-change", _share, quality.label_share, "SHARE"),
        ("--maximum-calibration-gap", _share, quality.calibration, "SHARE"),
        ("--maximum-logloss-growth", _share, quality.log_loss, "SHARE"),
        ("--maximum-auc-fall", _share, quality.auc, "AUC"),
        ("--minimum-labels", _count, quality.minimum_labels, "ROWS"),
        ("--label-delay-h", _hours, labels.delay_h, "HOURS"),
        ("--keep-labels-d", _hours, labels.keep_d, "DAYS"),
    ):
        parser.add_argument(flag, type=kind, default=default, metavar=unit)
    parser.add_argument("--slice", action="append", default=[], metavar="COLUMN")
    parser.add_argument("--entity", action="append", default=[], metavar="COLUMN")
    options = parser.parse_args(arguments)
    limits = Limits(
        distance=options.maximum_distance,
        missing=options.maximum_missing,
        unseen=options.maximum_unseen,
        minimum_rows=options.minimum_rows,
        lasting=options.lasting,
    )
    quality = QualityLimits(
        label_share=options.maximum_label_share_change,
        calibration=options.maximum_calibration_gap,
        log_loss=options.maximum_logloss_growth,
        auc=options.maximum_auc_fall,
        minimum_labels=options.minimum_labels,
    )
    labels = LabelPlan(
        delay_h=options.label_delay_h,
        keep_d=options.keep_labels_d,
        slices=options.slice,
        entity=options.entity,
    )
    paths = job_paths()
    return run_job(lambda: _job(paths, limits, quality, labels), paths.message, on_success=True)
