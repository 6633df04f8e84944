"""From nothing to the first trained prediction: seconds and memory of `headway up`, against their limits.

Run: `.venv/bin/python benchmarks/up_to_prediction.py`. The Pulumi CLI and the dependencies are there before
the clock starts; everything else (sandbox, deployment, training, release) is inside. Memory is the sum of the
proportional set sizes of every process of the project, sampled five times a second (Linux).
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.project import Project  # noqa: E402 - after the path is set

LIMIT_S = 60.0
LIMIT_GB = 1.5
SAMPLE_S = 0.2


def memory_bytes(folder: str) -> int:
    """Proportional set size of every process whose environment or command names the project's folder."""
    total = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            if not any(folder.encode() in (process / name).read_bytes() for name in ("environ", "cmdline")):
                continue
            rollup = (process / "smaps_rollup").read_text("utf-8")
        except OSError:
            continue  # it ended while it was looked at
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
    return total


def watch(folder: str, stop: Event, peak: list[int]) -> None:
    """Keeps the largest sum seen."""
    while not stop.wait(SAMPLE_S):
        peak[0] = max(peak[0], memory_bytes(folder))


def main() -> int:
    """Measures one run and prints it beside the limits; 1 where a limit is broken."""
    with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as folder:
        project = Project.copy_to(Path(folder) / "flights")
        project.variables["HEADWAY_BENCHMARK"] = folder
        stop, peak = Event(), [0]
        watcher = Thread(target=watch, args=(folder, stop, peak))
        watcher.start()
        try:
            began = time.perf_counter()
            up = project.headway("up")
            if up.returncode != 0:
                print(up.stdout, up.stderr, file=sys.stderr)
                return 1
            probability = project.ask()
            took_s = time.perf_counter() - began
        finally:
            stop.set()
            watcher.join()
            project.headway("down")
    took_gb = peak[0] / 1e9
    print(f"{'what':<44}{'measured':>12}{'limit':>10}")
    print(f"{'headway up to the first trained prediction':<44}{took_s:>10.1f} s{LIMIT_S:>8.0f} s")
    print(f"{'peak memory of all its processes':<44}{took_gb:>9.2f} GB{LIMIT_GB:>7.1f} GB")
    print(f"the prediction: {probability:.4f}")
    return 0 if took_s <= LIMIT_S and took_gb <= LIMIT_GB else 1


if __name__ == "__main__":
    raise SystemExit(main())
