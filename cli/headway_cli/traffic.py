"""Plays real rows at a live endpoint, as users would: the rows after the training cut, in their order."""

import io
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from botocore.exceptions import BotoCoreError, ClientError

from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError
from headway_cli.invoking import serving_client
from headway_cli.registry import approved_package, declared_package
from headway_cli.systems import System
from headway_runtime.contract import EVALUATION_DATA_FILE, EVENT_TIME_COLUMN
from headway_runtime.features.skew import inference_id
from headway_runtime.serve.refusal import Refusal
from headway_runtime.serving_client import ServingClient

CONTENT_TYPE = "text/csv"
CALLERS = 4
DEFAULT_RATE = 300.0


@dataclass
class Played:
    """What came of the traffic so far."""

    answered: int = 0
    failed: int = 0
    last_error: str = ""
    by: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, by: str, error: str | None) -> None:
        """Counts one answer and who gave it, or one failure."""
        with self.lock:
            if error is None:
                self.answered += 1
                self.by[by] += 1
            else:
                self.failed += 1
                self.last_error = error


@dataclass(frozen=True)
class Row:
    """A row to play.

    Attributes:
        text: The row, as CSV.
        keys: What identifies what it is about; empty where nobody knows.
        at: The moment that it asks about; None where nobody knows.
    """

    text: str
    keys: tuple[str, ...] = ()
    at: datetime | None = None

    def inference_id(self) -> str:
        """An id that says what is asked about, where that is known; else one that is only unique."""
        unique = uuid.uuid4()
        return inference_id(self.keys, self.at, unique.hex[:12]) if self.keys and self.at else str(unique)


def read_rows(aws: Aws, system: System) -> Sequence[Row]:
    """The rows that the declared model was judged on, in the order of their time.

    Where nothing was made of what is declared, they are those of the model that was approved last.

    Raises:
        HeadwayError: There is no trained model, or its rows are gone.
    """
    if system.pipeline_name is None:
        raise HeadwayError(f"{system.name} trains no model, so there are no rows to play")
    package = declared_package(aws, system)
    if package is None:
        package = approved_package(aws, system)
    statistics = (package or {}).get("ModelMetrics", {}).get("ModelQuality", {}).get("Statistics", {})
    if "S3Uri" not in statistics:
        raise HeadwayError(f"{system.name} has no trained model yet; run `headway up`")
    execution = statistics["S3Uri"].rsplit("/", 2)[-2]
    uri = f"s3://{system.data_bucket}/{system.endpoint_name}/executions/{execution}/evaluation"
    content = aws.read_object(f"{uri}/{EVALUATION_DATA_FILE}")
    if content is None:
        raise HeadwayError(f"the rows of {system.name} are gone: there is no {uri}/{EVALUATION_DATA_FILE}")
    table = pq.read_table(io.BytesIO(content))
    lines = as_csv(table.select([item["name"] for item in system.contract["inputs"]]))
    keys = _keys(system)
    if not keys or not {*keys, EVENT_TIME_COLUMN} <= set(table.column_names):
        return [Row(line) for line in lines]
    named = zip(*(table[name].to_pylist() for name in keys), strict=True)
    times = table[EVENT_TIME_COLUMN].to_pylist()
    return [Row(line, tuple(map(str, key)), at) for line, key, at in zip(lines, named, times, strict=True)]


def as_csv(table: pa.Table) -> list[str]:
    """Rows as lines of CSV, with quotes where a value needs them: a person looks for `,EWR,` in them."""
    text = io.BytesIO()
    try:
        pc.write_csv(table, text, pc.WriteOptions(include_header=False, quoting_style="none"))
    except pa.ArrowInvalid:
        # A value has a comma or a quote in it; this style then quotes every text.
        text = io.BytesIO()
        pc.write_csv(table, text, pc.WriteOptions(include_header=False, quoting_style="needed"))
    return text.getvalue().decode("utf-8").splitlines()


def _keys(system: System) -> list[str]:
    """Columns that identify what is asked about: the entity of the features that come with a request."""
    return [
        column
        for item in system.features
        if item["taken"] and not item.get("group_name")
        for column in item["contract"]["entity"]
    ]


@contextmanager
def playing(
    aws: Aws,
    system: System,
    rows: Sequence[Row],
    rate_per_s: float = DEFAULT_RATE,
    *,
    are_testers: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Played]:
    """Plays rows at the system's endpoint until the block is left, from the first one again after the last.

    Args:
        aws: Clients of the stack's account.
        system: The system.
        rows: The rows.
        rate_per_s: Rows a second; fewer where the endpoint answers more slowly.
        are_testers: Whether internal testers ask, whom the challenger answers where there is one.
        clock: Seconds from any start.
    """
    stop, played = threading.Event(), Played()
    feed, lock = enumerate(cycle(rows)), threading.Lock()
    began = clock()

    client = serving_client(aws, system, is_tester=are_testers)

    def play() -> None:
        while not stop.is_set():
            with lock:
                position, row = next(feed)
            early = began + position / rate_per_s - clock()
            if early > 0 and stop.wait(early):
                return
            played.count(*_ask(client, row))

    threads = [
        threading.Thread(target=play, name=f"traffic-{number}", daemon=True) for number in range(CALLERS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield played
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _ask(client: ServingClient, row: Row) -> tuple[str, str | None]:
    """Asks about one row; answers who answered and what went wrong, None where nothing did."""
    try:
        answer = client.ask(row.text.encode(), CONTENT_TYPE, CONTENT_TYPE, inference_id=row.inference_id())
    except ClientError as error:
        return "", str(error.response["Error"]["Message"])
    except (BotoCoreError, Refusal) as error:
        return "", str(error)
    return answer.by, None
