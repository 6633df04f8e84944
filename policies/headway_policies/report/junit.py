"""A verdict as JUnit XML, which every CI system shows. Pure."""

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from headway_policies.outcome import Outcome
from headway_policies.rows import Row
from headway_policies.verdict import Verdict

_FAILURES = frozenset({Outcome.FAIL.value, "manual"})
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdicts: Sequence[Verdict]) -> str:
    """The document: a suite for each verdict."""
    suites = [_suite(verdict) for verdict in verdicts]
    total = [sum(counts) for counts in zip(*(counts for _, counts in suites), strict=True)]
    body = "\n".join(text for text, _ in suites)
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{declaration}\n<testsuites name="headway gate" {_counted(total)}>\n{body}\n</testsuites>\n'


def _suite(verdict: Verdict) -> tuple[str, tuple[int, int, int]]:
    """One test case for each breach, each open question, each reason, each kept rule; and how many."""
    told = {(row.rule, row.urn) for row in verdict.rows}
    kept = sorted(
        {
            (item.rule_id, item.urn or "")
            for item in verdict.judgements
            if item.outcome is Outcome.PASS and (item.rule_id, item.urn or "") not in told
        }
    )
    cases = [*map(_case, verdict.rows), *(_passed(rule, urn) for rule, urn in kept)]
    failures = sum(row.outcome in _FAILURES for row in verdict.rows)
    counts = (len(cases), failures, len(verdict.rows) - failures)
    name = _attribute(verdict.subject.stack or "state")
    body = "\n".join(cases)
    return f"<testsuite name={name} {_counted(counts)}>\n{body}\n</testsuite>", counts


def _counted(counts: Sequence[int]) -> str:
    tests, failures, skipped = counts
    return f'tests="{tests}" failures="{failures}" errors="0" skipped="{skipped}"'


def _case(row: Row) -> str:
    text = _clean(f"{row.message}\nFix: {row.fix}")
    if row.outcome in _FAILURES:
        inner = (
            f"<failure message={_attribute(row.message)} type={_attribute(row.rule)}>{escape(text)}</failure>"
        )
    else:
        inner = f"<skipped message={_attribute(f'{row.outcome}: {row.message}')}/>"
    where = f" file={_attribute(row.source.rpartition(':')[0])}" if row.source else ""
    title = _attribute(_title(row.urn, row.path))
    return f"<testcase classname={_attribute(row.rule)} name={title}{where}>{inner}</testcase>"


def _passed(rule: str, urn: str) -> str:
    return f"<testcase classname={_attribute(rule)} name={_attribute(_title(urn, ''))}/>"


def _title(urn: str, path: str) -> str:
    name = urn.rsplit("::", 1)[-1] or "the stack"
    return f"{name} {path}".strip()


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
