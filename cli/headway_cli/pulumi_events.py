"""What the engine says while it works, folded into what a person wants to know. Pure."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_COLOUR = re.compile(r"<\{%[^%]*%\}>")
_UNDECIDED = re.compile(r"(HEADWAY-[A-Z]+-\d+) is undecided")
_NOISE = re.compile(r"an unhandled error occurred: [Pp]rogram exited with non-zero exit code|^update failed$")
_PARTS_OF_A_REPLACEMENT = ("create-replacement", "delete-replaced")
_PROVIDERS = "pulumi:providers:"
_NAMES = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "replace": "replaced",
    "same": "unchanged",
    "import": "imported",
}


@dataclass
class Tally:
    """What happened so far in one command of the engine.

    Args:
        planned: What the preview announced: operation and count.
        done: Resources that are done in the update: operation and count.
        errors: What went wrong, each once, in order.
        violations: Breaches of policy that refuse, each once.
        advisories: Breaches of policy that only warn, each once.
        undecided: What no rule could decide at preview, each once.
        changes: What the update changed in the end: operation and count; None before the end.
    """

    planned: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    advisories: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    changes: Counter[str] | None = None
    previewed: bool = False

    def apply(self, event: Mapping[str, Any]) -> None:
        """Takes in one event of the engine's log."""
        for name, handle in _HANDLERS.items():
            if name in event:
                handle(self, event[name])

    def progress(self) -> str:
        """How far the work is, in a few words."""
        if not self.previewed:
            return "planning"
        return f"{self.done.total()} of {self.planned.total()} resources"

    def outcome(self) -> dict[str, int]:
        """What the update changed: `created`, `updated`, … and how many; empty where nothing was to do."""
        counts = Counter() if self.changes is None else self.changes
        return {
            _NAMES.get(operation, operation): count for operation, count in sorted(counts.items()) if count
        }


def in_words(outcome: Mapping[str, int]) -> str:
    """What an update changed, in a few words."""
    return ", ".join(f"{count} {change}" for change, count in outcome.items()) if outcome else "nothing to do"


def _summary(tally: Tally, event: Mapping[str, Any]) -> None:
    counts = Counter({str(name): int(count) for name, count in (event.get("resourceChanges") or {}).items()})
    if event.get("isPreview"):
        tally.planned = counts
        tally.previewed = True
        tally.done.clear()
    else:
        tally.changes = counts


def _outputs(tally: Tally, event: Mapping[str, Any]) -> None:
    metadata = event["metadata"]
    # A replacement tells of its parts as well, and the summary counts no providers.
    if metadata["op"] not in _PARTS_OF_A_REPLACEMENT and not metadata["type"].startswith(_PROVIDERS):
        tally.done[str(metadata["op"])] += 1


def _diagnostic(tally: Tally, event: Mapping[str, Any]) -> None:
    text = _about(event)
    # The engine adds that the program or the update failed, which the errors before have said better.
    if event.get("severity") == "error" and not _NOISE.search(text):
        _once(tally.errors, text)


def _policy(tally: Tally, event: Mapping[str, Any]) -> None:
    text = _about(event)
    if event.get("enforcementLevel") == "mandatory":
        _once(tally.violations, text)
    elif _UNDECIDED.search(text):
        _once(tally.undecided, text)
    else:
        _once(tally.advisories, text)


_HANDLERS = {
    "summaryEvent": _summary,
    "resOutputsEvent": _outputs,
    "diagnosticEvent": _diagnostic,
    "policyEvent": _policy,
}


def _about(event: Mapping[str, Any]) -> str:
    text = _COLOUR.sub("", str(event.get("message", ""))).strip()
    urn = str(event.get("urn") or event.get("resourceUrn") or "")
    kind, _, name = urn.rpartition("::")
    where = "" if not urn else f"{kind.rsplit('::', 1)[-1].rsplit('$', 1)[-1]} {name}: "
    return f"{where}{text}"


def _once(texts: list[str], text: str) -> None:
    # The preview and the update say the same; a person reads it once.
    if text and text not in texts:
        texts.append(text)
