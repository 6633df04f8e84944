"""Rows with a known drift, the baseline of the rows before it, and captured traffic, in a test's words."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from headway_components import Feature, FeatureContract, FieldType, InferenceContract
from headway_runtime.contract import (
    CONTRACT_FILE,
    MODEL_FILE,
    PLACEHOLDER,
    SIGNATURE_FILE,
    Contract,
    canonical_json,
    signature_of,
)
from headway_runtime.models.model import Model, load_model
from headway_runtime.monitor.baseline import Baseline, make_baseline
from support.captured_lines import captured_line

SHOPS = FeatureContract(
    name="purchases",
    entity=["purchase"],
    features=[
        Feature(name="amount", type=FieldType.NUMBER, nullable=True),
        Feature(name="country", type=FieldType.STRING, values=["CH", "DE", "FR"]),
        Feature(name="hour", type=FieldType.INTEGER, minimum=0, maximum=23),
        Feature(name="known", type=FieldType.BOOLEAN),
    ],
)
CONTRACT: Contract = InferenceContract.over(SHOPS, name="shop").contract()
FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def rows(
    count: int, seed: int = 0, *, shift: float = 0.0, missing: float = 0.0, abroad: float = 0.0
) -> pa.Table:
    """Purchases: inputs, label and event time.

    Args:
        count: Number of rows.
        seed: Seed of the rows.
        shift: How far the amounts are shifted, in standard deviations.
        missing: Share of the amounts that are missing.
        abroad: Share of the countries that nobody knew before.
    """
    random = np.random.default_rng(seed)
    amount = random.normal(50, 10, count) + shift * 10
    country = random.choice(["CH", "DE", "FR"], count, p=[0.5, 0.3, 0.2])
    return pa.table(
        {
            "amount": pa.array(amount, mask=random.random(count) < missing),
            "country": np.where(random.random(count) < abroad, "US", country).tolist(),
            "hour": pa.array(random.integers(0, 24, count), pa.int64()),
            "known": pa.array(random.random(count) < 0.5),
            "label": pa.array(random.random(count) < 0.25).cast(pa.int8()),
            "event_time": pa.array(
                [FIRST + timedelta(minutes=place) for place in range(count)], pa.timestamp("us", "UTC")
            ),
        }
    )


def placeholder() -> Model:
    """A model that answers the same always."""
    return load_model(
        {
            MODEL_FILE: canonical_json({"kind": PLACEHOLDER, "value": 0.5}),
            CONTRACT_FILE: canonical_json(CONTRACT.document()),
            SIGNATURE_FILE: canonical_json(signature_of(CONTRACT)),
        }
    )


def baseline_of(table: pa.Table) -> Baseline:
    """The baseline of training rows for the placeholder."""
    return make_baseline(placeholder(), table, "sha256:rows")


def csv_row(row: dict[str, Any]) -> str:
    """A row as a caller sends it."""
    texts = {None: "", True: "true", False: "false"}
    cells = [row[name] for name in CONTRACT.input_names]
    return ",".join(texts[cell] if cell is None or isinstance(cell, bool) else str(cell) for cell in cells)


def captured(
    table: pa.Table, *, answers: Sequence[float] | None = None, encoding: str = "CSV", first_event: int = 0
) -> bytes:
    """Requests with their answers as SageMaker captures them, one row each."""
    lines = []
    for place, row in enumerate(table.to_pylist()):
        answer = "0.5" if answers is None else repr(answers[place])
        at = f"2026-03-01T00:{place // 60 % 60:02}:{place % 60:02}Z"
        event = f"event-{first_event + place}"
        lines.append(captured_line(csv_row(row), answer, event=event, at=at, encoding=encoding))
    return "".join(f"{line}\n" for line in lines).encode()
