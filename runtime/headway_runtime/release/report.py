"""What the shadow showed, for people: Markdown with small charts made of text."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from headway_runtime.judge import Levels
from headway_runtime.judge.words import count, percent, share
from headway_runtime.release.comparison import Comparison
from headway_runtime.release.records import Release

_BARS = "▁▂▃▄▅▆▇█"
_SLICES_SHOWN = 20


def report_markdown(release: Release, compared: Comparison | None, uses: Mapping[str, Levels]) -> str:
    """The report of a shadow stage.

    Args:
        release: The release, with what each metric said at the last look.
        compared: How the answers of both models differ; None where nothing is captured.
        uses: What both used of their machines, by what it is.
    """
    return "\n".join((*_lines(release, compared), *_uses(uses))) + "\n"


def _lines(release: Release, compared: Comparison | None) -> Iterator[str]:
    yield f"# Shadow of {release.challenger}"
    yield ""
    yield f"Champion: {release.champion}. {release.why}"
    yield ""
    yield "| metric | says | figures |"
    yield "|---|---|---|"
    for metric in release.metrics:
        yield f"| {metric['metric']} | {metric['standing']} | {metric['why']} |"
    if compared is None:
        yield ""
        yield "Nothing is captured, so the answers were not compared."
        return
    yield ""
    pairs = compared.pairs
    if not pairs.compared:
        yield "No answer of both models to the same request was captured."
        return
    yield f"Answers to {count(pairs.compared)} rows by both; {share(pairs.bad, pairs.compared)} diverge."
    yield ""
    yield f"Difference of the answers, 0 to {compared.largest:.3g}: `{chart(compared.differences)}`"
    if compared.slices:
        yield from _slices(compared)


def _uses(uses: Mapping[str, Levels]) -> Iterator[str]:
    """What both used of their machines; nothing where nobody measured it."""
    known = {name: use for name, use in uses.items() if use.challenger}
    if not known:
        return
    yield ""
    yield "| used of the machine | challenger | champion |"
    yield "|---|---|---|"
    for name, use in known.items():
        yield f"| {name} | {_level(use.challenger)} | {_level(use.champion)} |"


def _level(levels: Sequence[float]) -> str:
    return f"{percent(median(levels))} `{chart(levels)}`" if levels else "not measured"


def _slices(compared: Comparison) -> Iterator[str]:
    worst = sorted(
        compared.slices.items(), key=lambda item: (-item[1].bad / max(1, item[1].compared), item[0])
    )
    yield ""
    yield "| slice | rows | diverge |"
    yield "|---|---|---|"
    for place, pairs in worst[:_SLICES_SHOWN]:
        yield f"| {place} | {count(pairs.compared)} | {percent(pairs.bad / max(1, pairs.compared))} |"
    if len(worst) > _SLICES_SHOWN:
        yield ""
        yield f"{len(worst) - _SLICES_SHOWN} more slices diverge less."


def chart(values: Sequence[float]) -> str:
    """Numbers as a row of bars.

    Args:
        values: The numbers, 0 or more.
    """
    largest = max(values, default=0)
    if not largest:
        return _BARS[0] * len(values)
    return "".join(_BARS[round(value / largest * (len(_BARS) - 1))] for value in values)
