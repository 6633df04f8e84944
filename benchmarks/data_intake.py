"""An enormous batch against its contract: time and memory, with a redelivery beside it.

    python benchmarks/data_intake.py [ROWS]

The batch is CSV with a row in a thousand that breaks the contract; a second batch repeats its last tenth with
newer values. Nothing may be lost, and the memory must not grow with the rows.
"""

import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from headway_runtime.data.ingest import ingest
from headway_runtime.quality.contract import DataContract
from headway_runtime.quality.gate import Gate
from headway_runtime.quality.outcome import sentence

ROWS = 5_000_000
CONTRACT = DataContract.from_document(
    {
        "table": "payments",
        "columns": [
            {"name": "payment", "type": "integer"},
            {"name": "paid_at", "type": "timestamp"},
            {"name": "amount", "type": "number", "minimum": 0, "maximum": 100, "maximum_shift": 0.25},
            {"name": "country", "type": "string", "values": ["CH", "DE", "FR"]},
        ],
        "key": ["payment"],
        "time": "paid_at",
        "row_checks": [{"name": "small abroad", "sql": "country = 'CH' OR amount < 99", "fix": "ask"}],
        "minimum_pass_rate": 0.9,
        "landing": True,
    }
)
SELECT = """
    COPY (
        SELECT i AS payment, TIMESTAMPTZ '2026-01-01' + to_seconds(i) AS paid_at,
            CASE WHEN i % 1000 = 0 THEN 700 ELSE (i * 7919 % 9000) / 100 + {more} END AS amount,
            ['CH', 'DE', 'FR'][1 + i % 3] AS country
        FROM range({first}, {last}) AS numbers(i)
    ) TO '{path}' (HEADER)
"""


def main() -> int:
    """Makes the batches, takes them in, and says what it took."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as place:
        base = Path(place)
        (base / "landing/payments").mkdir(parents=True)
        (base / "scratch").mkdir()
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            for name, first, more in (("1.csv", 0, 0), ("2.csv", rows - rows // 10, 1)):
                path = base / "landing/payments" / name
                connection.execute(SELECT.format(more=more, first=first, last=rows, path=path))
        size_mb = sum(path.stat().st_size for path in base.rglob("*.csv")) / 1e6
        gate = Gate(
            contracts={"payments": CONTRACT},
            landing=base / "landing",
            set_aside=base / "set-aside",
            good={},
            as_of=datetime(2027, 1, 1, tzinfo=UTC),
            scratch=base / "scratch",
        )
        before_mb, started, cpu = _peak_mb(), time.perf_counter(), time.process_time()
        manifest = ingest([], base / "data", gate)
        took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    (outcome,) = gate.outcomes
    arrived = sum(batch.rows for batch in outcome.batches)
    accounted = sum(
        batch.accepted + batch.repeated + batch.replaced + batch.failed for batch in outcome.batches
    )
    print(sentence(gate.outcomes))
    print(f"{arrived} rows, {size_mb:.0f} MB of CSV: {took_s:.1f} s, {cpu_s:.1f} s of CPU")
    print(f"peak memory {_peak_mb():.0f} MB, of which {before_mb:.0f} MB before")
    print(f"{arrived - accounted} rows lost")
    return 0 if manifest is not None and arrived == accounted else 1


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
