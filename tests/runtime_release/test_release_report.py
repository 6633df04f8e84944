"""What a look measures, what the judge makes of it, what the report says and who is told: tables."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from headway_components import ReleasePlan
from headway_runtime.judge import Counts, JudgePlan, Levels, Pairs, Phase, StageObservation, assess
from headway_runtime.release.comparison import Comparison
from headway_runtime.release.costs import Prices, cost_per_thousand_usd
from headway_runtime.release.herald import Herald
from headway_runtime.release.labels import Quality, log_loss, read_label
from headway_runtime.release.measure import Meter, Span, VariantCounts, error_counts, latency_counts
from headway_runtime.release.observer import earlier_stretches, observation_document, observation_of
from headway_runtime.release.records import Release
from headway_runtime.release.report import bar, chart, report_document, report_markdown
from headway_runtime.release.settings import Settings

SPAN_START = "2026-02-01T12:00:10+00:00"
RELEASE = Release(
    system="flight-delay",
    release_id="2026-02-01T12:00:00+00:00-abc",
    status="running",
    model_package_arn="arn:aws:sagemaker:us-east-1:000000000000:model-package/flight-delay/2",
    champion="model-a",
    challenger="model-b",
    why="1,000 challenger requests, no metric worse",
    serving="shape-a",
    desired="shape-b",
    metrics=[
        {
            "metric": "errors",
            "standing": "no worse",
            "why": "challenger errors 0 of 9 against 0 of 9",
            "log_evidence": math.log(0.5),
            "log_threshold": math.log(200),
        },
        {"metric": "memory", "standing": "no worse", "why": "challenger memory 1 %", "log_evidence": None},
    ],
    arrived_at="2026-02-01T12:00:10+00:00",
    at="2026-02-01T12:01:10+00:00",
)


def client(service: str) -> Any:
    return boto3.client(
        service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


@pytest.mark.parametrize(
    ("since", "now", "period_s", "seconds"),
    [
        (SPAN_START, "2026-02-01T12:03:50+00:00", 60, 120),
        (SPAN_START, "2026-02-01T12:00:50+00:00", 60, 0),
        (SPAN_START, "2026-02-01T12:00:15+00:00", 1, 5),
        ("2026-02-01T12:00:00+00:00", "2026-02-01T12:01:00+00:00", 60, 60),
        (SPAN_START, "2026-02-01T11:00:00+00:00", 60, 0),
    ],
)
def test_only_whole_periods_are_counted(since: str, now: str, period_s: int, seconds: int) -> None:
    span = Span.between(since, now, period_s)

    assert span.end - span.start == timedelta(seconds=seconds)
    assert span.is_empty is (seconds == 0)


def test_an_error_that_was_published_before_its_request_is_one_request() -> None:
    counts = error_counts(VariantCounts(requests=5, errors=6), VariantCounts(requests=9, errors=2))

    assert (counts.champion_requests, counts.champion_bad) == (6, 6)
    assert (counts.challenger_requests, counts.challenger_bad) == (9, 2)
    slow = latency_counts(VariantCounts(answered=8, slow=1), VariantCounts(answered=4, slow=4))
    assert (slow.champion_requests, slow.challenger_bad) == (8, 4)


@pytest.mark.parametrize(
    ("spent", "answered", "mean_us"), [([3e6, 1e6], [300.0, 100.0], 1e4), ([], [], None)]
)
def test_the_mean_of_an_answer_is_over_all_periods(
    spent: list[float], answered: list[float], mean_us: float | None
) -> None:
    cloudwatch = client("cloudwatch")
    times = [datetime(2026, 2, 1, tzinfo=UTC)] * len(spent)
    results = [
        {"Id": name, "Values": values, "Timestamps": times}
        for name, values in (("spent", spent), ("answered", answered))
    ]
    with Stubber(cloudwatch) as stub:
        stub.add_response("get_metric_data", {"MetricDataResults": results})
        meter = Meter(cloudwatch, "fraud")
        span = Span.between(SPAN_START, "2026-02-01T12:03:50+00:00", 60)

        assert meter.mean_latency_us("challenger", span) == mean_us
    assert meter.mean_latency_us("challenger", Span.between(SPAN_START, SPAN_START, 60)) is None


@pytest.mark.parametrize(
    ("prices", "latency_us", "tokens", "usd"),
    [
        (Prices(instance_hour_usd=3.6), 1_000.0, [], 0.001),
        (Prices(instance_hour_usd=3.6), None, [], None),
        (Prices(million_input_tokens_usd=1.0, million_output_tokens_usd=4.0), None, [(100, 50)] * 2, 0.3),
        (Prices(million_output_tokens_usd=4.0), 1_000.0, [], None),
        (Prices(instance_hour_usd=3.6, million_input_tokens_usd=1.0), 1_000.0, [(1_000, 9)], 1.001),
        (Prices(), 1_000.0, [(100, 50)], None),
    ],
)
def test_costs(
    prices: Prices, latency_us: float | None, tokens: list[tuple[int, int]], usd: float | None
) -> None:
    assert cost_per_thousand_usd(prices, latency_us, tokens) == (None if usd is None else pytest.approx(usd))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ('{"groundTruthData": {"data": "1"}, "eventMetadata": {"eventId": "a"}}', ("a", [1.0])),
        (
            '{"groundTruthData": {"data": "MSww", "encoding": "BASE64"}, "eventMetadata": {"eventId": "a"}}',
            ("a", [1.0, 0.0]),
        ),
        ('{"groundTruthData": {"data": "late"}, "eventMetadata": {"eventId": "a"}}', None),
        ('{"groundTruthData": {"data": "inf"}, "eventMetadata": {"eventId": "a"}}', None),
        ('{"groundTruthData": {"data": ""}, "eventMetadata": {"eventId": "a"}}', None),
        ('{"groundTruthData": {"data": "1"}}', None),
        ("[1]", None),
    ],
)
def test_a_label_is_read_or_left_out(text: str, label: tuple[str, list[float]] | None) -> None:
    assert read_label(text.encode()) == label


def test_the_logarithmic_loss_is_of_probabilities_alone() -> None:
    assert log_loss([(0.5, 1.0), (0.5, 0.0)]) == pytest.approx(0.693, abs=1e-3)
    assert log_loss([(0.0, 1.0)]) == pytest.approx(27.6, abs=0.1)
    assert log_loss([(12.5, 11.0)]) is None
    assert log_loss([]) is None


def judged(document: dict[str, Any], **seen: Any) -> Phase:
    """The verdict on a shadow in which only one metric was measured."""
    plan = JudgePlan.from_document(ReleasePlan.load(document).document())
    observation = StageObservation(stage=0, elapsed_s=60, challenger_requests=2_000, **seen)
    return assess([observation], plan).phase


COST = {"metrics": [{"name": "cost_per_thousand_usd", "tolerance_ratio": 1.5}]}
PRICED = {**COST, "prices": {"instance_hour_usd": 1.0}}
CAPPED = {
    "metrics": [{"name": "cost_per_thousand_usd", "ceiling": 0.5}],
    "prices": {"million_output_tokens_usd": 4},
}
LABELLED = {"metrics": [{"name": "quality", "acceptable_pct": 10}], "labels": {}}


def right(challenger: tuple[int, int], champion: tuple[int, int]) -> dict[str, Any]:
    counts = Counts(
        challenger_requests=challenger[1],
        challenger_bad=challenger[0],
        champion_requests=champion[1],
        champion_bad=champion[0],
    )
    return {"arms": {"quality": counts}}


@pytest.mark.parametrize(
    ("document", "seen", "phase"),
    [
        (PRICED, {"values": {}}, Phase.RUNNING),
        (PRICED, {"values": {"cost_per_thousand_usd": 0.2}}, Phase.RUNNING),
        (
            PRICED,
            {
                "values": {"cost_per_thousand_usd": 0.2},
                "champion_values": {"cost_per_thousand_usd": 0.15},
            },
            Phase.PASSED,
        ),
        (
            PRICED,
            {"values": {"cost_per_thousand_usd": 0.2}, "champion_values": {"cost_per_thousand_usd": 0.1}},
            Phase.FAILED,
        ),
        (CAPPED, {"values": {"cost_per_thousand_usd": 0.4}}, Phase.PASSED),
        (CAPPED, {"values": {"cost_per_thousand_usd": 0.6}}, Phase.FAILED),
        (LABELLED, {}, Phase.RUNNING),
        (LABELLED, right((0, 0), (40, 900)), Phase.RUNNING),
        (LABELLED, right((40, 900), (40, 900)), Phase.PASSED),
        (LABELLED, right((300, 900), (40, 900)), Phase.FAILED),
    ],
)
def test_cost_and_quality_are_judged_and_never_healthy_without_data(
    document: dict[str, Any], seen: dict[str, Any], phase: Phase
) -> None:
    assert judged(document, **seen) is phase


def test_what_was_observed_survives_the_record() -> None:
    counts = Counts(challenger_requests=9, challenger_bad=1, champion_requests=8, champion_bad=0)
    seen = StageObservation(
        stage=1,
        elapsed_s=3.5,
        challenger_requests=9,
        arms={"errors": counts},
        pairs={"divergence": Pairs(compared=5, bad=1)},
        slices={"divergence": {"country=CH": Pairs(compared=2, bad=1)}},
        values={"cost_per_thousand_usd": 0.1},
        champion_values={"cost_per_thousand_usd": 0.2},
        missing={"quality": "no label"},
    )

    assert observation_of(json.loads(json.dumps(observation_document(seen)))) == seen


def test_the_time_in_each_earlier_stage_is_known_from_the_history() -> None:
    def entry(minute: int, what: str, stage: int, position: str = "stage") -> dict[str, Any]:
        return {
            "at": f"2026-02-01T12:{minute:02}:00+00:00",
            "what": what,
            "stage": stage,
            "position": position,
        }

    history = [
        entry(0, "arrived", 0, "baseline"),
        entry(1, "to shadow", 0),
        entry(2, "move", 0),
        entry(3, "arrived", 0),
        entry(9, "to 1", 1),
        entry(10, "arrived", 1),
    ]
    found = earlier_stretches(replace(RELEASE, history=history), 60)

    assert list(found) == [0]
    assert found[0].until is not None
    assert [found[0].since.minute, found[0].until.minute] == [3, 9]


LATENCY_US = {
    "champion": {"p50": 8_000.0, "p99": 20_000.0, "p95": 9_000.0},
    "challenger": {"p50": 4_000.0, "p99": 2_900_000.0, "p95": None},
}
USES = {"memory": Levels(challenger=[0.2, 0.4], champion=[]), "processor": Levels()}
COUNTS = Counts(challenger_requests=1_000, challenger_bad=3, champion_requests=2_000, champion_bad=1)
COMPARED = Comparison(
    malformed=COUNTS,
    pairs=Pairs(compared=900, bad=90),
    slices={f"carrier={number:02}": Pairs(compared=100, bad=number) for number in range(25)},
    differences=[800, 50, 20, 10, 0, 0, 0, 0, 10, 10],
    largest=0.93,
)


def document(**members: Any) -> dict[str, Any]:
    seen = StageObservation(
        stage=0, elapsed_s=60, challenger_requests=1_000, arms={"errors": COUNTS, "output_format": COUNTS}
    )
    release = replace(RELEASE, observations=[observation_document(seen)])
    found: dict[str, Any] = {
        "compared": COMPARED,
        "quality": Quality(wrong=COUNTS, champion_log_loss=0.5, challenger_log_loss=0.4),
        "latency_us": LATENCY_US,
        "uses": USES,
        "tokens": {"champion": (10, 1_000, 400), "challenger": (10, 1_000, 600)},
        "costs": {"champion": {"cost": 0.2}, "challenger": {"cost": 0.15}},
        "copied_percent": 50,
        "goes_on": True,
        **members,
    }
    return report_document(release, **found)


@pytest.mark.parametrize(
    "says",
    [
        "# Shadow of model-b",
        "It goes on to users: 1,000 challenger requests, no metric worse.",
        "| release | 2026-02-01T12:00:00+00:00-abc of flight-delay |",
        "| challenger | arn:aws:sagemaker:us-east-1:000000000000:model-package/flight-delay/2 |",
        "| time | 2026-02-01T12:00:10+00:00 to 2026-02-01T12:01:10+00:00 |",
        "| copied | 50 % of the requests; nobody got the challenger's answers |",
        "| errors | no worse | 0.5 | 200 | challenger errors 0 of 9 against 0 of 9 |",
        "| memory | no worse |  |  | challenger memory 1 % |",
        "| half of the answers within | 8 ms | 4 ms | -4 ms | `█▅` |",
        "| 99 of 100 within | 20 ms | 2,900 ms | +2,880 ms | `▁█` |",
        "| failed answers | 1 of 2,000 | 3 of 1,000 | | |",
        "| malformed answers | 1 of 2,000 | 3 of 1,000 | | |",
        "| tokens written for an answer | 40 | 60 | +20 | `▆█` |",
        "| cost of a thousand answers | 0.2 USD | 0.15 USD | -0.05 USD | `█▆` |",
        "| wrong answers, of those with a label | 1 of 2,000 | 3 of 1,000 | | |",
        "| logarithmic loss | 0.5 | 0.4 | -0.1 | `█▇` |",
        "| memory | not measured | 30 % `▅█` |",
        "Answers to 900 rows by both; 90 of 900 diverge.",
        "Difference of the answers, 0 to 0.93: `█▁▁▁▁▁▁▁▁▁`",
        "| carrier=24 | 100 | 24 % | ████████████████████ |",
        "| carrier=12 | 100 | 12 % | ██████████ |",
        "5 more slices diverge less.",
    ],
)
def test_the_report_shows_both_models_side_by_side(says: str) -> None:
    assert says in report_markdown(document())


@pytest.mark.parametrize(
    ("members", "says", "not_said"),
    [
        ({"compared": None}, "Nothing is captured, so the answers were not compared.", "diverge"),
        (
            {"compared": replace(COMPARED, pairs=Pairs(compared=0, bad=0), slices={})},
            "No answer of both models to the same request was captured.",
            "| slice |",
        ),
        (
            {"compared": replace(COMPARED, differences=[900], largest=0.0, slices={})},
            "Both answer the same to each of them.",
            "Difference of the answers",
        ),
        ({"goes_on": False}, "It is turned back: 1,000 challenger", "It goes on"),
        ({"copied_percent": None}, "# Shadow", "copied"),
        ({"quality": None}, "# Shadow", "label"),
        ({"tokens": None}, "# Shadow", "tokens"),
        ({"costs": {"champion": {}, "challenger": {"cost": 0.15}}}, "| | 0.15 USD | | |", "-0.05"),
        ({"latency_us": {}, "uses": {}}, "| failed answers |", "within"),
    ],
)
def test_the_report_leaves_out_what_nobody_measured(
    members: dict[str, Any], says: str, not_said: str
) -> None:
    text = report_markdown(document(**members))

    assert says in text
    assert not_said not in text


def test_programs_read_the_same_report() -> None:
    read = json.loads(json.dumps(document()))

    assert read["comparison"]["slices"]["carrier=24"] == {"compared": 100, "bad": 24}
    assert read["cost_per_thousand_usd"] == {"champion": 0.2, "challenger": 0.15}
    assert read["tokens"]["challenger"] == {"answers": 10, "read": 1_000, "written": 600}
    assert report_markdown(read) == report_markdown(document())


@pytest.mark.parametrize(
    ("values", "bars"), [([], ""), ([0, 0], "▁▁"), ([1, 8], "▂█"), ([0.5, 1.0], "▅█"), ([3], "█")]
)
def test_charts(values: list[float], bars: str) -> None:
    assert chart(values) == bars


@pytest.mark.parametrize(("value", "largest", "length"), [(0, 5, 0), (5, 5, 20), (0.001, 5, 1), (1, 0, 0)])
def test_bars_show_little_as_something_and_nothing_as_nothing(
    value: float, largest: float, length: int
) -> None:
    assert len(bar(value, largest)) == length


SETTINGS = Settings(
    system="flight-delay",
    prefix="flight-delay-prod",
    endpoint="flight-delay-prod",
    role_arn="",
    group="",
    table="",
    release_plan_parameter="",
    form="{}",
    metrics_period_s="60",
    data_bucket="data",
    audit_bucket="audit",
    topic_arn="arn:aws:sns:us-east-1:000000000000:releases",
    keep_versions="true",
    poll_s="15",
    switch="",
)
KEY = "releases/flight-delay-prod/2026-02-01T120000+0000-abc/release.json"


@pytest.mark.parametrize(
    ("status", "topic", "told"),
    [
        ("running", SETTINGS.topic_arn, None),
        ("waiting", SETTINGS.topic_arn, "flight-delay: waiting"),
        ("rolled_back", SETTINGS.topic_arn, "flight-delay: rolled back"),
        ("promoted", SETTINGS.topic_arn, "flight-delay: promoted"),
        ("promoted", "", None),
    ],
)
def test_every_decision_is_kept_and_sent_and_people_are_told_what_matters(
    status: str, topic: str, told: str | None
) -> None:
    events, sns, s3 = client("events"), client("sns"), client("s3")
    release = replace(RELEASE, status=status)
    sent = {
        "Source": "headway.release",
        "DetailType": "Headway Release Decision",
        "Detail": ANY,
        "Resources": [release.model_package_arn],
    }
    with Stubber(events) as on_events, Stubber(sns) as on_sns, Stubber(s3) as on_s3:
        on_s3.add_response("put_object", {}, {"Bucket": "audit", "Key": KEY, "Body": ANY})
        on_events.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": [sent]})
        if told is not None:
            message = f"{release.why}\n\nServing: shape-a\nRelease: {release.release_id}"
            on_sns.add_response("publish", {}, {"TopicArn": topic, "Subject": told, "Message": message})
        Herald(replace(SETTINGS, topic_arn=topic), events, sns, s3).tell(release)
        for stub in (on_events, on_sns, on_s3):
            stub.assert_no_pending_responses()
