"""Drift of a million rows of twenty columns against a cached baseline: time, memory, and what is found.

Run: python benchmarks/drift.py [--rows N] [--evidently PYTHON]
Ten of the twenty columns are shifted by a tenth of a standard deviation. With the interpreter of an
environment that has Evidently (and pandas below 3), its data drift preset is measured beside ours.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

COLUMNS, SHIFTED, SHIFT = 20, 10, 0.1
EFFECT = 0.02
"""Kolmogorov-Smirnov distance that the benchmark calls drift; a shift of 0.1 sd is one of 0.04."""
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
print(json.dumps({"cpu_s": used, "peak_mib": peak}))
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


def _found(now: Any, baseline: Any, compare: Callable[..., Any]) -> list[str]:  # noqa: ANN401
    return [name for name in now if compare(baseline[name], now[name]).distance.at_least > EFFECT]


def _timed(work: Callable[[], list[str]]) -> tuple[list[str], float]:
    started = time.process_time()
    found = work()
    return found, time.process_time() - started


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Prints what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--evidently", metavar="PYTHON", help="interpreter of an environment with Evidently")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        # One core: the libraries read it when they are loaded.
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_DEFAULT_NUM_THREADS"), "1")
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **one})
    ours = measure(options.rows)
    print("headway  ", json.dumps(ours))
    if options.evidently is not None:
        command = [options.evidently, "-c", _EVIDENTLY, str(options.rows)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        theirs = json.loads(done.stdout)
        print("evidently", json.dumps(theirs))
        print(f"ratio {theirs['cpu_s'] / ours['cpu_s']:.0f}")


if __name__ == "__main__":
    main()
