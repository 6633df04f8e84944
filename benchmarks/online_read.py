"""One record of 20 features out of the sandbox's online store, in process: how long a read takes.

Run: `.venv/bin/python benchmarks/online_read.py`.
100,000 records lie in the store; identifiers are read in random order, one after the other, from the call
until the values are there by name. A hundredth of them is not there. The limit is on the wall clock: on a
machine with other work, the processor time beside it tells whether the read or the wait took so long.
"""

import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from headway_sandbox.sagemaker.feature_store.records import RecordStore
from headway_sandbox.sagemaker.feature_store.schema import CREATED, ONLINE, FeatureGroup, Record

FEATURES, RECORDS, READS = 20, 100_000, 20_000
LIMIT_P99_MS = 1.0
NOW_MS = 1_700_000_000_000


def group() -> FeatureGroup:
    """A group with an identifier, an event time and twenty numbers."""
    types = {"id": "String", "event_time": "Fractional"}
    types |= {f"feature_{number}": "Fractional" for number in range(FEATURES)}
    return FeatureGroup(
        name="g",
        group_id="g-1",
        status=CREATED,
        types=types,
        identifier="id",
        event_time="event_time",
        stores=(ONLINE,),
        ttl_ms=None,
    )


def main() -> int:
    """Prints the percentiles; 1 where the limit is broken."""
    chance = random.Random(1)
    features = group()
    with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as folder:
        store = RecordStore(Path(folder) / "records.db")
        try:
            for number in range(RECORDS):
                values = {f"feature_{place}": repr(chance.random()) for place in range(FEATURES)}
                identifier = f"id-{number}"
                record = Record(identifier, NOW_MS, {"id": identifier, "event_time": "1.7e9", **values})
                store.put(features, record, (ONLINE,), None, NOW_MS)
            taken_ms, used_ms, missing = [], [], 0
            for _ in range(READS):
                identifier = f"id-{chance.randrange(RECORDS + RECORDS // 100)}"
                started, used = time.perf_counter(), time.thread_time()
                found = store.get(features, identifier, NOW_MS)
                taken_ms.append((time.perf_counter() - started) * 1000)
                used_ms.append((time.thread_time() - used) * 1000)
                if found is None:
                    missing += 1
                else:
                    assert len(found.values) == FEATURES + 2
        finally:
            store.close()
    held = statistics.quantiles(taken_ms, n=100)[98] <= LIMIT_P99_MS
    print(f"{READS:,} reads of {FEATURES} features, {missing:,} not there; load {os.getloadavg()[0]:.1f}")
    for name, times_ms in (("wall clock", taken_ms), ("processor", used_ms)):
        cuts = statistics.quantiles(times_ms, n=1000)
        print(f"{name:<11} p50 {cuts[499]:.3f} ms, p99 {cuts[989]:.3f} ms, p99.9 {cuts[998]:.3f} ms")
    print(f"limit: p99 of {LIMIT_P99_MS} ms on the wall clock: {'held' if held else 'BROKEN'}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
