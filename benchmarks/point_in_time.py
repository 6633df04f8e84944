"""A training set of 1 M labels, 5 M records of 100,000 entities and 3 features; Feast beside it.

Run: `.venv/bin/python benchmarks/point_in_time.py [--feast duckdb dask] [--scale 0.01]`.
Each way is a process of its own on the same data and two processors, from the files to the joined table in
memory; ours is the best of three turns. Peak memory is that of the whole process. Feast gets an environment
of its own, because it needs other versions of the same packages; where it does not install, that is printed.
Its default engine (dask) takes minutes and 7 GB at full size: where the machine has less to spare, it gets
less data, and ours is measured on as much beside it.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import duckdb

LIMIT_S, LIMIT_MB, PROCESSORS, TURNS = 2.0, 1000, 2, 3
FEAST = "feast[duckdb]==0.67.0"
ENGINES_GB = {"duckdb": 3.5, "dask": 7.0}
"""Offline stores of Feast, and the memory that they need at full size, measured. Its default is dask."""
KINDS = (("Fractional", "event_time"), ("String", "event_time"), ("String", "write_time"))
"""Types of event time, and from when on a value is known."""

OURS = """
import json, resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
import pyarrow.compute as pc
from headway_runtime.features.definition import TrainingSetDefinition
from headway_runtime.features.job import MEMORY_LIMIT
from headway_runtime.features.join import connect, join
from headway_runtime.features.store_files import Files, read_labels
folder, event_time_type, known_by = sys.argv[1:]
features = [{"name": name, "type": "number"} for name in "abc"]
group = {"name": "g", "keys": {"id": "id"}, "features": features}
group |= {"event_time_type": event_time_type, "known_by": known_by}
document = {"name": "b", "label_time": "event_timestamp", "groups": [group]}
definition = TrainingSetDefinition.from_document(document)
started, used = time.perf_counter(), time.process_time()
with connect(f"{folder}/spill", MEMORY_LIMIT, 2) as connection:
    files = f"{folder}/{event_time_type}/*.parquet"
    connection.execute(f"CREATE VIEW offline_store.g AS SELECT * FROM read_parquet('{files}')")
    labels = read_labels(Files(Path(folder), {"labels.parquet": ""}))
    joined = join(connection, labels, definition, datetime(2030, 1, 1, tzinfo=UTC))
took, used = time.perf_counter() - started, time.process_time() - used
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
total = pc.sum(joined.rows["a"]).as_py()
print(json.dumps({"s": took, "cpu_s": used, "mb": peak, "rows": joined.rows.num_rows, "sum": total}))
"""

THEIRS = """
import json, resource, sys, time
from datetime import timedelta
from pathlib import Path
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64
folder, engine = sys.argv[1:]
config = RepoConfig(project="b", provider="local", registry=f"{folder}/registry-{engine}.db",
    online_store={"type": "sqlite", "path": f"{folder}/online-{engine}.db"},
    offline_store={"type": engine}, entity_key_serialization_version=3)
store = FeatureStore(config=config)
entity = Entity(name="id", join_keys=["id"])
source = FileSource(path=f"{folder}/feast.parquet", timestamp_field="event_timestamp")
view = FeatureView(name="g", entities=[entity], ttl=timedelta(0), source=source,
    schema=[Field(name=name, dtype=Float64) for name in "abc"])
store.apply([entity, view])
started, used = time.perf_counter(), time.process_time()
labels = pd.read_parquet(f"{folder}/labels.parquet")
rows = store.get_historical_features(entity_df=labels, features=[f"g:{name}" for name in "abc"]).to_df()
took, used = time.perf_counter() - started, time.process_time() - used
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"s": took, "cpu_s": used, "mb": peak, "rows": len(rows), "sum": float(rows["a"].sum())}))
"""


def make_data(folder: Path, scale: float) -> int:
    """Writes labels and records, and returns how many labels there are; `scale` 1 is the full size."""
    labels, records, entities = int(1e6 * scale), int(5e6 * scale), int(1e5 * scale)
    year_ms, start_ms = 365 * 86_400_000, 1_672_531_200_000
    with duckdb.connect(config={"threads": 1}) as connection:  # one thread: the same data each time
        connection.execute("SET enable_progress_bar = false; SET TimeZone = 'UTC'; SELECT setseed(0.5)")
        moment = f"({start_ms} + (random() * {year_ms})::BIGINT)"
        entity = f"'c' || (random() * {entities})::INTEGER"
        connection.execute(
            f"CREATE TABLE made AS SELECT {entity} AS id, {moment} AS at_ms, random() AS a, random() AS b, "
            f"random() AS c, (random() * 900000)::BIGINT AS late_ms FROM range({records})"
        )
        stored = "make_timestamp_ms(at_ms + late_ms)::TIMESTAMP_MS"
        added = f"{stored} AS write_time, {stored} AS api_invocation_time, false AS is_deleted"
        event_times = {
            "Fractional": "at_ms / 1000",
            "String": "strftime(make_timestamp_ms(at_ms), '%Y-%m-%dT%H:%M:%S.%gZ')",
        }
        for kind, event_time in event_times.items():
            (folder / kind).mkdir()
            for part in range(10):
                values = f"id, {event_time} AS event_time, a, b, c, {added}"
                rows = f"SELECT {values} FROM made WHERE at_ms % 10 = {part}"
                connection.execute(f"COPY ({rows}) TO '{folder}/{kind}/{part}.parquet'")
        timed = "make_timestamp_ms(at_ms)::TIMESTAMPTZ AS event_timestamp"
        connection.execute(f"COPY (SELECT id, {timed}, a, b, c FROM made) TO '{folder}/feast.parquet'")
        values = f"{entity} AS id, {moment} AS at_ms, (random() > 0.5)::INTEGER AS label"
        rows = f"SELECT {values} FROM range({labels})"
        connection.execute(f"COPY (SELECT id, {timed}, label FROM ({rows})) TO '{folder}/labels.parquet'")
    return labels


def data(folder: Path, scale: float) -> int:
    """Makes data as `make_data` does, in another process: a child's peak memory begins at its parent's."""
    folder.mkdir()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(make_data, (folder, scale))


def feast_scale(engine: str, wanted: float) -> float:
    """The share of the full size that an engine can take in three quarters of the memory that is free."""
    facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text("ascii").splitlines())
    spare_gb = int(facts["MemAvailable"].split()[0]) * 1024 / 1e9
    return min(wanted, max(0.01, int(75 * spare_gb / ENGINES_GB[engine]) / 100))


def measure(python: Path | str, program: str, *arguments: str) -> dict[str, Any]:
    """Runs one way in a process of its own, on two processors.

    Raises:
        RuntimeError: It failed; with the last line of its error.
    """
    processors = sorted(os.sched_getaffinity(0))[:PROCESSORS]
    done = subprocess.run(
        [str(python), "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, processors),
    )
    if done.returncode != 0:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1])
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def feast_environment(folder: Path) -> Path:
    """An environment with Feast; made where it is not there yet.

    Raises:
        RuntimeError: It does not install.
    """
    python = folder / "bin/python"
    if not python.is_file():
        venv.create(folder, with_pip=True)
    if not list(folder.glob("lib/*/site-packages/feast")):
        install = [str(python), "-m", "pip", "install", "--quiet", FEAST]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
    return python


def show(name: str, result: dict[str, Any], labels: int) -> None:
    """One line of the table."""
    print(
        f"{name:<50}{labels:>10,}{result['s']:>9.2f}{result['cpu_s']:>9.2f}{result['mb']:>9,.0f}"
        f"{labels - result['rows']:>9,}{result['sum']:>14.4f}",
        flush=True,
    )


def ours(folder: Path, labels: int, kind: str, known_by: str) -> dict[str, Any]:
    """Measures and shows the best of several turns."""
    turns = [measure(sys.executable, OURS, str(folder), kind, known_by) for _ in range(TURNS)]
    fastest = min(turns, key=lambda turn: float(turn["s"]))
    show(f"ours, {kind} event time, known by {known_by}", fastest, labels)
    return fastest


def theirs(folder: Path, labels: int, engine: str, environment: Path) -> None:
    """Measures and shows an engine of Feast, or shows why there is no figure."""
    name = f"{FEAST}, {engine}"
    try:
        show(name, measure(feast_environment(environment), THEIRS, str(folder), engine), labels)
    except (RuntimeError, OSError) as error:
        print(f"{name}: no figure: {error}")


def main() -> int:
    """Prints all figures; 1 where ours breaks a limit at full size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--feast", nargs="*", choices=tuple(ENGINES_GB), default=list(ENGINES_GB))
    parser.add_argument("--feast-scale", type=float, help="share of the full size; else what memory allows")
    parser.add_argument(
        "--feast-environment", type=Path, help="kept for the next run; else made for this one"
    )
    parser.add_argument("--scale", type=float, default=1.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as name:
        folder = Path(name)
        environment = options.feast_environment or folder / "feast"
        labels = data(folder / "data", options.scale)
        print(f"load {os.getloadavg()[0]:.1f}; {PROCESSORS} processors")
        print(f"{'':<50}{'labels':>10}{'wall s':>9}{'CPU s':>9}{'MB':>9}{'lost':>9}{'sum':>14}")
        best, *_ = [ours(folder / "data", labels, *kind) for kind in KINDS]
        for engine in options.feast:
            scale = options.feast_scale or feast_scale(engine, options.scale)
            if scale >= options.scale:
                theirs(folder / "data", labels, engine, environment)
                continue
            smaller = folder / engine
            fewer = data(smaller, scale)
            print(f"{engine} gets {scale:.0%} of the full size:")
            ours(smaller, fewer, *KINDS[0])
            theirs(smaller, fewer, engine, environment)
    kept = best["rows"] == labels
    held = best["s"] <= LIMIT_S and best["mb"] <= LIMIT_MB and kept
    print(f"limits of the first: {LIMIT_S} s, {LIMIT_MB} MB, no label lost: {'held' if held else 'BROKEN'}")
    return 0 if held or options.scale < 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
