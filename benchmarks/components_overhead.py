"""What our components cost over the same resources made bare, both under Pulumi's mocks, in one run.

    python benchmarks/components_overhead.py

A first process records what a declared system registers. Then fresh processes of two kinds take turns and
register the very same resources: one through the components, one as bare provider resources with the recorded
inputs. Each makes one system, which includes every import, and then more of them. The difference in processor
time is our layer: what is paid once, and what is paid for each resource.
"""

# ruff: noqa: ANN401, PLC0415 - recorded inputs are any JSON, and what is imported where is what is measured

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FIXED_BUDGET_MS = 150.0
RESOURCE_BUDGET_MS = 1.0
MORE_SYSTEMS = 5
KINDS = ("components", "bare")
_FREE_MAPS = ("tags", "variables", "dimensions")
"""Inputs whose keys are the user's own."""


def main() -> int:
    """Prints the table; exits 1 when the budget is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="fresh processes of each kind (default 5)")
    parser.add_argument("--child", choices=[*KINDS, "record"], help=argparse.SUPPRESS)
    parser.add_argument("--recorded", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        print(json.dumps(_CHILDREN[options.child](options.recorded)))
        return 0
    return _compare(options.repeats)


def _compare(repeats: int) -> int:
    with tempfile.TemporaryDirectory() as directory:
        recorded = Path(directory) / "recorded.json"
        recorded.write_text(json.dumps(_child("record", recorded)), "utf-8")
        runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
        for _ in range(repeats):
            for kind in KINDS:
                runs[kind].append(_child(kind, recorded))
    middle = {
        kind: {key: statistics.median(run[key] for run in runs[kind]) for key in runs[kind][0]}
        for kind in KINDS
    }
    count = middle["components"]["resources"]
    each = {kind: (middle[kind]["more_s"]) / (MORE_SYSTEMS * count) * 1e3 for kind in KINDS}
    per_resource_ms = each["components"] - each["bare"]
    fixed_ms = (middle["components"]["first_s"] - middle["bare"]["first_s"]) * 1e3 - per_resource_ms * count
    rows = [
        ("", *KINDS, "difference", "budget"),
        (
            "imports and first system, ms",
            *(f"{middle[kind]['first_s'] * 1e3:.0f}" for kind in KINDS),
            f"{fixed_ms:.0f} fixed",
            f"{FIXED_BUDGET_MS:.0f}",
        ),
        (
            "each resource, ms",
            *(f"{each[kind]:.2f}" for kind in KINDS),
            f"{per_resource_ms:.2f}",
            f"{RESOURCE_BUDGET_MS:.2f}",
        ),
    ]
    print(f"{count:.0f} resources a system, median of {repeats} processes of each kind, processor time\n")
    for row in rows:
        print(f"{row[0]:<30}" + "".join(f"{cell:>14}" for cell in row[1:]))
    return 0 if fixed_ms <= FIXED_BUDGET_MS and per_resource_ms <= RESOURCE_BUDGET_MS else 1


def _child(kind: str, recorded: Path) -> Any:
    command = [sys.executable, __file__, "--child", kind, "--recorded", str(recorded)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT / "stacks")
    return json.loads(answer.stdout.splitlines()[-1])


def _run(program: Callable[[], None]) -> Any:
    """Runs a program under mocks; answers the monitor, which knows what was registered."""
    import pulumi
    from pulumi.runtime import mocks

    class Aws(mocks.Mocks):
        def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
            computed = {
                "name": args.name,
                "bucket": args.name,
                "keyId": args.name,
                "arn": f"arn:aws:x:::{args.name}",
            }
            seen.append((args.typ, args.name, args.inputs, bool(args.custom)))
            return f"{args.name}-id", {**computed, **args.inputs}

        def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
            raise AssertionError(f"nothing here asks AWS for {args.token}")

    seen: list[tuple[str, str, dict[str, Any], bool]] = []
    if pulumi.runtime.get_root_resource() is None:
        mocks.set_mocks(Aws(), project="headway", stack="local")
    pulumi.runtime.test(program)()  # type: ignore[no-untyped-call]
    return seen


def _systems(names: Sequence[str]) -> None:
    sys.path.insert(0, str(ROOT / "stacks"))
    from flight_delay.system import FLIGHT_DELAY
    from headway_components import AISystem, AISystemArgs, Deployment

    deployment = Deployment(
        environment="local",
        account_id="000000000000",
        region="us-east-1",
        image=f"headway-runtime@sha256:{'0' * 64}",
        retain_data=False,
    )
    for name in names:
        contract = FLIGHT_DELAY.contract.model_copy(update={"name": name})
        spec = FLIGHT_DELAY.model_copy(update={"name": name, "contract": contract})
        AISystem(name, AISystemArgs(spec=spec, deployment=deployment))


def _record(_: Path) -> Any:
    return [
        (type_, name, _without_assets(inputs))
        for type_, name, inputs, custom in _run(lambda: _systems(["first"]))
        if custom
    ]


def _without_assets(inputs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if key != "code"}


def _measured(make: Callable[[Sequence[str]], None], resources: int) -> dict[str, float]:
    begin = time.process_time()
    _run(lambda: make(["first"]))
    first_s = time.process_time() - begin
    begin = time.process_time()
    _run(lambda: make([f"more{index}" for index in range(MORE_SYSTEMS)]))
    return {"first_s": first_s, "more_s": time.process_time() - begin, "resources": resources}


def _components(recorded: Path) -> dict[str, float]:
    return _measured(_systems, len(json.loads(recorded.read_text("utf-8"))))


def _bare(recorded: Path) -> dict[str, float]:
    resources = [
        (type_, name, _snake_case(inputs)) for type_, name, inputs in json.loads(recorded.read_text("utf-8"))
    ]

    def make(names: Sequence[str]) -> None:
        for system in names:
            for type_, name, inputs in resources:
                _resource_class(type_)(name.replace("first", system), **inputs)

    return _measured(make, len(resources))


def _resource_class(type_: str) -> Any:
    import importlib

    _, module, name = re.split("[:/]", type_)[:3]
    provider = importlib.import_module(f"pulumi_aws.{'lambda_' if module == 'lambda' else module}")
    return getattr(provider, name[0].upper() + name[1:])


def _snake_case(value: Any) -> Any:
    if isinstance(value, list):
        return [_snake_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        re.sub("([A-Z])", r"_\1", key).lower(): item if key in _FREE_MAPS else _snake_case(item)
        for key, item in value.items()
    }


_CHILDREN: dict[str, Callable[[Path], Any]] = {"record": _record, "components": _components, "bare": _bare}

if __name__ == "__main__":
    raise SystemExit(main())
