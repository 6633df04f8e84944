"""Observes a stage: counts of the metrics, and what was captured, put together for the judge."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from headway_runtime.judge import ERRORS, Counts, Levels, Pairs, StageObservation
from headway_runtime.release.captured import Captured, CaptureStore, Form, captured
from headway_runtime.release.comparison import Comparison, compare_answers
from headway_runtime.release.measure import Meter, Span, error_counts, latency_counts
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Release
from headway_runtime.release.report import report_markdown
from headway_runtime.release.shapes import CHALLENGER, CHAMPION

LATENCY = "latency"
OUTPUT_FORMAT = "output_format"
DIVERGENCE = "divergence"
COST = "cost_per_thousand_usd"
QUALITY = "quality"
MEMORY = "memory"
USES = {MEMORY: "MemoryUtilization", "processor": "CPUUtilization"}
"""What SageMaker says that a variant uses of its machines."""
BASELINE_SAMPLES = 100
BASELINE_HISTORY = timedelta(hours=1)
LEVELS_KEPT = 30
"""Newest periods of which levels are compared: an old level says nothing of what a leak has come to."""


@dataclass(frozen=True, kw_only=True)
class Observer:
    """Observes the stages of a release.

    Args:
        meter: Reads the metrics.
        captures: Where traffic is captured, from the description of a configuration; None where it is not.
        form: What requests and answers look like.
        period_s: Length of a metric's period, in seconds.
        keep: Keeps a document about a release under a name, and answers where.
    """

    meter: Meter
    captures: Callable[[str], CaptureStore | None]
    form: Form
    period_s: int
    keep: Callable[[str, str, bytes], str]

    def usual_latency_us(self, release: Release) -> float | None:
        """The latency that one answer in twenty of the champion exceeds; None with too few answers."""
        since = datetime.fromisoformat(release.arrived_at)
        for start in (since - BASELINE_HISTORY, since):
            span = Span.between(start.isoformat(), release.at, self.period_s)
            found = self.meter.usual_latency_us(CHAMPION, span, BASELINE_SAMPLES)
            if found is not None:
                return found
        return None

    def stage(self, release: Release, plan: Plan) -> StageObservation:
        """What was counted in the stage that a release is in.

        Args:
            release: The release.
            plan: The release plan.
        """
        span = Span.between(release.arrived_at, release.at, self.period_s)
        counted = self.meter.counts((CHAMPION, CHALLENGER), span, release.slow_us)
        champion, challenger = counted[CHAMPION], counted[CHALLENGER]
        compared = self._compared(release, plan, span)
        asked = {metric.name for metric in plan.judge.metrics}
        missing = dict.fromkeys(asked & {COST, QUALITY}, "nobody has measured it yet")
        if compared is None:
            missing |= dict.fromkeys(asked & {OUTPUT_FORMAT, DIVERGENCE}, "nothing is captured")
        arms = {ERRORS: error_counts(champion, challenger), LATENCY: latency_counts(champion, challenger)}
        pairs: dict[str, Pairs] = {}
        slices: dict[str, Mapping[str, Pairs]] = {}
        if compared is not None:
            arms[OUTPUT_FORMAT] = compared.malformed
            pairs[DIVERGENCE], slices[DIVERGENCE] = compared.pairs, compared.slices
        elapsed = datetime.fromisoformat(release.at) - datetime.fromisoformat(release.arrived_at)
        return StageObservation(
            stage=release.stage,
            elapsed_s=elapsed.total_seconds(),
            challenger_requests=challenger.requests,
            arms={name: counts for name, counts in arms.items() if name in asked},
            pairs={name: item for name, item in pairs.items() if name in asked},
            slices={name: item for name, item in slices.items() if name in asked},
            levels={MEMORY: self._judged_use(release, span)} if MEMORY in asked else {},
            missing=missing,
        )

    def report(self, release: Release, plan: Plan) -> str:
        """Writes what the shadow showed, as JSON and for people; answers where."""
        span = Span.between(release.arrived_at, release.at, self.period_s)
        compared = self._compared(release, plan, span)
        uses = {name: self._use(release, span, metric) for name, metric in USES.items()}
        document = {
            "release": release.release_id,
            "champion": release.champion,
            "challenger": release.challenger,
            "observation": release.observations[-1] if release.observations else None,
            "metrics": list(release.metrics),
            "comparison": None if compared is None else asdict(compared),
            "uses": {name: asdict(use) for name, use in uses.items()},
        }
        self.keep(release.release_id, "shadow.json", json.dumps(document, sort_keys=True, indent=2).encode())
        text = report_markdown(release, compared, uses)
        return self.keep(release.release_id, "shadow.md", text.encode())

    def _judged_use(self, release: Release, span: Span) -> Levels:
        """The memory that both use, as it is judged: a placeholder is no measure of what a model needs."""
        use = self._use(release, span, USES[MEMORY])
        return replace(use, champion=()) if release.over_placeholder else use

    def _use(self, release: Release, span: Span, metric: str) -> Levels:
        """What both use of their machines: the challenger in this stage, the champion in this release."""
        kept = timedelta(seconds=LEVELS_KEPT * self.period_s)
        since = {
            CHALLENGER: max(span.start, span.end - kept),
            CHAMPION: max(datetime.fromisoformat(release.started_at), span.end - kept),
        }
        found = {
            variant: self.meter.use(
                variant, metric, Span.between(start.isoformat(), span.end.isoformat(), self.period_s)
            )
            for variant, start in since.items()
        }
        return Levels(challenger=found[CHALLENGER], champion=found[CHAMPION])

    def _compared(self, release: Release, plan: Plan, span: Span) -> Comparison | None:
        store = self.captures(release.base)
        if store is None or span.is_empty:
            return None
        # A copy is answered after the request itself, so the pair is there once both are.
        since, until = span.start, span.end + timedelta(seconds=self.period_s)
        requests: dict[str, dict[str, Captured]] = {
            variant: captured(store.lines(variant, since, until), self.form, since, until)
            for variant in (CHAMPION, CHALLENGER)
        }
        return compare_answers(
            requests[CHAMPION], requests[CHALLENGER], plan.divergence_threshold, plan.divergence_slices
        )


def observation_document(observation: StageObservation) -> dict[str, Any]:
    """An observation as JSON values."""
    return asdict(observation)


def observation_of(document: Mapping[str, Any]) -> StageObservation:
    """The observation that JSON values describe."""
    return StageObservation(
        stage=document["stage"],
        elapsed_s=document["elapsed_s"],
        challenger_requests=document["challenger_requests"],
        arms={name: Counts(**item) for name, item in document["arms"].items()},
        pairs={name: Pairs(**item) for name, item in document["pairs"].items()},
        slices={
            name: {place: Pairs(**item) for place, item in places.items()}
            for name, places in document["slices"].items()
        },
        values=dict(document["values"]),
        # A release that an older machine began has none.
        levels={name: Levels(**item) for name, item in document.get("levels", {}).items()},
        missing=dict(document["missing"]),
    )
