"""A verdict for programs: one JSON document. Pure."""

from typing import Any

from headway_policies.report.evidence import exception_document
from headway_policies.verdict import Verdict


def document(verdict: Verdict, digest: str) -> dict[str, Any]:
    """The document.

    Args:
        verdict: What came of it.
        digest: The digest of its evidence.
    """
    return {
        "lane": verdict.lane.value,
        "outcomes": dict(verdict.counts),
        "findings": [
            {
                "rule": row.rule,
                "resource": row.urn,
                "type": row.type,
                "outcome": row.outcome,
                "property": row.path,
                "message": row.message,
                "fix": row.fix,
                "controls": list(row.controls),
            }
            for row in verdict.rows
        ],
        "exceptions": [exception_document(use) for use in verdict.exceptions],
        "unjudged": [{"type": type_, "count": count} for type_, count in verdict.unjudged.items()],
        "digest": digest,
    }
