"""What the policy pack adds to a plain `pulumi preview` of the reference system, in pairs in one run.

    python benchmarks/gate_preview.py            as in a project that is worked in
    python benchmarks/gate_preview.py --fresh    as in a fresh clone, where the pack is compiled first

The production stack is planned by the plain Pulumi CLI against an empty stack, offline, in a copy of the
project: once without the pack and once with it, the first of the two in turns, and that again and again. What
counts is the whole command with all processes that it starts: engine, language host, provider, program and
pack; and of the pairs' differences the median, which neither a slow moment nor a machine that slows down
moves far.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from headway_cli.engine_session import find_engine  # noqa: E402 - after the path is set
from headway_cli.narration import Narrator  # noqa: E402
from headway_cli.project import find_project  # noqa: E402
from headway_sandbox import engine  # noqa: E402
from support.project import Project  # noqa: E402

BUDGET_S = 1.0
STACK = "prod"
_UNCOMPILED = "PYTHONDONTWRITEBYTECODE"
KINDS: Mapping[str, tuple[str, ...]] = {
    "without": (),
    "with the pack": ("--policy-pack", "policies"),
}


@dataclass(frozen=True)
class Cost:
    """What one preview took.

    Args:
        clock_s: Seconds on the clock.
        processor_s: Seconds of the processor, of all processes together.
    """

    clock_s: float
    processor_s: float


def main() -> int:
    """Prints the table; exits 1 when the budget is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=9, help="pairs of previews (default 9)")
    parser.add_argument("--fresh", action="store_true", help="keep no compiled modules of the pack")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headway-preview-") as scratch:
        project = Project.copy_to(Path(scratch) / "project").root
        environment = _environment(Path(scratch) / "home", fresh=options.fresh)
        engine.ensure_stack(environment, project, STACK)
        for arguments in KINDS.values():
            _preview(project, environment, arguments)
        costs: dict[str, list[Cost]] = {kind: [] for kind in KINDS}
        for turn in range(options.repeats):
            for kind in tuple(KINDS)[:: 1 if turn % 2 == 0 else -1]:
                costs[kind].append(_preview(project, environment, KINDS[kind]))
    return _print(costs)


def _environment(home: Path, *, fresh: bool) -> dict[str, str]:
    found = find_engine(find_project(ROOT).cache, Narrator.on_standard_error())
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "PULUMI_")) and name != _UNCOMPILED
    }
    chosen = {_UNCOMPILED: "1"} if fresh else {}
    return {**inherited, **chosen, **engine.prepare(found, home, Path(sys.executable))}


def _preview(project: Path, environment: Mapping[str, str], arguments: Sequence[str]) -> Cost:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [*("pulumi", "preview", "--stack", STACK, "--non-interactive", "--json"), *arguments],
        cwd=project,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    clock_s = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"the preview failed:\n{done.stdout[-4000:]}{done.stderr}")
    assert json.loads(done.stdout)["changeSummary"]["create"] > 0
    return Cost(clock_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _print(costs: Mapping[str, Sequence[Cost]]) -> int:
    bare, packed = (costs[kind] for kind in KINDS)
    pairs = [
        Cost(more.clock_s - less.clock_s, more.processor_s - less.processor_s)
        for less, more in zip(bare, packed, strict=True)
    ]
    added = _median(pairs)
    print(f"`pulumi preview --stack {STACK}`, medians of {len(pairs)} pairs\n")
    print(f"| {'':13} | clock s | processor s |")
    print(f"| {'-' * 13} | ------- | ----------- |")
    for name, cost in (*((kind, _median(costs[kind])) for kind in KINDS), ("added", added)):
        print(f"| {name:13} | {cost.clock_s:7.2f} | {cost.processor_s:11.2f} |")
    apart = sorted(round(pair.clock_s, 2) for pair in pairs)
    print(f"\nEach pair added, in seconds on the clock: {', '.join(map(str, apart))}.")
    print(f"The pack may add {BUDGET_S:g} s on the clock.")
    return 0 if added.clock_s <= BUDGET_S else 1


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(
        statistics.median(cost.clock_s for cost in costs),
        statistics.median(cost.processor_s for cost in costs),
    )


if __name__ == "__main__":
    raise SystemExit(main())
