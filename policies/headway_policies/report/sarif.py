"""A verdict as SARIF 2.1.0, which code hosts show at the line that declared a resource. Pure.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from typing import Any, Final
from urllib.parse import quote

from headway_policies.outcome import Outcome
from headway_policies.rows import Row
from headway_policies.verdict import Verdict

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {
    Outcome.FAIL.value: "error",
    "manual": "warning",
    "advisory": "warning",
    "undecided": "note",
}
_SCORES: Final = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "3.0"}
"""What GitHub sorts findings by; its bands are above 9.0, 7.0, 4.0 and 0.1."""


def sarif(verdict: Verdict, version: str, program: str) -> dict[str, Any]:
    """The document.

    Args:
        verdict: What came of it.
        version: The version of Headway.
        program: The file of the program, from the project's folder: where a finding is shown whose resource
            nobody can place.
    """
    rows = {row.rule: row for row in reversed(verdict.rows)}
    ids = sorted(rows)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "headway gate",
                        "version": version,
                        "semanticVersion": version,
                        "rules": [_rule(rows[rule_id]) for rule_id in ids],
                    }
                },
                "automationDetails": {"id": f"headway-gate/{verdict.subject.stack or 'state'}/"},
                "originalUriBaseIds": {"PROJECT": {"description": {"text": "The folder with Pulumi.yaml."}}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(row, ids.index(row.rule), program) for row in verdict.rows],
            }
        ],
    }


def _rule(row: Row) -> dict[str, Any]:
    properties: dict[str, Any] = {"tags": ["security", *row.controls] if row.severity else ["review"]}
    if row.severity:
        properties["security-severity"] = _SCORES[row.severity]
    return {
        "id": row.rule,
        "name": row.rule.title().replace("-", "").replace("/", ""),
        "shortDescription": {"text": row.title},
        "fullDescription": {"text": row.title},
        "help": {"text": f"{row.fix}\n\nMore: headway explain {row.rule}"},
        "defaultConfiguration": {"level": "error" if row.severity else "warning"},
        "properties": properties,
    }


def _result(row: Row, index: int, program: str) -> dict[str, Any]:
    about = f"{row.type.rsplit(':', 1)[-1]} {row.name}: " if row.urn else ""
    path, _, line = row.source.rpartition(":")
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(path or program), "uriBaseId": "PROJECT"}}
    physical["region"] = {"startLine": int(line) if line.isdigit() and int(line) > 0 else 1}
    location: dict[str, Any] = {"physicalLocation": physical}
    if row.urn:
        location["logicalLocations"] = [{"name": row.name, "fullyQualifiedName": row.urn, "kind": "resource"}]
    return {
        "ruleId": row.rule,
        "ruleIndex": index,
        "level": _LEVELS[row.outcome],
        "message": {"text": f"{about}{row.message}. Fix: {row.fix}"},
        "locations": [location],
        # The same finding keeps its identity when lines move.
        "partialFingerprints": {"ruleResourceProperty/v1": f"{row.rule}|{row.urn}|{row.path}"},
        "properties": {"controls": list(row.controls), "property": row.path},
    }
