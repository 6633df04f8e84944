"""Where files with rows lie, and what each kind of file is cut by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from headway_runtime.contract import LEDGER_FILE, MANIFEST_FILE, QUALITY_FILE
from headway_runtime.erasure.captured import Traces, cut_capture
from headway_runtime.erasure.csv_rows import cut_csv
from headway_runtime.erasure.cut import Cut, Cutter, UnreadableError
from headway_runtime.erasure.labels import cut_labels, cut_ledger, cut_skew
from headway_runtime.erasure.parquet_rows import cut_parquet
from headway_runtime.erasure.reports import cut_page, cut_report
from headway_runtime.erasure.signs import Sign, Signs
from headway_runtime.erasure.subject import Subject
from headway_runtime.features.control.steps import REPORT_FILE
from headway_runtime.quality.job import PAGE_FILE
from headway_runtime.quality.quarantine import RECEIPT_FILE

DATASETS = "dataset versions"
_OURS = (QUALITY_FILE, PAGE_FILE, RECEIPT_FILE, "README.txt")
"""Files that lie beside the batches."""
Chooser = Callable[[str], Cutter | None]
"""What a file is cut by, from its path below the place; None for one that holds no rows."""


@dataclass(frozen=True)
class Place:
    """Files that may hold rows of the subject.

    Attributes:
        name: What is kept there, for people.
        bucket: The bucket.
        prefix: Beginning of the keys, with a slash at its end.
        cutter: What a file is cut by.
        stays: Whether a file of which nothing is left stays, empty, because others name it.
        digests: Name of the document with the digests of the files around it; empty for none.
        carries: Whether it leads from the subject to requests, so that it has to go last.
        follows: Whether what is found in it depends on the requests that are known.
    """

    name: str
    bucket: str
    prefix: str
    cutter: Chooser
    stays: bool = False
    digests: str = ""
    carries: bool = field(default=False, kw_only=True)
    follows: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Layout:
    """Where a system keeps its files.

    Attributes:
        prefix: `<system>-<stack>`.
        data: Bucket of raw and prepared data.
        artifacts: Bucket of models and reports.
        capture: Bucket of captured traffic.
        inputs: Names of the model's inputs, in the order of a CSV row.
        groups: Where the records of each group lie offline, by `<name>-v<version>`.
    """

    prefix: str
    data: str
    artifacts: str
    capture: str
    inputs: Sequence[str]
    groups: Mapping[str, str]


def places_of(layout: Layout, subject: Subject, traces: Traces) -> list[Place]:
    """Every place with files, in the order in which they are cut: what leads to other places comes last.

    Args:
        layout: Where they lie.
        subject: The subject.
        traces: Requests of the subject; what is looked at adds to them.
    """
    signs, prefix = traces.signs, layout.prefix
    work = f"monitoring/{prefix}"
    found = [
        Place(offline_name(label), *_split(uri), partial(_record_file, signs))
        for label, uri in layout.groups.items()
    ]
    found += [
        Place("landing", layout.data, f"{prefix}/landing/", partial(_raw_file, signs, subject, 0)),
        Place("set aside", layout.data, f"{prefix}/set-aside/", partial(_raw_file, signs, subject, 1)),
        Place(
            "quarantine",
            layout.data,
            f"{prefix}/quarantine/",
            partial(_raw_file, signs, subject, 1),
            digests=RECEIPT_FILE,
        ),
        Place(
            DATASETS,
            layout.data,
            f"{prefix}/executions/",
            partial(_run_file, signs, subject),
            stays=True,
            digests=MANIFEST_FILE,
        ),
        Place(
            "labels",
            layout.artifacts,
            f"{work}/labels/",
            lambda path: (
                partial(cut_labels, subject=subject, traces=traces) if path.endswith(".jsonl") else None
            ),
            follows=True,
        ),
        Place(
            "reports on skew",
            layout.artifacts,
            f"skew/{prefix}/",
            lambda path: partial(cut_skew, traces=traces) if path.endswith(f"/{REPORT_FILE}") else None,
            follows=True,
        ),
        Place(
            "monitor",
            layout.artifacts,
            f"{work}/runs/",
            lambda path: partial(cut_ledger, traces=traces) if path.endswith(f"/{LEDGER_FILE}") else None,
            stays=True,
            carries=True,
            follows=True,
        ),
        Place(
            "captured traffic",
            layout.capture,
            f"{prefix}/",
            lambda path: (
                partial(cut_capture, inputs=layout.inputs, subject=subject, traces=traces)
                if path.endswith(".jsonl")
                else None
            ),
            carries=True,
        ),
    ]
    return found


def offline_name(label: str) -> str:
    """What the history of a group is called."""
    return f"offline store of {label}"


def _split(uri: str) -> tuple[str, str]:
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return bucket, f"{prefix.rstrip('/')}/"


def _record_file(signs: Signs, path: str) -> Cutter | None:
    return partial(cut_parquet, signs=signs.named) if path.endswith(".parquet") else None


def _raw_file(signs: Signs, subject: Subject, depth: int, path: str) -> Cutter | None:
    """Batches lie below their table, and those that were set aside below the run that did it."""
    parts = PurePosixPath(path).parts[depth:]
    if path.endswith(_OURS):
        return _report_file(signs, subject, path)
    return _rows_file(signs.of_table(parts[0] if parts else ""), list(subject.keys.values()), path)


def _run_file(signs: Signs, subject: Subject, path: str) -> Cutter | None:
    """`<execution>/<what>/...`: raw tables, prepared rows, and reports on them."""
    what, *rest = (*PurePosixPath(path).parts[1:], "")
    if what == "dataset":
        return _rows_file(signs.of_table(rest[0]), [], path) if path.endswith(".parquet") else None
    if what in ("train", "evaluation"):
        return _rows_file(signs.rows, [], path)
    return _report_file(signs, subject, path)


def _rows_file(signs: Sequence[Sign], anywhere: Sequence[str], path: str) -> Cutter | None:
    if path.endswith(".parquet"):
        return partial(cut_parquet, signs=signs, anywhere=anywhere)
    if path.endswith((".csv", ".csv.gz")):
        return partial(cut_csv, signs=signs, anywhere=anywhere)
    return _unknown


def _unknown(source: Path, target: Path) -> Cut:  # noqa: ARG001 - as every cutter
    raise UnreadableError("its name does not say what it is")


def _report_file(signs: Signs, subject: Subject, path: str) -> Cutter | None:
    tables = [sign for found in signs.tables.values() for sign in found]
    name = PurePosixPath(path).name
    cutters: Mapping[str, Callable[..., Cut]] = {QUALITY_FILE: cut_report, PAGE_FILE: cut_page}
    if name not in cutters:
        return None
    return partial(cutters[name], signs=(*signs.named, *tables), subject=subject)
