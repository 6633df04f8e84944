"""Observes a stage: counts of the metrics, and what was captured, put together for the judge."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from headway_runtime.judge import ERRORS, Counts, Levels, Pairs, StageObservation
from headway_runtime.release.captured import Captured
from headway_runtime.release.comparison import Comparison, compare_answers
from headway_runtime.release.costs import cost_per_thousand_usd
from headway_runtime.release.labels import Quality, compare_quality
from headway_runtime.release.measure import Meter, Span, error_counts, latency_counts
from headway_runtime.release.plan import Plan
from headway_runtime.release.reading import Reader, Stretch
from headway_runtime.release.records import Release
from headway_runtime.release.report import report_document, report_markdown
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
        captures: `s3://bucket/prefix` under which the variants of a configuration are captured; None where
            nothing is.
        reader: Reads what is captured, and the labels that come later.
        labels: `s3://bucket/prefix` under which the plan's labels are.
        period_s: Length of a metric's period, in seconds.
        keep: Keeps a document about a release under a name, and answers where.
    """

    meter: Meter
    captures: Callable[[str], str | None]
    reader: Reader
    labels: str
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
        asked = {metric.name for metric in plan.judge.metrics}
        both = self._both(release, plan, _stretch_now(release, span))
        compared = None if both is None else _compared(both, plan)
        missing: dict[str, str] = {}
        if compared is None:
            missing |= dict.fromkeys(asked & {OUTPUT_FORMAT, DIVERGENCE, QUALITY}, "nothing is captured")
        arms = {ERRORS: error_counts(champion, challenger), LATENCY: latency_counts(champion, challenger)}
        pairs: dict[str, Pairs] = {}
        slices: dict[str, Mapping[str, Pairs]] = {}
        if compared is not None:
            arms[OUTPUT_FORMAT] = compared.malformed
            pairs[DIVERGENCE], slices[DIVERGENCE] = compared.pairs, compared.slices
        if both is not None and QUALITY in asked:
            arms[QUALITY] = self._quality(release, plan, both).wrong
            if not arms[QUALITY].challenger_requests:
                missing[QUALITY] = "no label has come for an answer of this stage"
        values, champion_values = self._costs(release, plan, span, both) if COST in asked else ({}, {})
        elapsed = datetime.fromisoformat(release.at) - datetime.fromisoformat(release.arrived_at)
        return StageObservation(
            stage=release.stage,
            elapsed_s=elapsed.total_seconds(),
            challenger_requests=challenger.requests,
            arms={name: counts for name, counts in arms.items() if name in asked},
            pairs={name: item for name, item in pairs.items() if name in asked},
            slices={name: item for name, item in slices.items() if name in asked},
            levels={MEMORY: self._judged_use(release, span)} if MEMORY in asked else {},
            values=values,
            champion_values=champion_values,
            missing=missing,
        )

    def with_late_labels(
        self, release: Release, before: Sequence[StageObservation], plan: Plan
    ) -> list[StageObservation]:
        """What was counted in earlier stages, with the labels that have come for them since.

        Args:
            release: The release.
            before: What was counted in the earlier stages.
            plan: The release plan.
        """
        if QUALITY not in {metric.name for metric in plan.judge.metrics}:
            return list(before)
        stretches = earlier_stretches(release, self.period_s)
        renewed = []
        for item in before:
            stretch = stretches.get(item.stage)
            both = None if stretch is None else self._both(release, plan, stretch)
            if both is not None:
                wrong = self._quality(release, plan, both).wrong
                item = replace(item, arms={**item.arms, QUALITY: wrong})  # noqa: PLW2901 - the renewed one
            renewed.append(item)
        return renewed

    def report(self, release: Release, plan: Plan, *, goes_on: bool) -> str:
        """Writes what the shadow showed, as JSON and for people; answers where.

        Args:
            release: The release, and why the shadow is over.
            plan: The release plan.
            goes_on: Whether the release goes on to users, or is turned back.
        """
        span = Span.between(release.arrived_at, release.at, self.period_s)
        both = self._both(release, plan, _stretch_now(release, span))
        document = report_document(
            release,
            compared=None if both is None else _compared(both, plan),
            quality=None if both is None or plan.labels is None else self._quality(release, plan, both),
            latency_us=self.meter.percentiles_us((CHAMPION, CHALLENGER), span),
            uses={name: self._use(release, span, metric) for name, metric in USES.items()},
            tokens=None if both is None else {arm: _tokens(requests) for arm, requests in both.items()},
            costs=dict(zip((CHALLENGER, CHAMPION), self._costs(release, plan, span, both), strict=True)),
            copied_percent=plan.shadow_sampling_percent,
            goes_on=goes_on,
        )
        self.keep(release.release_id, "shadow.json", json.dumps(document, sort_keys=True, indent=2).encode())
        return self.keep(release.release_id, "shadow.md", report_markdown(document).encode())

    def _quality(self, release: Release, plan: Plan, both: Mapping[str, Mapping[str, Captured]]) -> Quality:
        if plan.labels is None:
            return compare_quality({}, {}, {}, 0.0)
        labels = self.reader.labels(
            f"{self.labels}/{plan.labels.prefix.rstrip('/')}",
            release.release_id,
            datetime.fromisoformat(release.started_at),
            datetime.fromisoformat(release.at),
        )
        return compare_quality(both[CHAMPION], both[CHALLENGER], labels, plan.labels.wrong_from)

    def _costs(
        self,
        release: Release,
        plan: Plan,
        span: Span,
        both: Mapping[str, Mapping[str, Captured]] | None,
    ) -> tuple[dict[str, float], dict[str, float]]:
        """What a thousand answers of the challenger cost, and of the champion; nothing where nobody knows."""
        found: list[dict[str, float]] = []
        for variant in (CHALLENGER, CHAMPION):
            requests: Mapping[str, Captured] = {} if both is None else both[variant]
            cost = cost_per_thousand_usd(
                plan.prices,
                self.meter.mean_latency_us(variant, span),
                [item.tokens for item in requests.values() if item.tokens is not None],
            )
            # A placeholder is no measure of what a model costs.
            known = cost is not None and not (variant == CHAMPION and release.over_placeholder)
            found.append({COST: cost} if known and cost is not None else {})
        return found[0], found[1]

    def _both(
        self, release: Release, plan: Plan, stretch: Stretch
    ) -> Mapping[str, Mapping[str, Captured]] | None:
        """What was captured of both variants in a stage; None where nothing is captured."""
        place = self.captures(release.base)
        now = datetime.fromisoformat(release.at)
        if place is None or stretch.since >= now:
            return None
        return {
            variant: self.reader.captured(place, variant, stretch, plan.divergence_slices, now)
            for variant in (CHAMPION, CHALLENGER)
        }

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


def earlier_stretches(release: Release, period_s: int) -> dict[int, Stretch]:
    """The time that a release spent in each stage before the one that it is in, from its history.

    Args:
        release: The release.
        period_s: Length of a metric's period, in seconds.
    """
    found: dict[int, Stretch] = {}
    arrived: tuple[int, str] | None = None
    for entry in release.history:
        if entry["what"] == "arrived" and entry["position"] == "stage":
            arrived = entry["stage"], entry["at"]
        elif entry["what"].startswith("to ") and arrived is not None:
            stage, since = arrived
            span = Span.between(since, entry["at"], period_s)
            until = datetime.fromisoformat(entry["at"])
            found[stage] = Stretch(release_id=release.release_id, stage=stage, since=span.start, until=until)
            arrived = None
    return found


def _stretch_now(release: Release, span: Span) -> Stretch:
    return Stretch(release_id=release.release_id, stage=release.stage, since=span.start)


def _compared(both: Mapping[str, Mapping[str, Captured]], plan: Plan) -> Comparison:
    return compare_answers(
        both[CHAMPION], both[CHALLENGER], plan.divergence_threshold, plan.divergence_slices
    )


def _tokens(requests: Mapping[str, Captured]) -> tuple[int, int, int] | None:
    """Answers that count their tokens, and tokens read and written by all of them; None without any."""
    counted = [item.tokens for item in requests.values() if item.tokens is not None]
    if not counted:
        return None
    return len(counted), sum(item[0] for item in counted), sum(item[1] for item in counted)


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
        champion_values=dict(document.get("champion_values", {})),
        # A release that an older machine began has none.
        levels={name: Levels(**item) for name, item in document.get("levels", {}).items()},
        missing=dict(document["missing"]),
    )
