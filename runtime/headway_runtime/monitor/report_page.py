"""The report for people: one page, its plots drawn in it, nothing loaded from anywhere."""

import html
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from headway_runtime.monitor.assess import Assessment, Column
from headway_runtime.monitor.baseline import Baseline
from headway_runtime.monitor.profile import CategoryProfile, NumberProfile, Profile
from headway_runtime.monitor.report_quality import quality_section

_BARS = 12
_WIDTH, _HEIGHT = 360, 120
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse;width:100%}
td,th{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #d8dee4}
td:first-child,th:first-child{text-align:left}.drift{color:#b42318;font-weight:600}.quiet{color:#57606a}
figure{display:inline-block;margin:1rem 1rem 0 0}
figcaption{font-size:13px}.before{fill:#8c959f}.now{fill:#0969da}
@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}td,th{border-color:#30363d}}
"""


def page(baseline: Baseline, assessment: Assessment, findings: Mapping[str, Any]) -> str:
    """The report as HTML.

    Args:
        baseline: What the training rows look like.
        assessment: What the window says.
        findings: The same as JSON values, with the window.
    """
    window = findings["window"]
    asked = findings["request"]
    span = f"{window['first']} to {window['last']}" if window["first"] else "no traffic"
    return "".join(
        (
            "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
            "<meta name='viewport' content='width=device-width,initial-scale=1'>",
            f"<title>Drift of {_text(asked.get('endpoint', ''))}</title><style>{_STYLE}</style></head><body>",
            f"<h1>Drift of {_text(asked.get('endpoint', ''))}</h1>",
            f"<p>{_text(findings['sentence'])}.</p>",
            f"<p class='quiet'>{_text(span)}: {window['requests']} requests, {window['rows']} rows. ",
            f"Held against {baseline.rows} training rows of dataset {_text(baseline.dataset_version)}.</p>",
            *_notes(window, [*asked.get("notes", ()), *findings["notes"]]),
            quality_section(findings["quality"]),
            *_table(assessment),
            *(_plot(baseline.profiles[column.name], column) for column in _worst_first(assessment)),
            "</body></html>\n",
        )
    )


def _notes(window: Mapping[str, Any], known: Sequence[str]) -> Iterator[str]:
    notes = list(known)
    if window["doubled"]:
        notes.append(f"{window['doubled']} lines repeat an event and count once")
    notes += [f"{count} lines cannot be read: {reason}" for reason, count in window["unreadable"].items()]
    if notes:
        yield f"<ul>{''.join(f'<li>{_text(note)}</li>' for note in notes)}</ul>"


def _table(assessment: Assessment) -> Iterator[str]:
    if not assessment.columns:
        return
    yield "<table><thead><tr><th>Column</th><th>Distance</th><th>At least</th><th>Allowed</th>"
    yield "<th>PSI</th><th>Missing</th><th>Unseen</th><th>Windows</th></tr></thead><tbody>"
    for column in _worst_first(assessment):
        difference = column.difference
        numbers = (
            *(difference.distance.value, difference.distance.at_least, column.allowed),
            *(difference.stability.value, difference.missing.value, difference.unseen.value),
        )
        cells = "".join(f"<td>{number:.3f}</td>" for number in numbers)
        drifts = " class='drift'" if column.name in assessment.drifting else ""
        windows = assessment.streaks.get(column.name, 0)
        yield f"<tr{drifts}><td>{_text(column.name)}</td>{cells}<td>{windows}</td></tr>"
    yield "</tbody></table>"


def _worst_first(assessment: Assessment) -> list[Column]:
    return sorted(assessment.columns, key=lambda column: (-len(column.found), -column.score, column.name))


def _plot(before: Profile, column: Column) -> str:
    labels, first, second = _shares(before, column.profile)
    largest = max(*first, *second, 1e-9)
    step = _WIDTH / len(labels)
    bars = []
    for place, (label, old, new) in enumerate(zip(labels, first, second, strict=True)):
        title = f"<title>{_text(label)}: {old:.1%} in training, {new:.1%} now</title>"
        for shift, kind, share in ((0.08, "before", old), (0.5, "now", new)):
            height = _HEIGHT * share / largest
            left, top = (place + shift) * step, _HEIGHT - height
            size = f"width='{step * 0.42:.1f}' height='{height:.1f}'"
            bars.append(f"<rect class='{kind}' x='{left:.1f}' y='{top:.1f}' {size}>{title}</rect>")
    name = _text(column.name)
    drifts = " class='drift'" if column.found else ""
    return (
        f"<figure><svg role='img' aria-label='{name} in training and now' width='{_WIDTH}' "
        f"height='{_HEIGHT}'>{''.join(bars)}</svg><figcaption><span{drifts}>{name}</span>: "
        f"{_text(labels[0])} to {_text(labels[-1])}; grey in training, blue now</figcaption></figure>"
    )


def _shares(before: Profile, now: Profile) -> tuple[list[str], list[float], list[float]]:
    """Labels of the bars, and the share of each then and now."""
    if isinstance(before, NumberProfile) and isinstance(now, NumberProfile):
        return _number_shares(before, now)
    assert isinstance(before, CategoryProfile)
    assert isinstance(now, CategoryProfile)
    seen = {
        name: before.counts.get(name, 0) + now.counts.get(name, 0) for name in {*before.counts, *now.counts}
    }
    names = sorted(seen, key=lambda name: (-seen[name], name))[:_BARS]
    rest = [profile.present - sum(profile.counts.get(name, 0) for name in names) for profile in (before, now)]
    first = [*(before.counts.get(name, 0) for name in names), rest[0]]
    second = [*(now.counts.get(name, 0) for name in names), rest[1]]
    return [*names, "others"], _over(first), _over(second)


def _number_shares(before: NumberProfile, now: NumberProfile) -> tuple[list[str], list[float], list[float]]:
    known = [
        value
        for profile in (before, now)
        for value in (profile.smallest, profile.largest)
        if not np.isnan(value)
    ]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    bounds = np.linspace(low, high, _BARS + 1)
    ends = np.clip(np.append(before.edges, high), low, high)
    places = np.clip(np.searchsorted(bounds, ends, side="left") - 1, 0, _BARS - 1)
    labels = [f"{start:.4g} to {end:.4g}" for start, end in itertools.pairwise(bounds)]
    first, second = (np.bincount(places, profile.counts, _BARS) for profile in (before, now))
    return labels, _over(first.tolist()), _over(second.tolist())


def _over(counts: list[float] | list[int]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)
