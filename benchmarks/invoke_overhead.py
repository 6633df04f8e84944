"""InvokeEndpoint: what the sandbox itself costs a call, over calling the same model server directly.

Run: `.venv/bin/python benchmarks/invoke_overhead.py`. Sixteen callers on connections of their own ask the
trained LightGBM baseline: its server directly and through the sandbox, in turns, then with all calls
captured, in one run. Two loads are measured. At the rate that the sandbox must sustain, the calls are spaced
evenly, and the difference of the medians over the turns is what the sandbox costs a call. With each caller
asking again at once, the machine is full, every further instruction makes all sixteen wait, and the calls a
second tell how much the sandbox takes. Finding the server's port needs Linux.
"""

import asyncio
import itertools
import statistics
import sys
import tempfile
from dataclasses import dataclass
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

CALLS = 1000
TURNS = 21
LIMIT_P50_MS, LIMIT_P99_MS, LIMIT_CALLS_PER_S = 1.0, 5.0, 1500.0
SPACED, AT_ONCE = f"{LIMIT_CALLS_PER_S:.0f} calls/s", "each again at once"
DIRECT = "the model server directly"
THROUGH, THROUGH_CAPTURED = "through the sandbox", "through the sandbox, all captured"
PLAIN, CAPTURED = (DIRECT, THROUGH), (THROUGH_CAPTURED,)
PACES = {SPACED: LIMIT_CALLS_PER_S, AT_ONCE: None}


@dataclass(frozen=True)
class Medians:
    """What a load took, as medians over its turns."""

    p50_ms: float
    p99_ms: float
    calls_per_s: float

    @classmethod
    def of(cls, found: list[Load]) -> "Medians":
        """The medians of some turns."""
        return cls(
            statistics.median(item.percentile(50) for item in found),
            statistics.median(item.percentile(99) for item in found),
            statistics.median(item.calls_per_s for item in found),
        )


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
                DIRECT: (direct, request_bytes("/invocations", {})),
                THROUGH: (
                    record.port,
                    request_bytes("/endpoints/plain/invocations", signed_headers()),
                ),
                THROUGH_CAPTURED: (
                    record.port,
                    request_bytes("/endpoints/captured/invocations", signed_headers()),
                ),
            }
            loads: dict[str, dict[str, list[Load]]] = {}
            # What was captured is uploaded for a while after; no call that is not captured is to wait for it.
            for names in (PLAIN, CAPTURED):
                for turn in range(TURNS + 1):
                    for (pace, calls_per_s), name in itertools.product(PACES.items(), names):
                        measured = asyncio.run(load(*ways[name], CALLS, calls_per_s))
                        if turn > 0:  # the first is to warm up
                            loads.setdefault(pace, {}).setdefault(name, []).append(measured)
        finally:
            lifecycle.stop(state_dir)
    return report(loads)


def report(loads: dict[str, dict[str, list[Load]]]) -> int:
    """Prints the table of each load and says whether the limits hold."""
    medians = {pace: {way: Medians.of(found) for way, found in ways.items()} for pace, ways in loads.items()}
    for pace, ways in medians.items():
        direct, through, _ = ways.values()
        print(f"{f'{CALLERS} callers, {pace}':<36}{'p50':>10}{'p99':>10}{'calls/s':>10}{'ratio':>8}")
        for name, row in ways.items():
            print(
                f"{name:<36}{row.p50_ms:>7.2f} ms{row.p99_ms:>7.2f} ms{row.calls_per_s:>10.0f}"
                f"{row.calls_per_s / direct.calls_per_s:>8.2f}"
            )
        cost = through.p50_ms - direct.p50_ms, through.p99_ms - direct.p99_ms
        print(f"{'cost of the sandbox':<36}{cost[0]:>7.2f} ms{cost[1]:>7.2f} ms\n")
    print(f"{'limit':<36}{LIMIT_P50_MS:>7.2f} ms{LIMIT_P99_MS:>7.2f} ms{LIMIT_CALLS_PER_S:>10.0f}")
    direct, through, _ = medians[SPACED].values()
    kept = (
        through.p50_ms - direct.p50_ms <= LIMIT_P50_MS,
        through.p99_ms - direct.p99_ms <= LIMIT_P99_MS,
        list(medians[AT_ONCE].values())[1].calls_per_s >= LIMIT_CALLS_PER_S,
    )
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())
