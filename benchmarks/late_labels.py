"""The ledger of a million predictions: what a look costs, where few labels come and where all come at once.

Run: `.venv/bin/python benchmarks/late_labels.py [--rows N]`.
Each case is a process of its own, from the ledger's file to the next one; a look touches the rows whose
labels came, and all others stay in columns. The time is that of the processor.
"""

import argparse
import json
import multiprocessing
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from headway_runtime.monitor.labels import Label
from headway_runtime.monitor.ledger import Ledger, look, read_ledger, write_ledger
from headway_runtime.monitor.ledger_rows import Prediction

ROWS, SLOW_S, LARGE_MIB = 1_000_000, 5.0, 1000
"""Limits of the first case: a day's labels of a ledger that keeps weeks."""
DAY_S, KEEP_S = 86_400, 60 * 86_400
SHARES = {"a fortieth of the labels": 40, "all labels at once": 1}


def fill(path: Path, rows: int) -> None:
    """A ledger whose predictions all wait for their label."""
    chance = random.Random(1)
    asked = (
        Prediction(
            (f"id-{place:08d}", 0), chance.random(), float(place), f"flight={place % 7000}", ("UA", "JFK")
        )
        for place in range(rows)
    )
    held, _ = look(Ledger(), asked, (), now=0, delay_s=DAY_S, keep_s=KEEP_S)
    write_ledger(held, path)


def take(path: Path, rows: int, every: int) -> dict[str, float]:
    """Takes in the labels of some rows, and as many new predictions; judges what can be judged."""
    chance = random.Random(2)
    labels = [
        Label(f"id-{place:08d}", 0, "", place + 100.0, int(chance.random() < 0.2))
        for place in range(0, rows, every)
    ]
    asked = [Prediction((f"new-{place}", 0), 0.5, float(place)) for place in range(0, rows, every)]
    started, now = time.process_time(), DAY_S + 1.0
    held, tally = look(read_ledger(path), asked, labels, now=now, delay_s=DAY_S, keep_s=KEEP_S)
    judged = held.open_rows(now, DAY_S)
    held.judge(judged)
    write_ledger(held, path.with_name(f"after-{every}.parquet"))
    return {
        "cpu_s": time.process_time() - started,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "joined": tally.joined,
        "judged": len(judged),
        "overdue": tally.overdue,
    }


def main() -> int:
    """Prints what each case costs; 1 where a limit is broken at full size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--every", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--ledger", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.every is not None:
        print(json.dumps(take(options.ledger, options.rows, options.every)))
        return 0
    cases = []
    with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as folder:
        path = Path(folder) / "ledger.parquet"
        # In a process of its own: a child's peak memory begins at that of its parent.
        filling = multiprocessing.get_context("spawn").Process(target=fill, args=(path, options.rows))
        filling.start()
        filling.join()
        print(f"{options.rows:,} predictions wait in {path.stat().st_size / 1e6:.0f} MB")
        for name, every in SHARES.items():
            command = [sys.executable, __file__, "--ledger", str(path), "--rows", str(options.rows)]
            done = subprocess.run(
                [*command, "--every", str(every)], stdout=subprocess.PIPE, text=True, check=True
            )
            case = json.loads(done.stdout)
            print(
                f"{name:<26}{case['cpu_s']:>7.2f} CPU s {case['mib']:>7.0f} MiB joined {case['joined']:>9,}, "
                f"judged {case['judged']:>9,}, overdue {case['overdue']:>9,}"
            )
            cases.append(case)
    held = cases[0]["cpu_s"] <= SLOW_S and cases[0]["mib"] <= LARGE_MIB
    print(f"limits of the first: {SLOW_S} CPU s, {LARGE_MIB} MiB: {'held' if held else 'BROKEN'}")
    return 0 if held or options.rows < ROWS else 1


if __name__ == "__main__":
    sys.exit(main())
