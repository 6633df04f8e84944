"""Records of feature groups: their values, their times, and both stores against a plain model."""

from __future__ import annotations

import io
import itertools
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from headway_sandbox.sagemaker.feature_store.event_time import (
    EARLIEST_MS,
    LATEST_MS,
    format_event_time,
    iso,
    moment,
    parse_event_time,
)
from headway_sandbox.sagemaker.feature_store.offline import write_waiting
from headway_sandbox.sagemaker.feature_store.records import RecordStore
from headway_sandbox.sagemaker.feature_store.schema import OFFLINE, ONLINE, FeatureGroup, RecordError, fits

GROUP = FeatureGroup(
    name="flights",
    group_id="flights-1",
    status="Created",
    types={"carrier": "String", "at": "Fractional", "delay": "Integral", "rate": "Fractional"},
    identifier="carrier",
    event_time="at",
    stores=(ONLINE, OFFLINE),
    ttl_ms=None,
)


@pytest.mark.parametrize(
    ("text", "kind", "milliseconds"),
    [
        ("1970-01-01T00:00:00Z", "String", 0),
        ("1969-12-31T23:59:59.999Z", "String", -1),
        ("2020-02-29T12:00:00.250Z", "String", 1_582_977_600_250),
        ("0000-01-01T00:00:00Z", "String", EARLIEST_MS),
        ("9999-12-31T23:59:59.999Z", "String", LATEST_MS),
        ("1593511200", "Fractional", 1_593_511_200_000),
        ("1593511200.1239", "Fractional", 1_593_511_200_123),
        ("1.5935112e9", "Fractional", 1_593_511_200_000),
        ("-0.001", "Fractional", -1),
    ],
)
def test_event_times_are_read(text: str, kind: str, milliseconds: int) -> None:
    assert parse_event_time(text, kind) == milliseconds


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2020-02-30T00:00:00Z", "String"),
        ("2020-02-01", "String"),
        ("2020-02-01T00:00:00", "String"),
        ("2020-02-01T00:00:00+00:00", "String"),
        ("2020-02-01T00:00:00.5Z", "String"),
        ("2020-02-01T24:00:00Z", "String"),
        ("\uff12020-02-01T00:00:00Z", "String"),
        ("1593511200", "String"),
        ("2020-02-01T00:00:00Z", "Fractional"),
        ("NaN", "Fractional"),
        ("1e400", "Fractional"),
        ("253402300800", "Fractional"),
        ("", "Fractional"),
        ("1_0", "Fractional"),
        (" 1", "Fractional"),
        ("\uff11", "Fractional"),
    ],
)
def test_what_is_no_event_time_is_refused_by_its_text(text: str, kind: str) -> None:
    with pytest.raises(ValueError, match="the event time"):
        parse_event_time(text, kind)


@given(st.integers(EARLIEST_MS, LATEST_MS), st.sampled_from(["String", "Fractional"]))
def test_event_times_are_written_as_they_are_read(milliseconds: int, kind: str) -> None:
    assert parse_event_time(format_event_time(milliseconds, kind), kind) == milliseconds
    at = moment(milliseconds)
    assert iso(milliseconds).startswith(f"{at.year:04}-{at.month:02}-{at.day:02}T{at.hour:02}:")


@pytest.mark.parametrize(
    ("value", "kind", "good"),
    [
        ("9223372036854775807", "Integral", True),
        ("9223372036854775808", "Integral", False),
        ("-9223372036854775808", "Integral", True),
        ("1.0", "Integral", False),
        (" 1", "Integral", False),
        ("1_000", "Integral", False),
        ("9" * 10_000, "Integral", False),
        ("1e-3", "Fractional", True),
        (".5", "Fractional", True),
        ("-Infinity", "Fractional", True),
        ("0x10", "Fractional", False),
        ("", "Fractional", False),
        ("", "String", True),
    ],
)
def test_values_are_held_to_their_type(value: str, kind: str, good: bool) -> None:
    assert fits(value, kind) is good


def test_a_record_that_does_not_fit_is_refused_with_every_reason() -> None:
    features: list[dict[str, Any]] = [
        {"FeatureName": "at", "ValueAsString": "yesterday"},
        {"FeatureName": "delay", "ValueAsString": "late"},
        {"FeatureName": "delay", "ValueAsString": "1"},
        {"FeatureName": "gate", "ValueAsString": "1"},
        {"FeatureName": "rate", "ValueAsStringList": ["1"]},
    ]

    with pytest.raises(RecordError) as caught:
        GROUP.record(features)

    for part in (
        "must have the feature carrier",
        "'yesterday'",
        "'late' of the feature delay is not Integral",
        "delay comes more than once",
        "no feature gate",
        "rate is no collection",
    ):
        assert part in str(caught.value)


class PlainStore:
    """What Feature Store's documentation says, as plainly as it can be said."""

    def __init__(self) -> None:
        self.online: dict[str, tuple[int, int | None, dict[str, str] | None]] = {}
        self.offline: list[tuple[str, int, bool]] = []

    def expire(self, now: int) -> None:
        for identifier, (_, expires, _) in sorted(self.online.items()):
            if expires is not None and expires <= now:
                del self.online[identifier]
                self.offline.append((identifier, expires, True))

    def put(self, identifier: str, at: int, values: dict[str, str], targets: Any, ttl: Any, now: int) -> None:
        if ONLINE in targets:
            self.expire(now)
            if identifier not in self.online or self.online[identifier][0] < at:
                self.online[identifier] = (at, None if ttl is None else at + ttl, values)
        if OFFLINE in targets:
            self.offline.append((identifier, at, False))

    def delete(self, identifier: str, at: int, targets: Any, hard: bool, now: int) -> bool:
        if ONLINE in targets:
            newer = identifier not in self._alive(now) or self.online[identifier][0] < at
            if hard and not newer:
                return False
            self.expire(now)
            if hard:
                self.online.pop(identifier, None)
            elif newer:
                self.online[identifier] = (at, None, None)
        if OFFLINE in targets:
            self.offline.append((identifier, at, True))
        return True

    def get(self, identifier: str, now: int) -> dict[str, str] | None:
        return self.online[identifier][2] if identifier in self._alive(now) else None

    def _alive(self, now: int) -> set[str]:
        return {key for key, (_, expires, _) in self.online.items() if expires is None or expires > now}


IDENTIFIERS = st.sampled_from(["UA", "DL", "é "])
TIMES = st.integers(0, 6).map(lambda hours: hours * 1_800_000)
TARGETS = st.sampled_from([(ONLINE, OFFLINE), (ONLINE,), (OFFLINE,)])
CALLS = st.one_of(
    st.tuples(st.just("put"), IDENTIFIERS, TIMES, TARGETS, st.sampled_from([None, 1_800_000, 3_600_000])),
    st.tuples(st.just("delete"), IDENTIFIERS, TIMES, TARGETS, st.booleans()),
    st.tuples(st.just("expire")),
    st.tuples(st.just("write")),
    st.tuples(st.just("write, killed"), st.integers(1, 3)),
    st.tuples(st.just("restart")),
    st.tuples(st.just("wait"), st.integers(1, 3_600_000)),
)


class KilledError(Exception):
    """Stands for the end of the process in the middle of a write."""


class Bucket:
    """Files by path; dies at the n-th upload, before or after the file is there."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.dies_at: int | None = None

    def upload(self, path: str, body: bytes) -> None:
        if self.dies_at is not None:
            self.dies_at -= 1
            if self.dies_at == 0:
                raise KilledError
        self.files[path] = body
        if self.dies_at == 1:
            raise KilledError

    def rows(self) -> list[dict[str, Any]]:
        tables = [pq.read_table(io.BytesIO(body)).to_pylist() for body in self.files.values()]
        return list(itertools.chain.from_iterable(tables))


@settings(deadline=None, max_examples=100)
@given(st.lists(CALLS, max_size=30))
def test_both_stores_behave_as_documented_through_kills(calls: list[tuple[Any, ...]]) -> None:
    plain, bucket, now = PlainStore(), Bucket(), 3_600_000
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "records.sqlite"
        store = RecordStore(path)
        for number, (kind, *arguments) in enumerate(calls):
            if kind == "put":
                identifier, at, targets, ttl = arguments
                values = {"carrier": identifier, "at": str(at / 1000), "delay": str(number)}
                features = [{"FeatureName": key, "ValueAsString": value} for key, value in values.items()]
                store.put(GROUP, GROUP.record(features), targets, ttl, now)
                plain.put(identifier, at, values, targets, ttl, now)
            elif kind == "delete":
                identifier, at, targets, hard = arguments
                try:
                    store.delete(GROUP, identifier, (str(at / 1000), at), targets, now, hard=hard)
                    done = True
                except RecordError:
                    done = False
                assert plain.delete(identifier, at, targets, hard, now) is done
            elif kind == "expire":
                store.expire(GROUP, now)
                plain.expire(now)
            elif kind == "wait":
                now += arguments[0]
            elif kind == "restart":
                store.close()
                store = RecordStore(path)
            else:
                bucket.dies_at = arguments[0] if arguments else None
                try:
                    write_waiting(store, GROUP, bucket.upload, now)
                except KilledError:
                    store.close()
                    store = RecordStore(path)
                bucket.dies_at = None
            for identifier in ("UA", "DL", "é "):
                found = store.get(GROUP, identifier, now)
                assert (None if found is None else found.values) == plain.get(identifier, now)
        while write_waiting(store, GROUP, bucket.upload, now):
            pass
        assert store.groups_waiting() == []
        store.close()
    written = sorted((row["carrier"], round(row["at"] * 1000), row["is_deleted"]) for row in bucket.rows())
    assert written == sorted(plain.offline)
    for path_in_bucket, body in bucket.files.items():
        hours = {int(row["at"]) // 3600 for row in pq.read_table(io.BytesIO(body)).to_pylist()}
        assert len(hours) == 1, path_in_bucket
        assert f"hour={hours.pop():02}/" in path_in_bucket
