"""A shop with customers, and everything that a system keeps about them, on a sandbox."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headway_cli.aws import Aws
from headway_cli.systems import System
from headway_components import (
    Feature,
    FeatureContract,
    FeatureServing,
    FieldType,
    InferenceContract,
    PersonalData,
)
from headway_components._grants import LIST_BUCKET, READ_OBJECTS, WRITE_OBJECTS
from headway_components.feature_store import ERASE_BUCKET, ERASE_OBJECTS, ERASE_RECORDS, ERASE_SESSION
from headway_runtime.data.manifest import dataset_version
from headway_runtime.features.control.steps import REPORT_FILE
from headway_runtime.monitor.labels import Label, entity_key
from headway_runtime.monitor.ledger import Ledger, write_ledger
from headway_runtime.monitor.ledger_rows import Prediction, Waiting
from headway_runtime.quality.outcome import BatchOutcome, Check, TableOutcome, document
from headway_runtime.quality.page import page
from headway_runtime.review.item import Item
from headway_runtime.review.queue import ReviewQueue
from support.captured_lines import captured_line
from support.control import until

PREFIX = "shop-local"
CODE = """
from headway_runtime.features.right_in_time import RightInTime, Stored
from headway_runtime.features.transformation import ComputedFeature, Transformation

ORDERS = Transformation(
    name="orders",
    source="orders",
    columns={"id": "VARCHAR", "buyer": "VARCHAR", "amount": "DOUBLE", "at": "TIMESTAMPTZ"},
    keys={"order": "orders.id"},
    event_time="orders.at",
    features=(
        ComputedFeature(name="customer", type="string", sql="orders.buyer"),
        ComputedFeature(name="amount", type="number", sql="orders.amount"),
    ),
)
CUSTOMERS = Transformation(
    name="customers",
    source="customers",
    columns={"id": "VARCHAR", "age": "BIGINT", "at": "TIMESTAMPTZ"},
    keys={"customer": "customers.id"},
    event_time="customers.at",
    features=(ComputedFeature(name="age_y", type="integer", sql="customers.age"),),
)


def tables():
    yield from ()


def build(connection, data_dir):
    return RightInTime(
        name="shop",
        labels=ORDERS,
        label="orders.amount > 10",
        stored=(Stored(CUSTOMERS, keys={"customer": "customer"}),),
    )
"""
ORDERS = FeatureContract(
    name="orders",
    entity=["order"],
    features=[
        Feature(name="customer", type=FieldType.STRING),
        Feature(name="amount", type=FieldType.NUMBER),
    ],
)
CUSTOMERS = FeatureContract(
    name="customers",
    entity=["customer"],
    features=[
        Feature(
            name="age_y",
            type=FieldType.INTEGER,
            personal_data=PersonalData(purposes=["sales"], retention_d=30),
        )
    ],
    served=FeatureServing.STORED,
    ttl_s=100 * 365 * 86_400,
)
BUCKETS = ("data", "artifacts", "capture", "features", "audit")
DAY = "2026/01/05"


def parquet(rows: Mapping[str, Sequence[Any]]) -> bytes:
    """A file of rows."""
    file = io.BytesIO()
    pq.write_table(pa.table(dict(rows)), file, compression="zstd")
    return file.getvalue()


def captured(request: str, rows: Sequence[str], event: str = "") -> str:
    """A captured request about rows of CSV."""
    return captured_line(
        "".join(f"{row}\n" for row in rows),
        "".join(f"0.{place + 1}\n" for place in range(len(rows))),
        event=event or f"event-{request}",
        inference_id=request,
        at="2026-01-05T12:00:00Z",
    )


def label(request: str, *values: str) -> str:
    """A line of labels."""
    return json.dumps(
        {
            "groundTruthData": {"data": "\n".join(values), "encoding": "CSV"},
            "eventMetadata": {"eventId": request},
            "eventVersion": "0",
        }
    )


class Shop:
    """The shop.

    Args:
        aws: Clients of a sandbox.
        place: Folder for the program.
    """

    def __init__(self, aws: Aws, place: Path) -> None:
        self.aws, self.program = aws, place
        (place / "shop_code.py").write_text(CODE)
        s3 = aws.client("s3")
        for bucket in BUCKETS:
            # The bucket of traffic can lock objects, as an account's own policy may want it.
            s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=bucket == "capture")
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        aws.client("dynamodb").create_table(
            TableName="answers",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "review_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "review_id", "AttributeType": "S"}],
        )
        aws.client("sagemaker").create_feature_group(
            FeatureGroupName=f"{PREFIX}-customers-v1",
            RecordIdentifierFeatureName="customer",
            EventTimeFeatureName="event_time",
            FeatureDefinitions=[
                {"FeatureName": "customer", "FeatureType": "String"},
                {"FeatureName": "event_time", "FeatureType": "Fractional"},
                {"FeatureName": "age_y", "FeatureType": "Integral"},
            ],
            OnlineStoreConfig={"EnableOnlineStore": True},
            OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://features/customers-v1"}},
            RoleArn=self._writer(),
        )
        described = until(
            lambda: (found := self.described())["FeatureGroupStatus"] == "Created" and found, "the group"
        )
        uri = described["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
        self.system = System(
            name="shop",
            endpoint_name=PREFIX,
            base_endpoint_config_name=PREFIX,
            contract_digest="",
            feature_code="shop_code:build",
            eraser_role_arn=self._eraser(),
            ingest_code="shop_code:tables",
            data_bucket="data",
            artifacts_bucket="artifacts",
            capture_bucket="capture",
            audit_bucket="audit",
            review={"table_name": "answers", "function_name": "review", "lease_s": 60},
            contract=InferenceContract.over([ORDERS], name="shop").document(),
            features=[
                {"label": "orders-v1", "contract": ORDERS.plain()},
                {
                    "label": "customers-v1",
                    "contract": CUSTOMERS.plain(),
                    "group_name": f"{PREFIX}-customers-v1",
                    "offline_uri": uri,
                },
            ],
        )

    def _writer(self) -> str:
        """The role that SageMaker writes history in."""
        iam = self.aws.client("iam")
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        role = iam.create_role(
            RoleName="writer", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
        )["Role"]
        may = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::features*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may]})
        iam.put_role_policy(RoleName="writer", PolicyName="write", PolicyDocument=policy)
        return str(role["Arn"])

    def _eraser(self) -> str:
        """The role of the component, with what it grants and nothing else."""
        iam, place = self.aws.client("iam"), "arn:aws:s3:::features"
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:RoleSessionName": ERASE_SESSION}},
        }
        role = iam.create_role(
            RoleName="eraser", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
        )["Role"]
        group = f"arn:aws:sagemaker:us-east-1:000000000000:feature-group/{PREFIX}-customers-v1"
        grants = [
            (ERASE_RECORDS, group),
            ((*READ_OBJECTS, *WRITE_OBJECTS, *ERASE_OBJECTS), f"{place}/customers-v1/*"),
            ((*LIST_BUCKET, *ERASE_BUCKET), place),
        ]
        statements = [
            {"Effect": "Allow", "Action": list(actions), "Resource": where} for actions, where in grants
        ]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName="eraser", PolicyName="erase", PolicyDocument=policy)
        return str(role["Arn"])

    def described(self) -> dict[str, Any]:
        """The feature group."""
        found: dict[str, Any] = self.aws.client("sagemaker").describe_feature_group(
            FeatureGroupName=f"{PREFIX}-customers-v1"
        )
        return found

    def put(self, bucket: str, key: str, content: bytes | str) -> None:
        """Puts an object."""
        body = content.encode() if isinstance(content, str) else content
        self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)

    def get(self, bucket: str, key: str) -> bytes:
        """What readers get."""
        body: bytes = self.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def table(self, bucket: str, key: str) -> list[dict[str, Any]]:
        """Rows of a Parquet file."""
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(self.get(bucket, key))).to_pylist()
        return rows

    def record(self, customer: str, age: int, at: float) -> None:
        """Puts a record, online and offline."""
        values = {"customer": customer, "event_time": repr(at), "age_y": str(age)}
        self.aws.client("sagemaker-featurestore-runtime").put_record(
            FeatureGroupName=f"{PREFIX}-customers-v1",
            Record=[{"FeatureName": name, "ValueAsString": value} for name, value in values.items()],
        )

    def online(self, customer: str) -> bool:
        """Whether there is a record online."""
        answer = self.aws.client("sagemaker-featurestore-runtime").get_record(
            FeatureGroupName=f"{PREFIX}-customers-v1", RecordIdentifierValueAsString=customer
        )
        return bool(answer.get("Record"))

    def history(self) -> list[dict[str, Any]]:
        """Rows of the offline store, by customer and age."""
        listed = self.aws.client("s3").list_objects_v2(Bucket="features").get("Contents", [])
        rows = [row for item in listed for row in self.table("features", item["Key"])]
        return sorted(rows, key=lambda row: (row["customer"], row["age_y"]))

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """Every version of every object, unpacked where it is packed, and every answer in review."""
        s3 = self.aws.client("s3")
        for bucket in BUCKETS:
            for page_ in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for item in page_.get("Versions", []):
                    where = {"Key": item["Key"], "VersionId": item["VersionId"]}
                    body = s3.get_object(Bucket=bucket, **where)["Body"].read()
                    yield f"{bucket}/{item['Key']}", _plain(item["Key"], body)
        for answer in ReviewQueue(self.aws.client("dynamodb"), "answers").all():
            yield f"review/{answer.review_id}", json.dumps(answer.document()).encode()

    def holding(self, text: str) -> list[str]:
        """Where a text still is."""
        return sorted({where for where, body in self.everything() if text.encode() in body})

    def fill(self) -> None:
        """Puts data of customers c-1, c-2 and c-3 everywhere."""
        for number, customer in enumerate(("c-1", "c-2", "c-1", "c-3")):
            self.record(customer, 30 + number, 1_767_571_200.0 + number)
        until(lambda: len(self.history()) >= 4, "the records offline")
        self._raw()
        self._bad()
        self._datasets()
        self._traffic()

    def _raw(self) -> None:
        landing = f"{PREFIX}/landing"
        self.put("data", f"{landing}/README.txt", "Batches land here.\n")
        self.put("data", f"{landing}/orders/1.csv", 'id,buyer,amount\r\no1,c-1,5\r\no2,"c-2","6,0"\r\n')
        # Overwritten, so the person is in an old version only.
        self.put("data", f"{landing}/orders/2.csv", "id,buyer,amount\no3,c-1,5\n")
        self.put("data", f"{landing}/orders/2.csv", "id,buyer,amount\no4,c-3,5\n")
        self.put(
            "data", f"{landing}/orders/3.csv.gz", gzip.compress(b"id,buyer,amount\no5,c-1,1\no6,c-2,2\n")
        )
        self.put("data", f"{landing}/customers/1.parquet", parquet({"id": ["c-1"], "age": [30]}))
        # An order that is called like the person is somebody else's.
        self.put("data", f"{landing}/orders/4.csv", "id,buyer,amount\nc-1-order,c-2,5\n")

    def _bad(self) -> None:
        values = [{"id": "'o1'", "buyer": "'c-1'"}, {"id": "'o2'", "buyer": "'c-2'"}]
        check = Check(
            name="amount: range",
            value="2 rows fail",
            allowed="at least 0",
            passed=True,
            fix="correct it",
            failing_rows=2,
            examples=[{"batch": "orders/1.csv", "row": 1, "values": item} for item in values],
        )
        batch = BatchOutcome(name="orders/1.csv", digest="d", state="accepted")
        outcome = TableOutcome(table="orders", rows=1, checks=[check], batches=[batch])
        files = {
            "orders/rows/1.csv.parquet": parquet({"headway_row": [1, 2], "buyer": ["c-1", "c-2"]}),
            "orders/batches/5.csv": b"id,buyer\no7,c-1\no8,c-3\n",
            "quality.json": json.dumps(document([outcome], set_aside=True)).encode(),
            "quality.html": page("Data that arrived", [outcome]).encode(),
        }
        for name, content in files.items():
            self.put("data", f"{PREFIX}/set-aside/e1/{name}", content)
            self.put("data", f"{PREFIX}/quarantine/e1/{name}", content)
        receipt = {"files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}}
        self.put("data", f"{PREFIX}/quarantine/e1/receipt.json", json.dumps(receipt))

    def _datasets(self) -> None:
        content = parquet({"id": ["o1", "o2"], "buyer": ["c-1", "c-2"], "amount": [5.0, 6.0]})
        path = "orders/month=2026-01/part-0.parquet"
        files = {path: hashlib.sha256(content).hexdigest()}
        tables = {"orders": {"rows": 2, "columns": {}, "time_column": "at", "files": files}}
        manifest = {"tables": tables, "dataset_version": dataset_version(tables)}
        run = f"{PREFIX}/executions/e1"
        self.put("data", f"{run}/dataset/{path}", content)
        self.put("data", f"{run}/dataset/manifest.json", json.dumps(manifest))
        rows: dict[str, list[Any]] = {
            "customer": ["c-1", "c-3"],
            "amount": [5.0, 7.0],
            "label": [0, 1],
        }
        self.put("data", f"{run}/train/train.parquet", parquet(rows))

    def _traffic(self) -> None:
        lines = [
            captured("r1", ["c-1,5"]),
            captured("r2", ["c-2,6", "c-1,7", "c-3,8"]),
            captured("r3", ["c-2,9"]),
            "{broken c-1",
            "{broken c-2",
        ]
        self.put("capture", f"{PREFIX}/{PREFIX}/champion/{DAY}/12/1.jsonl", "\n".join(lines) + "\n")
        lines = [label("r1", "1"), label("r2", "0", "1", "1"), label("r3", "1")]
        self.put("artifacts", f"monitoring/{PREFIX}/labels/1.jsonl", "\n".join(lines) + "\n")
        examples = [{"id": name, "sent": "1", "history": "2"} for name in ("r1", "r2", "r3")]
        skew = {"rows": 3, "features": {"amount": {"different": 3, "largest": None, "examples": examples}}}
        self.put("artifacts", f"skew/{PREFIX}/runs/s1/report/{REPORT_FILE}", json.dumps(skew))
        ledger = Ledger(
            {("r2", place): Prediction(("r2", place), 0.5, 1.0, slices=("x",)) for place in range(3)},
            [Waiting(Label("", 0, entity_key({"customer": name}), 2.0, 1), 3.0) for name in ("c-1", "c-2")],
        )
        path = self.program / "ledger.parquet"
        write_ledger(ledger, path)
        self.put("artifacts", f"monitoring/{PREFIX}/runs/w1/report/ledger.parquet", path.read_bytes())
        # Nothing but the request leads to the person.
        write_ledger(Ledger({("r1", 0): Prediction(("r1", 0), 0.5, 1.0)}), path)
        self.put("artifacts", f"monitoring/{PREFIX}/runs/w0/report/ledger.parquet", path.read_bytes())
        queue = ReviewQueue(self.aws.client("dynamodb"), "answers")
        now = datetime.now(UTC).timestamp()
        for place, customer in enumerate(("c-2", "c-1", "c-3")):
            queue.add(
                Item(
                    review_id=f"v{place}",
                    inference_id="r2",
                    place=place,
                    asked_at=now,
                    answer=0.5,
                    confidence=0.5,
                    inputs={"customer": customer, "amount": 1.0},
                    personal=(),
                    wanted=1,
                    created_at=now,
                    expires_at=now + 3_600,
                )
            )


def _plain(key: str, body: bytes) -> bytes:
    if key.endswith(".gz"):
        return gzip.decompress(body)
    if key.endswith(".parquet"):
        return repr(pq.read_table(io.BytesIO(body)).to_pylist()).encode()
    return body
