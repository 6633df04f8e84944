"""Skew, measured again and again on a sandbox: none, one that was planted, and what is left out."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headway_components import FeatureContract, InferenceContract, SkewPlan, _told_alarm, skew_monitor
from headway_components._skew_steps import SkewSteps, skew_pipeline
from headway_runtime.data.ingest import ingest
from headway_runtime.data.table import Table
from headway_runtime.features.control import steps
from headway_runtime.features.control.settings import Settings
from headway_runtime.features.control.steps import OvertakenError, SkewWatch
from headway_runtime.features.skew import METRIC, inference_id
from headway_runtime.monitor.control.window import CapturedFile
from headway_sandbox import lifecycle
from support.captured_lines import captured_line
from support.control import until
from support.example_system import LOCAL_IMAGE
from support.functions import function_zip
from support.sandboxes import client, sandbox

ROLE = "arn:aws:iam::000000000000:role/any"
PLACE = "shop-local"
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
CAPTURED = f"{PLACE}/{PLACE}/champion/{datetime.now(UTC):%Y/%m/%d/%H}"
SHOP = """
from headway_runtime.features.right_in_time import RightInTime, Stored
from headway_runtime.features.transformation import ComputedFeature, Transformation

ORDERS = Transformation(
    name="orders",
    source="orders",
    columns={"shopper": "VARCHAR", "ordered_at": "TIMESTAMPTZ", "cents": "BIGINT"},
    keys={"shopper": "orders.shopper"},
    event_time="orders.ordered_at",
    features=(
        ComputedFeature(name="amount", type="number", sql="orders.cents / 100.0"),
        ComputedFeature(name="hour", type="integer", sql="hour(orders.ordered_at)"),
    ),
)
VISITS = Transformation(
    name="visits",
    source="visits",
    columns={"visitor": "VARCHAR", "seen_at": "TIMESTAMPTZ", "pages": "BIGINT"},
    keys={"visitor": "visits.visitor"},
    event_time="visits.seen_at",
    features=(ComputedFeature(name="pages", type="integer", sql="visits.pages"),),
)


def build(connection, data_dir):
    stored = (Stored(VISITS, keys={"visitor": "shopper"}),)
    return RightInTime(name="shop", labels=ORDERS, label="orders.cents > 1000", stored=stored)
"""
CODE = {"shop/__init__.py": "", "shop/features.py": SHOP}
DECLARED: dict[str, Any] = {}
exec(SHOP, DECLARED)
CONTRACT = InferenceContract.over(
    [
        FeatureContract.over(DECLARED[name], code=f"shop.features:{name}", owner="shop", description=name)
        for name in ("ORDERS", "VISITS")
    ],
    name="shop",
)


def at(order: int) -> datetime:
    return FIRST + timedelta(minutes=17 * order)


def captured(orders: Mapping[int, float], name: str | None = None) -> bytes:
    """Requests about orders, by their number, with the amount that was sent."""
    lines = []
    for order, amount in orders.items():
        about = inference_id([f"s{order}"], at(order)) if name is None else name
        lines.append(
            captured_line(
                f"{amount},{at(order).hour},{order}",
                "0.5",
                event=f"e{order}",
                inference_id=about,
                at="2026-03-02T10:00:00Z",
            )
        )
    return "".join(f"{line}\n" for line in lines).encode()


class World:
    """One endpoint's traffic, its history, and the pipeline that compares them."""

    def __init__(self, endpoint_url: str) -> None:
        self.endpoint_url = endpoint_url

    def client(self, service: str) -> Any:
        return client(self.endpoint_url, service)

    def put(self, bucket: str, key: str, body: bytes) -> None:
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)

    def prepare(self) -> None:
        for bucket in ("data", "artifacts", "capture"):
            self.client("s3").create_bucket(Bucket=bucket)
        for name, text in CODE.items():
            self.put("artifacts", f"code/1/{name}", text.encode())
        self.put("artifacts", "contracts/1/contract.json", json.dumps(CONTRACT.document()).encode())
        settings = {
            "variant": "champion",
            "capture_bucket": "capture",
            "capture_prefix": PLACE,
            "data_bucket": "data",
            "data_prefix": PLACE,
            "work_bucket": "artifacts",
            "work_prefix": f"skew/{PLACE}",
            "delay_s": "0.0",
        }
        function = self.client("lambda").create_function(
            FunctionName="skew",
            Runtime="python3.12",
            Handler=skew_monitor.HANDLER,
            Role=ROLE,
            Timeout=60,
            Code={"ZipFile": function_zip(*skew_monitor.CODE)},
            Environment={"Variables": {f"HEADWAY_{key.upper()}": value for key, value in settings.items()}},
        )["FunctionArn"]
        definition = skew_pipeline(
            SkewSteps(
                endpoint=PLACE,
                plan=SkewPlan(),
                features="shop.features:build",
                personal=False,
                image=LOCAL_IMAGE,
                role_arn=ROLE,
                key_arn=self.client("kms").create_key()["KeyMetadata"]["Arn"],
                function_arn=function,
                code_uri="s3://artifacts/code/1",
                contract_uri="s3://artifacts/contracts/1",
                subnets=(),
                security_groups=(),
            )
        )
        self.client("sagemaker").create_pipeline(
            PipelineName=PLACE,
            PipelineDefinition=json.dumps(definition),
            RoleArn=ROLE,
            ClientRequestToken="s" * 32,
        )
        self.client("cloudwatch").put_metric_alarm(
            AlarmName=PLACE,
            Namespace=skew_monitor.NAMESPACE,
            MetricName=skew_monitor.METRIC,
            Dimensions=[{"Name": "EndpointName", "Value": PLACE}],
            Statistic="Maximum",
            ComparisonOperator="GreaterThanThreshold",
            Threshold=0.01,
            Period=_told_alarm.PERIOD_S,
            EvaluationPeriods=1,
            TreatMissingData=_told_alarm.QUIET,
        )

    def remember(self, directory: Path, orders: int) -> None:
        """A dataset as the step that ingests leaves it."""
        rows = {
            "shopper": [f"s{order}" for order in range(orders)],
            "ordered_at": pa.array([at(order) for order in range(orders)], pa.timestamp("us", "UTC")),
            "cents": [order * 33 for order in range(orders)],
        }
        seen = {
            "visitor": rows["shopper"],
            "seen_at": pa.array(
                [at(order) - timedelta(hours=1) for order in range(orders)], pa.timestamp("us", "UTC")
            ),
            "pages": list(range(orders)),
        }
        ingest(
            [Table("orders", pa.table(rows), "ordered_at"), Table("visits", pa.table(seen), "seen_at")],
            directory,
        )
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                key = f"{PLACE}/executions/1/dataset/{path.relative_to(directory).as_posix()}"
                self.put("data", key, path.read_bytes())

    def compare(self) -> dict[str, Any]:
        """Runs the pipeline once; what is remembered afterwards."""
        sagemaker = self.client("sagemaker")
        arn = sagemaker.start_pipeline_execution(PipelineName=PLACE)["PipelineExecutionArn"]

        def ended() -> str | None:
            found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
            return None if found == "Executing" else str(found)

        status = until(ended, "the end of the comparison", 60)
        listed = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        said = [step.get("FailureReason") for step in listed["PipelineExecutionSteps"]]
        assert status == "Succeeded", said
        found = self.client("s3").list_objects_v2(Bucket="artifacts", Prefix=f"skew/{PLACE}/state.json")
        if not found["KeyCount"]:
            return {"history": []}
        body = self.client("s3").get_object(Bucket="artifacts", Key=f"skew/{PLACE}/state.json")["Body"]
        state: dict[str, Any] = json.loads(body.read())
        return state

    def alarm(self) -> str:
        (found,) = self.client("cloudwatch").describe_alarms(AlarmNames=[PLACE])["MetricAlarms"]
        return str(found["StateValue"])

    def newest(self, *dimensions: dict[str, str]) -> float:
        """The largest share that was published of the endpoint, or of one feature."""
        now = datetime.now(UTC)
        found = self.client("cloudwatch").get_metric_statistics(
            Namespace=skew_monitor.NAMESPACE,
            MetricName=METRIC,
            Dimensions=[{"Name": "EndpointName", "Value": PLACE}, *dimensions],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=3_600,
            Statistics=["Maximum"],
        )
        return max(float(point["Maximum"]) for point in found["Datapoints"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with sandbox(tmp_path_factory.mktemp("skew-sandbox")) as record:
        made = World(lifecycle.aws_environment(record)["AWS_ENDPOINT_URL"])
        made.prepare()
        yield made


def test_a_planted_skew_is_measured_and_rings_and_none_is_quiet(world: World, tmp_path: Path) -> None:
    right = {order: order * 33 / 100 for order in range(60)}
    world.put("capture", f"{CAPTURED}/0.jsonl", captured({order: right[order] for order in range(40)}))
    assert world.compare()["history"] == []  # nothing is known yet, and nothing is lost

    world.remember(tmp_path, 55)
    (quiet,) = world.compare()["history"]
    assert (quiet["rows"], quiet["different"], quiet["unknown"]) == (40, 0, 0)
    assert (world.newest(), world.alarm() == "ALARM") == (0.0, False)

    planted = {order: right[order] + (0.01 if order % 5 == 0 else 0) for order in range(40, 60)}
    world.put("capture", f"{CAPTURED}/1.jsonl", captured(planted))
    world.put("capture", f"{CAPTURED}/2.jsonl", captured({70: 1.0}, "no order"))
    _, found = world.compare()["history"]
    assert (found["rows"], found["different"], found["unnamed"], found["unknown"]) == (15, 3, 1, 5)
    assert "3 of 15 rows differ from history" in found["sentence"]
    assert world.newest() == world.newest({"Name": "Feature", "Value": "amount"}) == 0.2
    assert world.newest({"Name": "Feature", "Value": "hour"}) == 0.0
    until(lambda: world.alarm() == "ALARM", "the alarm")

    assert len(world.compare()["history"]) == 2  # what was compared is compared no more


class Remembered:
    """AWS as the function sees it."""

    def __init__(self) -> None:
        self.files: list[CapturedFile] = []
        self.values: dict[str, Any] = {}
        self.metrics: list[Mapping[str, Any]] = []

    def listed(self, bucket: str, prefix: str, cursor: str = "") -> list[CapturedFile]:
        assert (bucket, prefix) == ("data", "shop/executions/")
        return [
            CapturedFile(f"shop/executions/{run}/dataset/manifest.json", written_at)
            for run, written_at in (("new", 9.0), ("old", 1.0))
        ]

    def captured(self, bucket: str, prefix: str, cursor: str) -> list[CapturedFile]:
        assert (bucket, prefix) == ("capture", "shop/shop-endpoint/champion/")
        return [file for file in self.files if file.key > cursor]

    def read(self, bucket: str, key: str) -> tuple[dict[str, Any], str] | None:
        return (self.values[key], str(len(json.dumps(self.values[key])))) if key in self.values else None

    def write(self, bucket: str, key: str, value: object) -> None:
        self.values[key] = json.loads(json.dumps(value))

    def replace(self, bucket: str, key: str, value: object, tag: str) -> bool:
        known = self.read(bucket, key)
        if (known[1] if known else "") != tag:
            return False
        self.write(bucket, key, value)
        return True

    def put_metrics(self, namespace: str, data: list[Mapping[str, Any]]) -> None:
        assert namespace == steps.NAMESPACE
        self.metrics += data


def test_each_file_is_compared_once_when_history_can_know_it() -> None:
    cloud, now = Remembered(), [10 * 86_400.0]
    told = Settings(
        variant="champion",
        capture_bucket="capture",
        capture_prefix="shop",
        data_bucket="data",
        data_prefix="shop",
        work_bucket="work",
        work_prefix="skew/shop",
        delay_s="86400",
    )
    watch = SkewWatch(told, cloud, lambda: now[0])  # type: ignore[arg-type] # only what it asks
    place = "shop/shop-endpoint/champion/1970/01"
    hours = {f"{place}/{day:02}/00/{day}.jsonl": (day - 1) * 86_400.0 for day in (8, 9, 10, 11)}
    cloud.files = [CapturedFile(key, written_at) for key, written_at in hours.items()]

    def files(run: str) -> list[str]:
        found: list[str] = cloud.values[f"skew/shop/runs/{run}/request.json"]["files"]
        return [key.rpartition("/")[2] for key in found]

    def report(run: str) -> None:
        found = {"sentence": run, "rows": 1, "different": 0, "unnamed": 0, "unknown": 0, "metrics": []}
        cloud.values[f"skew/shop/runs/{run}/report/skew.json"] = found

    first = watch.plan("killed", "shop-endpoint")
    assert (first["ready"], first["data_uri"]) == ("yes", "s3://data/shop/executions/new/dataset")
    for run in ("two", "three"):
        watch.plan(run, "shop-endpoint")
        report(run)
        assert files(run) == files("killed") == ["8.jsonl", "9.jsonl", "10.jsonl"]
    assert watch.record("two") == watch.record("two") == {"sentence": "two"}
    with pytest.raises(OvertakenError, match="three was overtaken"):
        watch.record("three")

    waiting = watch.plan("four", "shop-endpoint")
    assert (waiting["ready"], waiting["why"].partition("; ")[2][:12]) == ("no", "1 files wait")
    assert cloud.metrics[-1]["MetricName"] == "ComparedRows"
    late = CapturedFile(f"{place}/11/00/0-late.jsonl", now[0])
    cloud.files.append(late)
    now[0] += 86_400
    watch.plan("five", "shop-endpoint")
    assert sorted(files("five")) == ["0-late.jsonl", "11.jsonl"]
    with pytest.raises(FileNotFoundError, match=r"report/skew\.json is missing"):
        watch.record("five")
