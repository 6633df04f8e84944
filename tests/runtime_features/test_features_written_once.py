"""One expression in every mode: in a batch, on request, and through the text that the feature store holds."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_runtime.features.materialize import new_rows
from headway_runtime.features.on_request import OnRequest, RequestError
from headway_runtime.features.records import RecordError, from_record, to_record
from headway_runtime.features.right_in_time import RightInTime, Stored, assemble
from headway_runtime.features.skew import inference_id
from headway_runtime.features.transformation import ComputedFeature, Transformation, TransformationError
from headway_runtime.jobs import JobError

AT = datetime(2024, 5, 1, 12, tzinfo=UTC)
ORDERS = Transformation(
    name="orders",
    source="orders",
    columns={"customer": "VARCHAR", "at": "TIMESTAMPTZ", "cents": "BIGINT", "rate": "DOUBLE"},
    keys={"customer": "orders.customer"},
    event_time="orders.at",
    features=(
        ComputedFeature(name="amount_usd", type="number", sql="orders.cents / 100"),
        ComputedFeature(name="cents", type="integer", sql="orders.cents", nullable=True),
        ComputedFeature(name="tier", type="string", sql="CASE WHEN orders.cents > 500 THEN 'big' END"),
        ComputedFeature(name="scaled", type="number", sql="orders.rate * 1.1", nullable=True),
    ),
    ttl_s=3_600,
)


@pytest.fixture(scope="module")
def on_request() -> Iterator[OnRequest]:
    made = OnRequest(ORDERS)
    yield made
    made.close()


def batch(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    types = {"customer": pa.string(), "at": pa.timestamp("us", "UTC"), "cents": pa.int64()}
    schema = pa.schema(types | {"rate": pa.float64()})
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("orders", pa.Table.from_pylist(rows, schema))
        return list(new_rows(connection, ORDERS, None, AT + timedelta(days=36_500)))


ROW = st.fixed_dictionaries(
    {
        "customer": st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8),
        "at": st.integers(0, 2**40).map(
            lambda ms: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
        ),
        "cents": st.one_of(st.none(), st.integers(-(2**53), 2**53)),
        "rate": st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=False)),
    }
)


def same(left: object, right: object) -> bool:
    both_nan = isinstance(left, float) and isinstance(right, float) and math.isnan(left) and math.isnan(right)
    return both_nan or (left == right and type(left) is type(right))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ROW)
def test_batch_request_and_store_are_the_same_to_the_last_bit(
    on_request: OnRequest, row: dict[str, Any]
) -> None:
    (computed,) = batch([row])
    at, asked = on_request.compute(row)
    assert at == computed["event_time"]
    assert all(same(asked[name], computed[name]) for name in asked)
    if not any(value == -math.inf for value in computed.values()):
        stored_at, stored = from_record(ORDERS, to_record(ORDERS, computed))
        assert stored_at == computed["event_time"]
        assert all(same(stored[name], computed[name]) for name in stored)


def test_a_request_is_told_everything_that_it_lacks(on_request: OnRequest) -> None:
    with pytest.raises(
        RequestError, match=r"lacks at \(TIMESTAMPTZ\), rate \(DOUBLE\); a missing value is null"
    ):
        on_request.compute({"customer": "ann", "cents": 1})
    with pytest.raises(RequestError, match=r"cannot be read: .*'soon'"):
        on_request.compute({"customer": "ann", "cents": "soon", "at": AT, "rate": 1.0})
    with pytest.raises(RequestError, match="has no time"):
        on_request.compute({"customer": "ann", "cents": 1, "at": None, "rate": 1.0})


def test_what_no_record_can_hold_is_refused() -> None:
    (row,) = batch([{"customer": "ann", "at": AT, "cents": 1, "rate": 1.0}])
    with pytest.raises(RecordError, match="has no customer"):
        to_record(ORDERS, row | {"customer": None})
    with pytest.raises(RecordError, match="-Infinity"):
        to_record(ORDERS, row | {"scaled": -math.inf})
    with pytest.raises(RecordError, match="cannot be read"):
        from_record(ORDERS, [{"FeatureName": "event_time", "ValueAsString": "noon"}])


def test_a_feature_reads_only_the_declared_columns() -> None:
    leaky = ComputedFeature(name="late", type="integer", sql="orders.refunded")
    spied = Transformation(
        name="orders", source="orders", columns=ORDERS.columns, keys=ORDERS.keys,
        event_time=ORDERS.event_time, features=(leaky,),
    )  # fmt: skip
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE orders AS "
            "SELECT 'a' AS customer, now() AS at, 1 AS cents, 1.0 AS rate, 1 AS refunded"
        )
        with pytest.raises(duckdb.BinderException, match="refunded"):
            connection.sql(spied.sql())


def test_every_problem_of_a_transformation_is_said_at_once() -> None:
    with pytest.raises(TransformationError) as raised:
        Transformation(
            name="Orders", source="o-1", columns={}, keys={"id": "o.id"}, event_time="o.at",
            features=(ComputedFeature(name="ID", type="date", sql="o.id"),),
        )  # fmt: skip
    for words in ("name is 'Orders'", "'o-1' is no name", "id comes more than once", "ID has type 'date'"):
        assert words in str(raised.value)


def test_code_and_contracts_have_to_name_the_same_groups() -> None:
    plan = RightInTime(
        name="t", labels=ORDERS, label="true", stored=(Stored(ORDERS, {"customer": "customer"}),)
    )
    with duckdb.connect() as connection, pytest.raises(JobError) as raised:
        assemble(connection, plan, AT, {"payments-v1": "sha256:0"})
    assert "computes orders-v1, which is not among" in str(raised.value)
    assert "takes payments-v1, which the code does not compute" in str(raised.value)


def test_an_inference_id_is_no_longer_than_sagemaker_allows() -> None:
    assert inference_id(["UA12"], AT, "7f") == f"UA12~{round(AT.timestamp() * 1000)}~7f"
    with pytest.raises(ValueError, match="up to 64 characters"):
        inference_id(["x" * 60], AT)
    with pytest.raises(ValueError, match="no ~"):
        inference_id(["a~b"], AT)
