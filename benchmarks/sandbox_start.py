"""Sandbox start: seconds from nothing, and from state of a former run, to the first answered call.

Run: `.venv/bin/python benchmarks/sandbox_start.py`. Each figure is the median of five starts.
"""

import statistics
import tempfile
import time
from pathlib import Path

import boto3

from headway_sandbox import lifecycle

LIMIT_S = 1.0
STARTS = 5
BUCKETS = 50


def start_s(state_dir: Path) -> float:
    """Seconds of one start; the sandbox is stopped again."""
    began = time.perf_counter()
    lifecycle.start(state_dir, port=0)
    took_s = time.perf_counter() - began
    lifecycle.stop(state_dir)
    return took_s


def fill(state_dir: Path) -> None:
    """Leaves some state behind."""
    record = lifecycle.start(state_dir, port=0)
    s3 = boto3.client(
        "s3",
        endpoint_url=record.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    for number in range(BUCKETS):
        s3.create_bucket(Bucket=f"bucket-{number}")
        s3.put_object(Bucket=f"bucket-{number}", Key="object", Body=b"x" * 10_000)
    lifecycle.stop(state_dir)


def main() -> int:
    """Prints both figures beside the limit; 1 where it is broken."""
    with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as folder:
        empty_s = statistics.median(start_s(Path(folder) / f"empty-{number}") for number in range(STARTS))
        fill(Path(folder) / "filled")
        filled_s = statistics.median(start_s(Path(folder) / "filled") for _ in range(STARTS))
    print(f"{'start to the first answered call':<44}{'measured':>12}{'limit':>10}")
    print(f"{'empty':<44}{empty_s:>10.2f} s{LIMIT_S:>8.1f} s")
    print(f"{f'with {BUCKETS} buckets of a former run':<44}{filled_s:>10.2f} s{LIMIT_S:>8.1f} s")
    return 0 if max(empty_s, filled_s) <= LIMIT_S else 1


if __name__ == "__main__":
    raise SystemExit(main())
