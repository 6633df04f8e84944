"""Drift of a million rows of twenty columns against a cached baseline: time, memory, and what is found.

Run: python benchmarks/drift.py [--rows N] [--peers]
Ten of the twenty columns are shifted by a tenth of a standard deviation. With `--peers`, Evidently is
installed into an environment of its own (once) and its data drift preset is measured on the same rows.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
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
print(json.dumps({"rows": rows, "cpu_s": round(used, 3), "peak_mib": round(peak), "found": found}))
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


def peers() -> Path:
    """The interpreter of the environment with the other tool, which is installed once."""
    cache = Path(os.environ.get("HEADWAY_CACHE") or Path.home() / ".cache" / "headway")
    folder = cache / "benchmarks" / "drift"
    done, python = folder / ".installed", folder / "bin" / "python"
    if not done.is_file() or done.read_text() != "\n".join(PEERS):
        print(f"installing {' and '.join(PEERS)} into {folder} (once)", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *PEERS], check=True)
        done.write_text("\n".join(PEERS))
    return python


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
    parser.add_argument("--peers", action="store_true", help="measure Evidently too")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        # One core: the libraries read it when they are loaded.
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_DEFAULT_NUM_THREADS"), "1")
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **one})
    ours = measure(options.rows)
    print("headway  ", json.dumps(ours))
    if options.peers:
        command = [str(peers()), "-W", "ignore", "-c", _EVIDENTLY, str(options.rows)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        theirs = json.loads(done.stdout)
        print("evidently", json.dumps(theirs))
        print(f"ratio {theirs['cpu_s'] / ours['cpu_s']:.0f}")


if __name__ == "__main__":
    main()
