"""The sandbox's memory with three endpoints up and after traffic, the model servers apart, against its limit.

Run: `.venv/bin/python benchmarks/sandbox_memory.py` (Linux). Memory is the proportional set size of the
sandbox's own process: when it has started, with the endpoints up, and after calls with everything captured.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from headway_sandbox import lifecycle  # noqa: E402 - after the path is set
from support.invocation_load import (  # noqa: E402
    deploy,
    load,
    request_bytes,
    signed_headers,
    trained_model,
)

LIMIT_MB = 400
CALLS = 20_000
ENDPOINTS = ("one", "two", "three")


def memory_mb(process: int) -> float:
    """Proportional set size of a process in MB."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text("utf-8")
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) / 1024


def main() -> int:
    """Prints the figures beside the limit; 1 where it is broken."""
    with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as folder:
        state_dir = Path(folder) / "state"
        artifact = trained_model(Path(folder) / "job")
        record = lifecycle.start(state_dir, 0)
        figures = {"started": memory_mb(record.pid)}
        try:
            deploy(record, artifact, folder, dict.fromkeys(ENDPOINTS, True))
            figures["three endpoints up"] = memory_mb(record.pid)
            for endpoint in ENDPOINTS:
                request = request_bytes(f"/endpoints/{endpoint}/invocations", signed_headers())
                asyncio.run(load(record.port, request, CALLS))
            figures[f"after {CALLS} captured calls each"] = memory_mb(record.pid)
        finally:
            lifecycle.stop(state_dir)
    print(f"{'memory of the sandbox, workers apart':<44}{'measured':>12}{'limit':>10}")
    for name, measured in figures.items():
        print(f"{name:<44}{measured:>9.0f} MB{LIMIT_MB:>7} MB")
    return 0 if max(figures.values()) <= LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
