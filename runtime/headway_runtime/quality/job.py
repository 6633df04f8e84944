"""How a processing job gets its gate and leaves its report."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa

from headway_runtime.contract import (
    CHANNEL_DATA_CONTRACTS,
    CHANNEL_GOOD,
    CHANNEL_LANDING,
    PROFILES_FILE,
    QUALITY_FILE,
)
from headway_runtime.data.table import Table
from headway_runtime.jobs import JobError, JobPaths, read_json, write_json
from headway_runtime.quality.contract import TRAINING_ROWS, read_contracts
from headway_runtime.quality.gate import Gate
from headway_runtime.quality.outcome import document, sentence
from headway_runtime.quality.page import page
from headway_runtime.quality.quarantine import SET_ASIDE

PAGE_FILE = "quality.html"


@contextmanager
def gate_of(paths: JobPaths, as_of: datetime | None) -> Iterator[Gate | None]:
    """The gate that a job was given contracts for; None where it was given none.

    Args:
        paths: Directories of the job.
        as_of: The moment that the age of rows is taken at.

    Raises:
        JobError: Contracts or profiles are damaged, or the moment is missing.
    """
    contracts = read_contracts(paths.processing_input(CHANNEL_DATA_CONTRACTS))
    if not contracts:
        yield None
        return
    if as_of is None:
        raise JobError("data contracts need the moment that the age of rows is taken at; give --as-of DATE")
    with tempfile.TemporaryDirectory() as scratch:
        yield Gate(
            contracts={name: item for name, item in contracts.items() if name != TRAINING_ROWS},
            landing=paths.processing_input(CHANNEL_LANDING),
            set_aside=paths.processing_output(SET_ASIDE),
            good=_good(paths.processing_input(CHANNEL_GOOD) / PROFILES_FILE),
            as_of=as_of,
            scratch=Path(scratch),
        )


def _good(path: Path) -> dict[str, object]:
    return read_json(path, "the last good version") if path.is_file() else {}


def report(gate: Gate, paths: JobPaths, dataset_version: str | None) -> str:
    """Leaves the report and what it is about; answers its sentence.

    Args:
        gate: The gate, when it has seen every table.
        paths: Directories of the job.
        dataset_version: Version of the dataset that was made; None where the data is refused.
    """
    strays = gate.strays()
    aside = paths.processing_output(SET_ASIDE)
    bad = not gate.passed or any(path.is_file() for path in aside.rglob("*"))
    told = document(gate.outcomes, set_aside=bad) | {"strays": strays, "dataset_version": dataset_version}
    for directory in (
        (aside, paths.processing_output("quality")) if bad else (paths.processing_output("quality"),)
    ):
        (directory / PAGE_FILE).write_text(page("Data that arrived", gate.outcomes), "utf-8")
        write_json(directory / QUALITY_FILE, told)
    if gate.passed:
        write_json(paths.processing_output(CHANNEL_GOOD) / PROFILES_FILE, gate.profiles)
    said = sentence(gate.outcomes)
    if strays:
        said += f"; {len(strays)} files landed below no table: {', '.join(strays[:3])}; put them below one"
    return said


def hold_training_rows(paths: JobPaths, rows: pa.Table, as_of: datetime) -> str | None:
    """Holds the rows before a training to their contract, and leaves the report where it belongs.

    Args:
        paths: Directories of the job.
        rows: The rows.
        as_of: The moment that their age is taken at.

    Returns:
        What is said of them; None where they have no contract.

    Raises:
        JobError: They are not as declared; it says which check, the value, what is allowed, what to do.
    """
    contracts = read_contracts(paths.processing_input(CHANNEL_DATA_CONTRACTS))
    if TRAINING_ROWS not in contracts:
        return None
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        gate = Gate(
            contracts=contracts,
            landing=scratch / CHANNEL_LANDING,
            set_aside=scratch / SET_ASIDE,
            good={},
            as_of=as_of,
            scratch=scratch,
        )
        gate.admit(TRAINING_ROWS, Table(TRAINING_ROWS, rows), scratch)
    if not gate.passed:
        raise JobError(sentence(gate.outcomes))
    write_json(paths.processing_output("report") / QUALITY_FILE, document(gate.outcomes, set_aside=False))
    return sentence(gate.outcomes)


def day(text: str) -> datetime:
    """A date on a command line, as its first moment in UTC.

    Raises:
        ArgumentTypeError: It is none.
    """
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2013-09-01") from None
    return datetime(found.year, found.month, found.day, tzinfo=UTC)
