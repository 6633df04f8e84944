"""What the policy pack adds to a plain `pulumi preview` of the reference system, both in turns in one run.

    python benchmarks/gate_preview.py

The production stack is planned by the plain Pulumi CLI against an empty stack, offline, in a copy of the
project: without the pack and with it, each as often. What counts is the whole command with all processes that
it starts: engine, language host, provider, program and pack.
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
    parser.add_argument("--repeats", type=int, default=5, help="previews of each kind (default 5)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headway-preview-") as scratch:
        project = Project.copy_to(Path(scratch) / "project").root
        environment = _environment(Path(scratch) / "home")
        engine.ensure_stack(environment, project, STACK)
        for arguments in KINDS.values():
            _preview(project, environment, arguments)
        costs: dict[str, list[Cost]] = {kind: [] for kind in KINDS}
        for _ in range(options.repeats):
            for kind, arguments in KINDS.items():
                costs[kind].append(_preview(project, environment, arguments))
    return _print(costs)


def _environment(home: Path) -> dict[str, str]:
    found = find_engine(find_project(ROOT).cache, Narrator.on_standard_error())
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))
    }
    return {**inherited, **engine.prepare(found, home, Path(sys.executable))}


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
    middle = {
        kind: Cost(
            statistics.median(item.clock_s for item in found),
            statistics.median(item.processor_s for item in found),
        )
        for kind, found in costs.items()
    }
    bare, packed = (middle[kind] for kind in KINDS)
    added = Cost(packed.clock_s - bare.clock_s, packed.processor_s - bare.processor_s)
    print(f"`pulumi preview --stack {STACK}`, medians of {len(costs['without'])} in turns\n")
    print(f"| {'':13} | clock s | processor s |")
    print(f"| {'-' * 13} | ------- | ----------- |")
    for name, cost in (*middle.items(), ("added", added)):
        print(f"| {name:13} | {cost.clock_s:7.2f} | {cost.processor_s:11.2f} |")
    print(f"\nThe pack may add {BUDGET_S:g} s on the clock.")
    return 0 if added.clock_s <= BUDGET_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
