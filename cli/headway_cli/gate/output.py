"""Writes verdicts: one form on standard output, all forms and the evidence into a folder."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from headway_cli.errors import HeadwayError, NeedsPersonError
from headway_policies.lanes import Lane
from headway_policies.verdict import Verdict

EXIT_CODES = {Lane.AUTO: 0, Lane.REFUSED: HeadwayError.exit_code, Lane.MANUAL: NeedsPersonError.exit_code}
_WORST_FIRST = (Lane.REFUSED, Lane.MANUAL, Lane.AUTO)


class Format(StrEnum):
    """The forms of a report."""

    MARKDOWN = "md"
    SARIF = "sarif"
    JUNIT = "junit"
    JSON = "json"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A verdict and its proof.

    Args:
        verdict: What came of it.
        evidence: All that it was made of.
        digest: The digest of the evidence.
        program: The program's file, from the project's folder.
    """

    verdict: Verdict
    evidence: dict[str, Any]
    digest: str
    program: str

    @property
    def name(self) -> str:
        """How files are named after it: an exported state may hold a name that leads elsewhere."""
        return re.sub(r"[^\w.-]|^\.+", "_", self.verdict.subject.stack) or "state"


def worst(judged: Sequence[Judged]) -> Lane:
    """The lane of the worst verdict."""
    return next(lane for lane in _WORST_FIRST if any(item.verdict.lane is lane for item in judged))


def rendered(judged: Sequence[Judged], form: Format) -> str:
    """All verdicts in one form."""
    return _writable(_RENDERERS[form](judged))


def write_all(judged: Sequence[Judged], folder: Path) -> None:
    """Writes every form of every verdict, and the evidence.

    Raises:
        HeadwayError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for item in judged:
            for form in Format:
                extension = "junit.xml" if form is Format.JUNIT else form.value
                (folder / f"{item.name}.{extension}").write_text(rendered([item], form), "utf-8")
            evidence = {**item.evidence, "digest": item.digest}
            (folder / f"{item.name}.evidence.json").write_text(_writable(_dumped(evidence)), "utf-8")
    except OSError as error:
        raise HeadwayError(f"{folder} cannot be written: {error.strerror or error}") from None


def _writable(text: str) -> str:
    """The text with halves of characters escaped: JSON may hold them, UTF-8 cannot."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _markdown(judged: Sequence[Judged]) -> str:
    from headway_policies.report.markdown import markdown  # noqa: PLC0415 - only the form that is asked for

    return "\n---\n\n".join(markdown(item.verdict, item.digest) for item in judged)


def _json(judged: Sequence[Judged]) -> str:
    from headway_policies.report.document import document  # noqa: PLC0415

    documents = {item.name: document(item.verdict, item.digest) for item in judged}
    if len(judged) == 1:
        return _dumped(documents[judged[0].name])
    return _dumped({"lane": worst(judged).value, "stacks": documents})


def _sarif(judged: Sequence[Judged]) -> str:
    import importlib.metadata  # noqa: PLC0415

    from headway_policies.report.sarif import sarif  # noqa: PLC0415

    version = importlib.metadata.version("headway")
    logs = [sarif(item.verdict, version, item.program) for item in judged]
    return _dumped({**logs[0], "runs": [run for log in logs for run in log["runs"]]})


def _junit(judged: Sequence[Judged]) -> str:
    from headway_policies.report.junit import junit  # noqa: PLC0415

    return junit([item.verdict for item in judged])


_RENDERERS: dict[Format, Callable[[Sequence[Judged]], str]] = {
    Format.MARKDOWN: _markdown,
    Format.JSON: _json,
    Format.SARIF: _sarif,
    Format.JUNIT: _junit,
}


def _dumped(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
