"""Whatever a system may write to is looked at when a person goes, or holds no rows."""

import json
from pathlib import Path
from typing import Any

from headway_runtime.erasure.captured import Traces
from headway_runtime.erasure.places import Layout, places_of
from headway_runtime.erasure.signs import Signs
from headway_runtime.erasure.subject import Identity, Subject

GRAPH = Path(__file__).resolve().parents[1] / "components/golden/max.json"
BUCKET = "arn:aws:s3:::fraud-foundation-"
HOLD_NO_ROWS = {
    "artifacts/baselines/": "profiles of columns",
    "artifacts/evaluations/": "measures of a model",
    "artifacts/models/": "models",
    "audit/releases/": "what was decided on which counts",
    "audit/trail/": "who called what",
}
HOLD_NOBODY = {"system": "records of releases", "review_id": "answers in review, which are looked at"}


def graph() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(GRAPH.read_text("utf-8"))
    return found


def written() -> set[str]:
    """Beginnings of keys, behind the noun of their bucket, that any role or service may write below."""
    policies = [item["inputs"].get("policy") for item in graph()]
    statements = [one for policy in policies if isinstance(policy, dict) for one in policy["Statement"]]
    allowed = [one for one in statements if one["Effect"] == "Allow" and "s3:PutObject" in one["Action"]]
    resources = [one["Resource"] for one in allowed]
    return {
        resource.removeprefix(BUCKET).removesuffix("*")
        for found in resources
        for resource in ([found] if isinstance(found, str) else found)
    }


def test_every_place_that_is_written_is_looked_at_or_holds_no_rows() -> None:
    subject = Subject({"customer": "c"}, (Identity("customers-v2", {"customer": "c"}),))
    layout = Layout(
        prefix="fraud-prod",
        data="data",
        artifacts="artifacts",
        capture="capture",
        inputs=["amount"],
        groups={"customers-v2": "s3://features/customers-v2/data"},
    )
    places = [f"{place.bucket}/{place.prefix}" for place in places_of(layout, subject, Traces(Signs(())))]
    forgotten = {
        prefix
        for prefix in written()
        if not any(place.startswith(prefix) or prefix.startswith(place) for place in places)
        and not prefix.startswith(tuple(HOLD_NO_ROWS))
    }

    assert len(written()) > 8
    assert forgotten == set()


def test_what_is_found_by_requests_alone_is_never_taken_for_clean() -> None:
    """A label that was looked at before its request was known is looked at again."""
    subject = Subject({"customer": "c"}, (Identity("customers-v2", {"customer": "c"}),))
    layout = Layout("p", "data", "artifacts", "capture", [], {})

    places = places_of(layout, subject, Traces(Signs(())))

    assert {place.name for place in places if place.follows} == {"labels", "reports on skew", "monitor"}
    assert [place.name for place in places if place.carries] == ["monitor", "captured traffic"]


def test_every_table_is_looked_at_or_holds_nobody() -> None:
    tables = [item["inputs"]["hashKey"] for item in graph() if item["type"].endswith("table:Table")]

    assert set(tables) == set(HOLD_NOBODY)
