"""What the shadow showed, for programs and for people: Markdown with small charts made of text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from headway_runtime.judge import Levels, Pairs
from headway_runtime.judge.words import count, e_value, percent, share
from headway_runtime.release.comparison import Comparison
from headway_runtime.release.labels import Quality
from headway_runtime.release.records import Release
from headway_runtime.release.shapes import CHALLENGER, CHAMPION

_BARS = "▁▂▃▄▅▆▇█"
_SLICES_SHOWN = 20
_WHOLE_FROM = 100
_LONGEST_BAR = 20
_PERCENTILES = (
    ("p50", "half of the answers within"),
    ("p95", "95 of 100 within"),
    ("p99", "99 of 100 within"),
)
_ARMS = (("errors", "failed answers"), ("output_format", "malformed answers"))


def report_document(
    release: Release,
    *,
    compared: Comparison | None,
    quality: Quality | None,
    latency_us: Mapping[str, Mapping[str, float | None]],
    uses: Mapping[str, Levels],
    tokens: Mapping[str, tuple[int, int, int] | None] | None,
    costs: Mapping[str, Mapping[str, float]],
    copied_percent: float | None,
    goes_on: bool,
) -> dict[str, Any]:
    """The report of a shadow stage as JSON values.

    Args:
        release: The release, with what each metric said at the last look, and why the shadow ended.
        compared: How the answers of both models differ; None where nothing is captured.
        quality: How right the answers were; None where no labels are declared.
        latency_us: Percentiles of each variant's latency, in microseconds.
        uses: What both used of their machines, by what it is.
        tokens: Answers of each variant that count tokens, tokens read and written; None where none do.
        costs: What a thousand answers of each variant cost, in US dollars; empty where nobody knows.
        copied_percent: Share of the requests that were copied; None where nobody knows.
        goes_on: Whether the release goes on to users, or is turned back.
    """
    return {
        "system": release.system,
        "release": release.release_id,
        "model_package_arn": release.model_package_arn,
        "since": release.arrived_at,
        "until": release.at,
        "copied_percent": copied_percent,
        "goes_on": goes_on,
        "champion": release.champion,
        "challenger": release.challenger,
        "why": release.why,
        "observation": release.observations[-1] if release.observations else None,
        "metrics": [dict(item) for item in release.metrics],
        "comparison": None if compared is None else asdict(compared),
        "quality": None if quality is None else asdict(quality),
        "latency_us": {arm: dict(found) for arm, found in latency_us.items()},
        "uses": {name: asdict(use) for name, use in uses.items()},
        "tokens": {arm: _token_document(item) for arm, item in (tokens or {}).items() if item is not None},
        "cost_per_thousand_usd": {arm: cost for arm, item in costs.items() for cost in item.values()},
    }


def report_markdown(document: Mapping[str, Any]) -> str:
    """The report of a shadow stage for people.

    Args:
        document: What `report_document` gives.
    """
    parts = (_head, _metrics, _side_by_side, _uses, _answers, _slices)
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part(document)))) + "\n"


def chart(values: Sequence[float]) -> str:
    """Numbers as a row of bars.

    Args:
        values: The numbers, 0 or more.
    """
    largest = max(values, default=0)
    if not largest:
        return _BARS[0] * len(values)
    return "".join(_BARS[round(value / largest * (len(_BARS) - 1))] for value in values)


def bar(value: float, largest: float) -> str:
    """A number as one bar that lies; the largest is the longest.

    Args:
        value: The number, 0 or more.
        largest: The largest of those that are shown together.
    """
    return "█" * max(1, round(_LONGEST_BAR * value / largest)) if value > 0 and largest > 0 else ""


def _head(document: Mapping[str, Any]) -> Iterator[str]:
    outcome = "It goes on to users" if document["goes_on"] else "It is turned back"
    yield f"# Shadow of {document['challenger']}"
    yield ""
    yield f"{outcome}: {document['why']}."
    yield ""
    yield "| | |"
    yield "|---|---|"
    yield from (f"| {noun} | {text} |" for noun, text in _facts(document) if text)


def _facts(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "release", f"{document['release']} of {document['system']}"
    yield "challenger", document["model_package_arn"]
    yield "champion", document["champion"]
    if document["since"]:
        yield "time", f"{document['since']} to {document['until']}"
    if document["copied_percent"] is not None:
        yield (
            "copied",
            f"{document['copied_percent']:g} % of the requests; nobody got the challenger's answers",
        )


def _metrics(document: Mapping[str, Any]) -> Iterator[str]:
    yield "| metric | says | e-value | worse from | figures |"
    yield "|---|---|---|---|---|"
    for metric in document["metrics"]:
        bet, limit = (metric.get(f"log_{name}") for name in ("evidence", "threshold"))
        # A bet that was never made is worth its stake and says nothing.
        shown = (e_value(bet), e_value(limit)) if bet is not None and limit is not None else ("", "")
        yield f"| {metric['metric']} | {metric['standing']} | {' | '.join(shown)} | {metric['why']} |"


def _side_by_side(document: Mapping[str, Any]) -> Iterator[str]:
    rows = [*_latency_rows(document), *_count_rows(document), *_token_rows(document), *_value_rows(document)]
    if not rows:
        return
    yield "| | champion | challenger | difference | |"
    yield "|---|---|---|---|---|"
    yield from rows


def _latency_rows(document: Mapping[str, Any]) -> Iterator[str]:
    latency_us = document["latency_us"]
    for name, noun in _PERCENTILES:
        one, other = (latency_us.get(arm, {}).get(name) for arm in (CHAMPION, CHALLENGER))
        if one is not None and other is not None:
            yield _row(noun, one / 1_000, other / 1_000, "ms")


def _count_rows(document: Mapping[str, Any]) -> Iterator[str]:
    arms = (document["observation"] or {}).get("arms", {})
    for name, noun in _ARMS:
        counts = arms.get(name)
        if counts is not None:
            one, other = (
                share(counts[f"{arm}_bad"], counts[f"{arm}_requests"]) for arm in (CHAMPION, CHALLENGER)
            )
            yield f"| {noun} | {one} | {other} | | |"


def _token_rows(document: Mapping[str, Any]) -> Iterator[str]:
    tokens = document["tokens"]
    if CHAMPION in tokens and CHALLENGER in tokens:
        for name in ("read", "written"):
            one, other = (tokens[arm][name] / tokens[arm]["answers"] for arm in (CHAMPION, CHALLENGER))
            yield _row(f"tokens {name} for an answer", one, other, "")


def _value_rows(document: Mapping[str, Any]) -> Iterator[str]:
    costs = document["cost_per_thousand_usd"]
    if CHAMPION in costs and CHALLENGER in costs:
        yield _row("cost of a thousand answers", costs[CHAMPION], costs[CHALLENGER], "USD")
    elif CHALLENGER in costs:
        yield f"| cost of a thousand answers | | {_figure(costs[CHALLENGER])} USD | | |"
    quality = document["quality"]
    if quality is not None:
        wrong = quality["wrong"]
        one, other = (share(wrong[f"{arm}_bad"], wrong[f"{arm}_requests"]) for arm in (CHAMPION, CHALLENGER))
        yield f"| wrong answers, of those with a label | {one} | {other} | | |"
        losses = quality["champion_log_loss"], quality["challenger_log_loss"]
        if None not in losses:
            yield _row("logarithmic loss", *losses, "")


def _row(noun: str, one: float, other: float, unit: str) -> str:
    shown = [f"{_figure(number)} {unit}".strip() for number in (one, other, other - one)]
    sign = "+" if other >= one else ""
    return f"| {noun} | {shown[0]} | {shown[1]} | {sign}{shown[2]} | `{chart((one, other))}` |"


def _figure(number: float) -> str:
    """Three digits that count, and never an exponent where thousands can be set apart."""
    return f"{number:,.0f}" if abs(number) >= _WHOLE_FROM else f"{number:.3g}"


def _uses(document: Mapping[str, Any]) -> Iterator[str]:
    """What both used of their machines; nothing where nobody measured it."""
    known = {name: use for name, use in document["uses"].items() if use[CHALLENGER]}
    if not known:
        return
    yield "| used of the machine, in the middle and period by period | champion | challenger |"
    yield "|---|---|---|"
    for name, use in known.items():
        yield f"| {name} | {_level(use[CHAMPION])} | {_level(use[CHALLENGER])} |"


def _level(levels: Sequence[float]) -> str:
    return f"{percent(median(levels))} `{chart(levels)}`" if levels else "not measured"


def _answers(document: Mapping[str, Any]) -> Iterator[str]:
    compared = document["comparison"]
    if compared is None:
        yield "Nothing is captured, so the answers were not compared."
        return
    pairs = compared["pairs"]
    if not pairs["compared"]:
        yield "No answer of both models to the same request was captured."
        return
    diverge = share(pairs["bad"], pairs["compared"])
    yield f"Answers to {count(pairs['compared'])} rows by both; {diverge} diverge."
    yield ""
    if not compared["largest"]:
        yield "Both answer the same to each of them."
        return
    yield f"Difference of the answers, 0 to {compared['largest']:.3g}: `{chart(compared['differences'])}`"


def _slices(document: Mapping[str, Any]) -> Iterator[str]:
    slices = (document["comparison"] or {}).get("slices", {})
    if not slices:
        return
    rates = {place: _rate(Pairs(**pairs)) for place, pairs in slices.items()}
    worst = sorted(rates, key=lambda place: (-rates[place], place))
    yield "| slice | rows | diverge | |"
    yield "|---|---|---|---|"
    for place in worst[:_SLICES_SHOWN]:
        rows = count(slices[place]["compared"])
        yield f"| {place} | {rows} | {percent(rates[place])} | {bar(rates[place], rates[worst[0]])} |"
    if len(worst) > _SLICES_SHOWN:
        yield ""
        yield f"{len(worst) - _SLICES_SHOWN} more slices diverge less."


def _rate(pairs: Pairs) -> float:
    return pairs.bad / pairs.compared if pairs.compared else 0.0


def _token_document(counted: tuple[int, int, int]) -> dict[str, int]:
    answers, read, written = counted
    return {"answers": answers, "read": read, "written": written}
