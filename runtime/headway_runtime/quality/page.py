"""The report on arrived data for people: one page, nothing loaded from anywhere."""

import html
from collections.abc import Iterator, Sequence

from headway_runtime.quality.outcome import BatchOutcome, Check, TableOutcome, sentence

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}
td,th{padding:.3rem .6rem;text-align:left;border-bottom:1px solid #d8dee4;vertical-align:top}
td.number,th.number{text-align:right}.bad{color:#b42318;font-weight:600}.quiet{color:#57606a}
code{font:13px ui-monospace,monospace}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}td,th{border-color:#30363d}}
"""
_COUNTS = ("rows", "accepted", "repeated", "replaced", "failed", "late")


def page(title: str, outcomes: Sequence[TableOutcome]) -> str:
    """The report as HTML.

    Args:
        title: What the report is on.
        outcomes: What came of each table.
    """
    return "".join(
        (
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
            "<meta name='viewport' content='width=device-width,initial-scale=1'>",
            f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{_text(title)}</h1><p>{_text(sentence(outcomes))}.</p>",
            *(part for outcome in outcomes for part in _table(outcome)),
            "</body></html>\n",
        )
    )


def _table(outcome: TableOutcome) -> Iterator[str]:
    verdict = "" if outcome.passed else " <span class='bad'>refused</span>"
    yield f"<h2>{_text(outcome.table)}: {outcome.rows} rows{verdict}</h2>"
    yield "<table><thead><tr><th>Check</th><th>Found</th><th>Allowed</th><th>What to do</th></tr></thead>"
    for check in outcome.checks:
        bad = "" if check.passed else " class='bad'"
        found = check.value if isinstance(check.value, str) else f"{check.value:.6g}"
        yield f"<tr{bad}><td>{_text(check.name)}</td><td>{_text(found)}</td>"
        yield f"<td>{_text(check.allowed)}</td><td>{_text(check.fix)}</td></tr>"
    yield "</table>"
    for check in outcome.checks:
        yield from _examples(check)
    yield from _batches(outcome.batches)


def _examples(check: Check) -> Iterator[str]:
    if not check.examples:
        return
    yield f"<h3>{_text(check.name)}: {check.failing_rows} rows fail</h3><table><thead><tr><th>Batch</th>"
    yield "<th class='number'>Row</th><th>Values</th></tr></thead>"
    for example in check.examples:
        values = ", ".join(f"{name} = {value}" for name, value in example["values"].items())
        yield f"<tr><td>{_text(example['batch'])}</td><td class='number'>{example['row']}</td>"
        yield f"<td><code>{_text(values)}</code></td></tr>"
    yield "</table>"


def _batches(batches: Sequence[BatchOutcome]) -> Iterator[str]:
    if not batches:
        return
    heads = "".join(f"<th class='number'>{name}</th>" for name in _COUNTS)
    yield f"<h3>Batches</h3><table><thead><tr><th>Batch</th><th>State</th>{heads}<th>Why</th></tr></thead>"
    for batch in batches:
        counts = "".join(f"<td class='number'>{getattr(batch, name)}</td>" for name in _COUNTS)
        state = "" if batch.state in ("accepted", "repeat") else " class='bad'"
        yield f"<tr><td>{_text(batch.name)}</td><td{state}>{batch.state}</td>{counts}"
        yield f"<td>{_text(batch.why)}</td></tr>"
    yield "</table>"


def _text(value: object) -> str:
    return html.escape(str(value))
