"""The monitoring job: captured traffic of one window held against the baseline of the model that answered."""

import argparse
import math
from typing import Any

from headway_runtime.contract import (
    BASELINE_FILE,
    CONSTRAINTS_FILE,
    FINDINGS_FILE,
    REQUEST_FILE,
    STATISTICS_FILE,
    VIOLATIONS_FILE,
)
from headway_runtime.jobs import JobPaths, job_paths, read_json, run_job, write_json
from headway_runtime.monitor.assess import Limits, assess, document, metrics, sentence
from headway_runtime.monitor.baseline import Baseline
from headway_runtime.monitor.capture import Traffic, read_capture
from headway_runtime.monitor.model_monitor import constraints, statistics, violations
from headway_runtime.monitor.report_page import page

REPORT_FILE = "report.html"
VERSION = 1


def _job(paths: JobPaths, limits: Limits) -> str:
    request = read_json(paths.processing_input("request") / REQUEST_FILE, "the request")
    baseline = Baseline.read(paths.processing_input("baseline") / BASELINE_FILE)
    traffic = read_capture(paths.processing_input("capture"), baseline.contract)
    assessment = assess(baseline, traffic, limits, request.get("streaks", {}))
    said = sentence(assessment, limits)
    out = paths.processing_output("report")
    if assessment.columns:
        profiles = {column.name: column.profile for column in assessment.columns}
        write_json(out / STATISTICS_FILE, statistics(baseline.contract, profiles, traffic.rows))
    write_json(
        out / CONSTRAINTS_FILE,
        constraints(baseline.contract, baseline.profiles, limits.distance),
    )
    write_json(out / VIOLATIONS_FILE, violations(assessment.violations))
    findings = {
        "version": VERSION,
        "request": request,
        "window": _window(traffic),
        "baseline": {"dataset_version": baseline.dataset_version, "rows": baseline.rows},
        "sentence": said,
        "metrics": metrics(assessment),
        **document(assessment),
    }
    (out / REPORT_FILE).write_text(page(baseline, assessment, findings), "utf-8")
    # Last: a report with findings is whole.
    write_json(out / FINDINGS_FILE, findings)
    return said


def _window(traffic: Traffic) -> dict[str, Any]:
    return {
        "first": traffic.first,
        "last": traffic.last,
        "requests": traffic.requests,
        "rows": traffic.rows,
        "doubled": traffic.doubled,
        "unreadable": dict(traffic.unreadable),
    }


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; write 0.1 for 10 %")
    return value


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; write an integer from 1")
    return int(text)


def main(arguments: list[str]) -> int:
    """Run the processing job `monitor`; limits are given as flags."""
    known = Limits()
    parser = argparse.ArgumentParser(prog="headway_runtime monitor")
    parser.add_argument("--maximum-distance", type=_share, default=known.distance, metavar="DISTANCE")
    parser.add_argument("--maximum-missing", type=_share, default=known.missing, metavar="SHARE")
    parser.add_argument("--maximum-unseen", type=_share, default=known.unseen, metavar="SHARE")
    parser.add_argument("--minimum-rows", type=_count, default=known.minimum_rows, metavar="ROWS")
    parser.add_argument("--lasting", type=_count, default=known.lasting, metavar="WINDOWS")
    options = parser.parse_args(arguments)
    limits = Limits(
        distance=options.maximum_distance,
        missing=options.maximum_missing,
        unseen=options.maximum_unseen,
        minimum_rows=options.minimum_rows,
        lasting=options.lasting,
    )
    paths = job_paths()
    return run_job(lambda: _job(paths, limits), paths.message, on_success=True)
