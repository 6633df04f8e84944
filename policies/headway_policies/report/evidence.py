"""The evidence bundle: all that a verdict was made of, and a digest that stands for it. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from headway_policies.exceptions import ExceptionUse
from headway_policies.outcome import Judgement
from headway_policies.redaction import Redactor
from headway_policies.verdict import Verdict

FORMAT: Final = "headway-gate-evidence/1"


def bundle(verdict: Verdict, inputs: Mapping[str, str]) -> dict[str, Any]:
    """The evidence of a verdict, without its own digest.

    Args:
        verdict: What came of it.
        inputs: The SHA-256 of all that was read, by name.
    """
    subject = verdict.subject
    redactor = Redactor(subject.secret_texts)
    return {
        "format": FORMAT,
        "stack": subject.stack,
        "moment": subject.moment.value,
        "day": verdict.day.isoformat(),
        "inputs": dict(sorted(inputs.items())),
        "intent": {
            "environment": subject.intent.environment,
            "data_classification": (
                None
                if subject.intent.data_classification is None
                else subject.intent.data_classification.word
            ),
            "frameworks": sorted(subject.intent.frameworks),
            "personal_data": subject.intent.personal_data,
        },
        "lane": verdict.lane.value,
        "reasons": [
            {"why": item.why.value, "resource": item.urn, "text": redactor.text(item.text)}
            for item in verdict.reasons
        ],
        "counts": dict(verdict.counts),
        "outcomes": [_outcome(item, redactor) for item in verdict.judgements],
        "exceptions": [exception_document(use) for use in verdict.exceptions],
        "unjudged": dict(verdict.unjudged),
        "frameworks": [
            {
                "framework": item.framework,
                "control": item.control.id,
                "standing": item.standing.value,
                "rules": list(item.rules),
            }
            for item in verdict.standings
        ],
        "plan": None
        if subject.plan is None
        else {
            "against": subject.plan.against,
            "counts": subject.plan.counts(),
            "changes": [
                {"operation": item.operation.value, "resource": item.urn, "type": item.type}
                for item in subject.plan.changes
            ],
        },
        "monthly_estimate": None
        if verdict.estimate is None
        else {
            "usd": verdict.estimate.usd_per_month,
            "unknown": [item.urn for item in verdict.estimate.unknown],
            "prices": {"region": verdict.estimate.region, "date": verdict.estimate.date},
        },
    }


def digest(evidence: Mapping[str, Any]) -> str:
    """The SHA-256 of evidence, of its JSON with sorted keys and no spaces."""
    text = json.dumps(evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def exception_document(use: ExceptionUse) -> dict[str, Any]:
    """An exception and what became of it, for programs."""
    item = use.exception
    return {
        "rule": item.rule,
        "resource": item.resource,
        "stack": item.stack,
        "reason": item.reason,
        "owner": item.owner,
        "ticket": item.ticket,
        "expires": item.expires.isoformat(),
        "compensating_control": item.compensating_control,
        "status": use.status.value,
        "breaches": use.breaches,
    }


def _outcome(item: Judgement, redactor: Redactor) -> dict[str, Any]:
    found: dict[str, Any] = {"rule": item.rule_id, "resource": item.urn, "outcome": item.outcome.value}
    if item.findings:
        found["properties"] = [redactor.text(finding.path) for finding in item.findings]
    if item.undecided:
        found["unknown"] = [redactor.text(unknown.path) for unknown in item.undecided]
    if item.error is not None:
        found["error"] = item.error
    return found
