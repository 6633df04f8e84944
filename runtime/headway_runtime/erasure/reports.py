"""What reports on data say of single rows, and the digests that documents keep of files that change."""

import ast
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from headway_runtime.canonical import digest
from headway_runtime.describe import shown
from headway_runtime.erasure.cut import Cut, UnreadableError
from headway_runtime.erasure.signs import Sign, database, marked
from headway_runtime.erasure.subject import Subject

ERASED_FROM = "erased_from"
"""In a manifest: the version that the dataset had before the first erasure."""
_ROW = re.compile(r"<tr><td>(?:(?!</tr>).)*?<code>((?:(?!</code>).)*)</code></td></tr>", re.DOTALL)
_VALUE = re.compile(r"(\w+) = ('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^,]*)(?:, |$)", re.DOTALL)


def cut_report(source: Path, target: Path, signs: Sequence[Sign], subject: Subject) -> Cut:
    """Takes the rows that a report on data quality shows as examples out of it.

    Args:
        source: `quality.json`.
        target: Where the rest is written.
        signs: What rows are held to.
        subject: The subject.

    Raises:
        UnreadableError: It is no such report.
    """
    removed = kept = 0
    try:
        document = json.loads(source.read_bytes())
        for check in (check for table in document["tables"] for check in table["checks"]):
            goes = _marks([example["values"] for example in check["examples"]], signs, subject)
            stay = [item for item, mark in zip(check["examples"], goes, strict=True) if not mark]
            removed, kept = removed + sum(goes), kept + len(stay)
            check["examples"] = stay
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnreadableError("it is no report on data quality") from error
    if removed:
        target.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", "utf-8")
    # A report without examples is still a report.
    return Cut(removed, kept + 1)


def cut_page(source: Path, target: Path, signs: Sequence[Sign], subject: Subject) -> Cut:
    """Takes the same rows out of the report's page.

    Raises:
        UnreadableError: It is no page.
    """
    try:
        text = source.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError("it is not UTF-8") from error
    found = list(_ROW.finditer(text))
    rows = [dict(_VALUE.findall(html.unescape(match.group(1)))) for match in found]
    goes = _marks(rows, signs, subject)
    for match, mark in zip(reversed(found), reversed(goes), strict=True):
        if mark:
            text = text[: match.start()] + text[match.end() :]
    if any(goes):
        target.write_text(text, "utf-8")
    return Cut(sum(goes), len(goes) - sum(goes) + 1)


def _marks(rows: Sequence[Mapping[str, str]], signs: Sequence[Sign], subject: Subject) -> list[bool]:
    """Which examples are about the subject; each has columns of its own."""
    with database() as connection:
        return [
            any(marked(connection, pa.table({k: [_meant(v, subject)] for k, v in row.items()}), signs))
            for row in rows
        ]


def _meant(text: str, subject: Subject) -> str | None:
    """The value that is shown as a text."""
    for value in subject.keys.values():
        if text in (value, shown(value)):
            return value
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return None if value is None else str(value)


def renewed_receipt(document: Mapping[str, Any], name: str, content: str | None) -> dict[str, Any] | None:
    """A receipt of the quarantine with the digest of a file that changes; None where it says so already.

    Args:
        document: The receipt.
        name: The file, below the receipt's folder.
        content: Hexadecimal SHA-256 of what it becomes; None where it goes.
    """
    files = dict(document.get("files", {}))
    if name not in files or files[name] == content:
        return None
    return {**document, "files": _with(files, name, content)}


def renewed_manifest(
    document: Mapping[str, Any], name: str, content: str | None, removed: int
) -> dict[str, Any] | None:
    """A dataset's manifest with a file that changes: another version, which says what it was before.

    Args:
        document: The manifest.
        name: The file, below the manifest's folder.
        content: Hexadecimal SHA-256 of what it becomes; None where it goes.
        removed: Rows that go.

    Returns:
        The manifest; None where it does not speak of the file or says so already.
    """
    tables = dict(document.get("tables", {}))
    for table, entry in tables.items():
        files = entry.get("files", {})
        if name in files and files[name] != content:
            tables[table] = {
                **entry,
                "rows": entry["rows"] - removed,
                "files": _with(files, name, content),
            }
            before = document.get(ERASED_FROM, document.get("dataset_version"))
            return {**document, "tables": tables, "dataset_version": digest(tables), ERASED_FROM: before}
    return None


def _with(files: Mapping[str, str], name: str, content: str | None) -> dict[str, str]:
    rest = {path: known for path, known in files.items() if path != name}
    return rest if content is None else {**rest, name: content}
