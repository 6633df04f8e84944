"""What was captured is counted once, however it lies in files, and each file is read once."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_runtime.release.captured import Captured, Form, read_line
from headway_runtime.release.comparison import Comparison, compare_answers
from headway_runtime.release.labels import compare_quality
from headway_runtime.release.reading import Reader, Stretch, captured_sample
from headway_runtime.release.sample import Sample
from support.captured_lines import captured_line
from support.release_world import BUCKET, World

FORM = Form(inputs=["amount", "country"], output="probability")
NOON = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)


def line(
    key: str,
    answer: str = "0.25",
    row: str = "12.5,CH",
    *,
    at: datetime = NOON,
    inference_id: str | None = None,
) -> bytes:
    """A line of a capture file, as SageMaker writes it."""
    at_s = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    return captured_line(row, answer, event=key, at=at_s, inference_id=inference_id).encode()


def label_line(key: str, label: str) -> bytes:
    """A line of ground truth, as SageMaker reads it."""
    document = {
        "groundTruthData": {"data": label, "encoding": "CSV"},
        "eventMetadata": {"eventId": key},
        "eventVersion": "0",
    }
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("text", "key", "rows", "answers"),
    [
        (line("a"), "a", [{"country": "CH"}], [0.25]),
        (line("a", inference_id="b"), "b", [{"country": "CH"}], [0.25]),
        (line("a", "0.1\n0.2", "1,CH\n2,DE"), "a", [{"country": "CH"}, {"country": "DE"}], [0.1, 0.2]),
        (line("a", "nan"), "a", [{"country": "CH"}], None),
        (line("a", "no number"), "a", [{"country": "CH"}], None),
        (line("a", "0.5", "1,CH,more"), "a", [], [0.5]),
    ],
)
def test_a_line_is_a_request_with_what_is_wanted_of_it(
    text: bytes, key: str, rows: list[dict[str, str]], answers: list[float] | None
) -> None:
    request = read_line(text, FORM, ["country"])

    assert request is not None
    assert (request.key, request.rows, request.answers, request.at) == (key, rows, answers, NOON)


@pytest.mark.parametrize("text", [b"", b"no json", b"[]", b'{"eventMetadata": {}}', line("a")[:-20]])
def test_what_is_no_capture_is_left_out(text: bytes) -> None:
    assert read_line(text, FORM, []) is None


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input_tokens": 12, "output_tokens": 30}, (12, 30)),
        ({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}, (5, 7)),
        ({"total_tokens": 12}, None),
        (None, None),
    ],
)
def test_tokens_are_read_where_an_answer_counts_them(
    usage: dict[str, int] | None, tokens: tuple[int, int] | None
) -> None:
    document = json.loads(line("a"))
    answer = json.dumps({"text": "well", "usage": usage})
    output = {"observedContentType": "application/json", "data": answer, "encoding": "JSON"}
    document["captureData"]["endpointOutput"] = output
    request = read_line(json.dumps(document).encode(), FORM, [])

    assert request is not None
    assert request.tokens == tokens


KEYS = st.integers(0, 60).map(str)
ANSWERS = st.sampled_from(["0.1", "0.6", "0.95", "broken"])
LINES = st.lists(st.builds(line, KEYS, ANSWERS, st.sampled_from(["1,CH", "2,DE"])), max_size=80)


def taken(lines: Sequence[bytes], most: int) -> dict[str, Captured]:
    sample: Sample[Captured] = captured_sample(most)
    for text in lines:
        request = read_line(text, FORM, ["country"])
        assert request is not None
        sample.add(request.key, request)
    return dict(sample.items())


def compared(champion: Sequence[bytes], challenger: Sequence[bytes], most: int) -> Comparison:
    return compare_answers(taken(champion, most), taken(challenger, most), 0.3, ["country"])


@settings(deadline=None)
@given(champion=LINES, challenger=LINES, most=st.integers(1, 70), data=st.data())
def test_neither_order_nor_splitting_nor_repeated_files_change_what_is_counted(
    champion: list[bytes], challenger: list[bytes], most: int, data: st.DataObject
) -> None:
    def again(lines: list[bytes]) -> list[bytes]:
        """The same lines in files of another size and order, some of them twice."""
        size = data.draw(st.integers(1, 9))
        files = [lines[start : start + size] for start in range(0, len(lines), size)]
        twice = data.draw(st.lists(st.sampled_from(files), max_size=3)) if files else []
        return [text for file in data.draw(st.permutations([*files, *twice])) for text in file]

    known = compared(champion, challenger, most)

    assert compared(again(champion), again(challenger), most) == known
    assert known.malformed.champion_requests <= most
    assert known.malformed.challenger_requests <= most


@settings(deadline=None)
@given(keys=st.sets(st.integers(0, 10**6).map(str), min_size=50, max_size=300))
def test_a_sample_of_pairs_keeps_both_halves(keys: set[str]) -> None:
    both = [taken([line(key) for key in sorted(keys)], 40) for _ in range(2)]

    assert both[0].keys() == both[1].keys()
    assert 0 < len(both[0]) <= 40


def test_all_is_kept_while_it_is_little_and_half_of_it_from_then_on() -> None:
    sample: Sample[Captured] = captured_sample(1_000)
    shares = []
    for number in range(1_500):
        request = read_line(line(str(number)), FORM, [])
        assert request is not None
        sample.add(request.key, request)
        shares.append(sample.share)

    assert (shares[999], shares[-1]) == (1.0, 0.5)
    assert len(sample.items()) == pytest.approx(750, abs=100)


@contextmanager
def counted_reads(s3: Any) -> Iterator[list[str]]:
    """The objects that are read meanwhile."""
    read: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        read.append(params["Key"])

    s3.meta.events.register("before-parameter-build.s3.GetObject", note)
    try:
        yield read
    finally:
        s3.meta.events.unregister("before-parameter-build.s3.GetObject", note)


def test_each_look_reads_what_is_new_and_a_fresh_function_sees_the_same(world: World) -> None:
    s3, place = world.clients("s3"), f"reading-{world.settings.prefix}"

    def put(hour: str, name: str, *lines: bytes) -> None:
        s3.put_object(Bucket=BUCKET, Key=f"{place}/champion/{hour}/{name}.jsonl", Body=b"\n".join(lines))

    def look(reader: Reader, minutes: int) -> list[str]:
        found = reader.captured(
            f"s3://{BUCKET}/{place}", "champion", stretch, ["country"], NOON + timedelta(minutes=minutes)
        )
        return sorted(found)

    stretch = Stretch(release_id="r", stage=1, since=NOON)
    warm, cold = Reader(s3, FORM), Reader(s3, FORM)
    put("2026/02/01/11", "59-58", line("opened before", at=NOON), line("too old", at=NOON - timedelta(1)))
    put("2026/02/01/12", "10-00", line("first"), line("second"))
    with counted_reads(s3) as read:
        seen = [look(warm, 11)]
        put("2026/02/01/12", "10-30", line("third"), line("first"))
        # Its name comes before the others', and its hour is over.
        put("2026/02/01/12", "00-01", line("late"))
        seen += [look(warm, 75), look(warm, 75)]
    over = Stretch(release_id="r", stage=1, since=NOON, until=NOON)

    assert seen[0] == ["first", "opened before", "second"]
    assert seen[1] == seen[2] == ["first", "late", "opened before", "second", "third"]
    assert len(read) == len(set(read)) == 4
    assert look(cold, 75) == seen[2]
    assert dict(cold.captured(f"s3://{BUCKET}/{place}", "champion", over, [], NOON)) == {}


def test_labels_are_joined_with_the_answers_that_they_are_for(world: World) -> None:
    s3, place = world.clients("s3"), f"labels-{world.settings.prefix}"
    lines = [label_line("a", "1"), label_line("b", "0"), label_line("unknown", "1"), b"no label", b"{}"]
    s3.put_object(Bucket=BUCKET, Key=f"{place}/2026/02/01/13/x.jsonl", Body=b"\n".join(lines))
    labels = Reader(s3, FORM).labels(f"s3://{BUCKET}/{place}", "r", NOON, NOON + timedelta(hours=2))
    champion = taken([line("a", "0.9"), line("b", "0.2"), line("not yet", "0.9")], 10)
    challenger = taken([line("a", "0.3"), line("b", "broken")], 10)

    quality = compare_quality(champion, challenger, labels, 0.5)

    assert (quality.wrong.champion_bad, quality.wrong.champion_requests) == (0, 2)
    assert (quality.wrong.challenger_bad, quality.wrong.challenger_requests) == (2, 2)
    assert quality.champion_log_loss == pytest.approx(0.164, abs=1e-3)
    assert quality.challenger_log_loss is None
