"""InvokeEndpoint: what the sandbox itself costs a call, over calling the same model server directly.

Run: `.venv/bin/python benchmarks/invoke_overhead.py`. Sixteen callers on connections of their own ask the
trained LightGBM baseline, each as soon as it has its answer: first its server directly, then through the
sandbox, then with all calls captured, in turns, in one run. The cost at a percentile is the difference of the
medians over the turns. Finding the server's port needs Linux.
"""

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from headway_sandbox import lifecycle  # noqa: E402 - after the path is set
from support.invocation_load import (  # noqa: E402
    CALLERS,
    Load,
    deploy,
    load,
    request_bytes,
    signed_headers,
    trained_model,
)

CALLS = 4000
TURNS = 5
LIMIT_P50_MS, LIMIT_P99_MS, LIMIT_CALLS_PER_S = 1.0, 5.0, 1500.0


def server_port(folder: str, endpoint: str) -> int:
    """The port of an endpoint's model server, from the environment of its process."""
    marks = {b"BENCHMARK_RUN": folder.encode(), b"BENCHMARK_ENDPOINT": endpoint.encode()}
    for process in Path("/proc").iterdir():
        try:
            pairs = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # no process, somebody else's, or gone
        variables = dict(pair.split(b"=", 1) for pair in pairs if b"=" in pair)
        if marks.items() <= variables.items():
            return int(variables[b"SAGEMAKER_BIND_TO_PORT"])
    raise RuntimeError(f"no model server of {endpoint} was found")


def main() -> int:
    """Prints all figures beside the limits; 1 where one is broken."""
    with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as folder:
        state_dir = Path(folder) / "state"
        artifact = trained_model(Path(folder) / "job")
        record = lifecycle.start(state_dir, 0)
        try:
            deploy(record, artifact, folder, {"plain": False, "captured": True})
            direct = server_port(folder, "plain")
            ways = {
                "the model server directly": (direct, request_bytes("/invocations", {})),
                "through the sandbox": (
                    record.port,
                    request_bytes("/endpoints/plain/invocations", signed_headers()),
                ),
                "through the sandbox, all captured": (
                    record.port,
                    request_bytes("/endpoints/captured/invocations", signed_headers()),
                ),
            }
            loads: dict[str, list[Load]] = {name: [] for name in ways}
            for turn in range(TURNS + 1):
                for name, (port, request) in ways.items():
                    measured = asyncio.run(load(port, request, CALLS))
                    if turn > 0:  # the first is to warm up
                        loads[name].append(measured)
        finally:
            lifecycle.stop(state_dir)
    return report(loads)


def report(loads: dict[str, list[Load]]) -> int:
    """Prints the table and says whether the limits hold."""
    print(
        f"{f'{CALLERS} callers, {CALLS} calls, {TURNS} turns':<36}"
        f"{'p50':>10}{'p99':>10}{'calls/s':>10}{'ratio':>8}"
    )
    rows = {
        name: tuple(
            statistics.median(values)
            for values in zip(
                *((item.percentile(50), item.percentile(99), item.calls_per_s) for item in found), strict=True
            )
        )
        for name, found in loads.items()
    }
    direct, through, _ = rows.values()
    for name, (p50, p99, calls) in rows.items():
        print(f"{name:<36}{p50:>7.2f} ms{p99:>7.2f} ms{calls:>10.0f}{calls / direct[2]:>8.2f}")
    cost = through[0] - direct[0], through[1] - direct[1]
    print(f"{'cost of the sandbox':<36}{cost[0]:>7.2f} ms{cost[1]:>7.2f} ms")
    print(f"{'limit':<36}{LIMIT_P50_MS:>7.2f} ms{LIMIT_P99_MS:>7.2f} ms{LIMIT_CALLS_PER_S:>10.0f}")
    return 0 if cost[0] <= LIMIT_P50_MS and cost[1] <= LIMIT_P99_MS and through[2] >= LIMIT_CALLS_PER_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
