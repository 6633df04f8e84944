"""Drift of a million rows of twenty columns against a cached baseline: time, memory, and what is found.

Run: python benchmarks/drift.py [--rows N] [--peers [--peer-rows N] [--environment FOLDER]]
Ten of the twenty columns are shifted by a tenth of a standard deviation. With `--peers`, Evidently's data
drift preset is measured on the same rows, out of an environment of its own that is made for this run, or kept
in the folder that is named. It needs 1.7 KB of memory a row: where the machine has less to spare, it gets
fewer rows, and ours is measured on as many beside it. Where it does not install, that is printed.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

COLUMNS, SHIFTED, SHIFT = 20, 10, 0.1
EFFECT = 0.02
"""Kolmogorov-Smirnov distance that the benchmark calls drift; a shift of 0.1 sd is one of 0.04."""
PEERS = ("evidently==0.7.23", "pandas<3")
"""Evidently breaks on pandas 3."""
PEER_KIB_A_ROW, PEER_BASE_KIB = 1.7, 300_000
"""Memory of Evidently's data drift preset for twenty columns, measured."""
CPU_LIMIT_S, LIMIT_MIB = 2.0, 400
_EVIDENTLY = """
import json, resource, sys, time
import numpy as np, pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
rows = int(sys.argv[1])
def table(seed, shift):
    random = np.random.default_rng(seed)
    return pd.DataFrame({f"x{i}": random.normal(shift if i < 10 else 0, 1, rows) for i in range(20)})
before, now = table(1, 0.0), table(2, 0.1)
started = time.process_time()
run = Report([DataDriftPreset()]).run(now, before)
used = time.process_time() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
scores = {item["config"]["column"]: item for item in run.dict()["metrics"] if "column" in item["config"]}
found = [name for name, item in scores.items() if item["value"] >= item["config"]["threshold"]]
found = {"found": [n for n in found if int(n[1:]) < 10], "false": [n for n in found if int(n[1:]) >= 10]}
print(json.dumps({"rows": rows, "cpu_s": used, "peak_mib": peak, **found}))
"""


def measure(rows: int) -> dict[str, Any]:
    """Profiles rows and compares them; the baseline and the rows are there before the clock runs."""
    import numpy as np  # noqa: PLC0415 - one thread is chosen before it is loaded
    import pyarrow as pa  # noqa: PLC0415

    from headway_runtime.monitor.compare import compare  # noqa: PLC0415
    from headway_runtime.monitor.profile import profile_table  # noqa: PLC0415

    names = [f"x{place}" for place in range(COLUMNS)]

    def table(seed: int, shift: float) -> pa.Table:
        random = np.random.default_rng(seed)
        return pa.table(
            {
                name: random.normal(shift if place < SHIFTED else 0, 1, rows)
                for place, name in enumerate(names)
            }
        )

    baseline = profile_table(table(1, 0.0), names)
    now = table(2, SHIFT)
    before_mib = _peak_mib()
    found, cpu_s = _timed(lambda: _found(profile_table(now, names, baseline), baseline, compare))
    return {
        "rows": rows,
        "cpu_s": round(cpu_s, 3),
        "peak_mib": round(_peak_mib()),
        "of_which_the_rows_mib": round(before_mib),
        "found": [name for name in found if names.index(name) < SHIFTED],
        "false": [name for name in found if names.index(name) >= SHIFTED],
    }


def peer_environment(folder: Path) -> Path:
    """The interpreter of an environment with the other tool, which is made where it is not there yet.

    Raises:
        RuntimeError: It does not install.
    """
    done, python = folder / ".installed", folder / "bin" / "python"
    if not done.is_file() or done.read_text() != "\n".join(PEERS):
        print(f"installing {' and '.join(PEERS)} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEERS]
        _run(pip)
        done.write_text("\n".join(PEERS))
    return python


def peer_rows(wanted: int) -> int:
    """As many rows as the other tool can take in half of the memory that is free."""
    facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text("ascii").splitlines())
    spare_kib = int(facts["MemAvailable"].split()[0]) / 2 - PEER_BASE_KIB
    return min(wanted, max(10_000, int(spare_kib / PEER_KIB_A_ROW) // 10_000 * 10_000))


def measure_apart(command: list[str]) -> dict[str, Any]:
    """What a process of its own measured, which prints it as JSON in its last line.

    Raises:
        RuntimeError: It failed; with the last line of its error.
    """
    return dict(json.loads(_run(command).strip().splitlines()[-1]))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1])
    return done.stdout


def show(name: str, result: dict[str, Any]) -> None:
    """One line of the table."""
    print(
        f"{name:<18}{result['rows']:>10,} rows {result['cpu_s']:>8.2f} CPU s {result['peak_mib']:>7,.0f} MiB"
        f"  found {len(result['found']):>2} of {SHIFTED}, {len(result['false'])} false",
        flush=True,
    )


def _found(now: Any, baseline: Any, compare: Callable[..., Any]) -> list[str]:  # noqa: ANN401
    return [name for name in now if compare(baseline[name], now[name]).distance.at_least > EFFECT]


def _timed(work: Callable[[], list[str]]) -> tuple[list[str], float]:
    started = time.process_time()
    found = work()
    return found, time.process_time() - started


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Prints what was measured; 1 where ours breaks a limit at full size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peers", action="store_true", help="measure Evidently too")
    parser.add_argument("--peer-rows", type=int, help="rows for Evidently; else as many as memory allows")
    parser.add_argument("--environment", type=Path, help="kept for the next run; else made for this one")
    parser.add_argument("--json", action="store_true", help="print ours alone, for programs")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        # One core: the libraries read it when they are loaded.
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_DEFAULT_NUM_THREADS"), "1")
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **one})
    if options.json:
        print(json.dumps(measure(options.rows)))
        return 0

    def ours(rows: int) -> dict[str, Any]:
        return measure_apart([sys.executable, __file__, "--json", "--rows", str(rows)])

    result = ours(options.rows)
    show("headway", result)
    if options.peers:
        rows = peer_rows(options.rows) if options.peer_rows is None else options.peer_rows
        if rows < options.rows:
            print(f"the other tool gets {rows:,} rows; ours on as many beside it:")
            show("headway", ours(rows))
        with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as made:
            try:
                python = peer_environment(options.environment or Path(made) / "evidently")
                theirs = measure_apart([str(python), "-W", "ignore", "-c", _EVIDENTLY, str(rows)])
            except (RuntimeError, OSError) as error:
                print(f"{PEERS[0]}: no figure: {error}")
            else:
                show(PEERS[0], theirs)
    is_held = (
        result["cpu_s"] <= CPU_LIMIT_S
        and result["peak_mib"] <= LIMIT_MIB
        and (len(result["found"]), result["false"]) == (SHIFTED, [])
    )
    print(
        f"limits: {CPU_LIMIT_S} CPU s, {LIMIT_MIB} MiB, all {SHIFTED} found and none false: "
        f"{'held' if is_held else 'BROKEN'}"
    )
    return 0 if is_held or options.rows < 1_000_000 else 1


if __name__ == "__main__":
    sys.exit(main())
