"""The part of the report for people that the labels are about: measures, calibration, slices."""

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SIZE = 180
_SLICES = 10


def quality_section(quality: Mapping[str, Any]) -> str:
    """What the labels say, as HTML; empty where none came.

    Args:
        quality: The quality of a window as JSON values.
    """
    if not quality["rows"]:
        return ""
    return "".join(
        (
            f"<h2>Quality of {quality['rows']} labelled answers</h2>",
            *_measures(quality),
            _reliability(quality["reliability"]),
            *_slices(quality["slices"]),
        )
    )


def _measures(quality: Mapping[str, Any]) -> Iterator[str]:
    yield "<table><thead><tr><th>Measure</th><th>Value</th><th>99 % interval</th><th>Beyond, at least</th>"
    yield "<th>Allowed</th><th>Held against</th></tr></thead><tbody>"
    for name, item in quality["measures"].items():
        changed = " class='drift'" if name in quality["changed"] else ""
        yield (
            f"<tr{changed}><td>{_text(name)}</td><td>{_number(item['value'])}</td>"
            f"<td>{_number(item['low'])} to {_number(item['high'])}</td><td>{_number(item['at_least'])}</td>"
            f"<td>{_number(item['limit'])}</td><td>{_text(item['expected'])}</td></tr>"
        )
    yield "</tbody></table>"


def _reliability(groups: Sequence[Mapping[str, float]]) -> str:
    """Mean answer to the right, share of positives upwards; a calibrated model lies on the diagonal."""
    most = max([*(item["mean_answer"] for item in groups), *(item["label_share"] for item in groups), 1e-9])
    dots = "".join(
        f"<circle class='now' r='4' cx='{_SIZE * item['mean_answer'] / most:.1f}' "
        f"cy='{_SIZE * (1 - item['label_share'] / most):.1f}'><title>{item['rows']} rows answered "
        f"{item['mean_answer']:.1%} on the average, {item['label_share']:.1%} were positive</title></circle>"
        for item in groups
    )
    return (
        f"<figure><svg role='img' aria-label='Calibration' width='{_SIZE}' height='{_SIZE}' "
        f"overflow='visible'><line x1='0' y1='{_SIZE}' x2='{_SIZE}' y2='0' stroke='#8c959f'/>{dots}</svg>"
        f"<figcaption>Calibration: mean answer and share of positives, 0 to {most:.2f}; a calibrated model "
        "lies on the line</figcaption></figure>"
    )


def _slices(slices: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not slices:
        return
    yield "<table><thead><tr><th>Slice</th><th>Rows</th><th>Positives</th><th>Mean answer</th>"
    yield "<th>Log loss</th><th>Miscalibrated by at least</th></tr></thead><tbody>"
    for item in slices[:_SLICES]:
        yield (
            f"<tr><td>{_text(item['column'])} {_text(item['value'])}</td><td>{item['rows']}</td>"
            f"<td>{item['label_share']:.1%}</td><td>{item['mean_answer']:.1%}</td>"
            f"<td>{item['log_loss']:.4f}</td><td>{item['miscalibrated_by_at_least']:.3f}</td></tr>"
        )
    yield "</tbody></table>"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _text(value: object) -> str:
    return html.escape(str(value), quote=True)
