"""What the tests of the feature store share: a small group, its records, and its files."""

from __future__ import annotations

import io
from typing import Any

from pyarrow import parquet as pq

from support.control import BUCKET, ROLE, Cloud, unique, until

DEFINITIONS = [
    {"FeatureName": "carrier", "FeatureType": "String"},
    {"FeatureName": "at", "FeatureType": "String"},
    {"FeatureName": "delay", "FeatureType": "Integral"},
    {"FeatureName": "rate", "FeatureType": "Fractional"},
]
NOON = "2013-09-01T12:00:00Z"
ONE = "2013-09-01T13:00:00.500Z"
TWO = "2013-09-01T14:00:00Z"


def features(**values: str) -> list[dict[str, str]]:
    """A record of these values."""
    return [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]


class Group:
    """A feature group of a sandbox.

    Args:
        cloud: The sandbox.
        request: Members of CreateFeatureGroup's request beside or instead of the usual ones; None leaves a
            member out.
    """

    def __init__(self, cloud: Cloud, **request: Any) -> None:
        self.cloud = cloud
        self.name = unique("Flights")
        usual: dict[str, Any] = {
            "FeatureGroupName": self.name,
            "RecordIdentifierFeatureName": "carrier",
            "EventTimeFeatureName": "at",
            "FeatureDefinitions": DEFINITIONS,
            "OnlineStoreConfig": {"EnableOnlineStore": True},
            "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/features"}},
            "RoleArn": ROLE,
            **request,
        }
        cloud.sagemaker.create_feature_group(
            **{key: value for key, value in usual.items() if value is not None}
        )

    @property
    def runtime(self) -> Any:
        """The client of the runtime."""
        return self.cloud.client("sagemaker-featurestore-runtime")

    def described(self) -> dict[str, Any]:
        """The group as it is described."""
        answer: dict[str, Any] = self.cloud.sagemaker.describe_feature_group(FeatureGroupName=self.name)
        return answer

    def wait(self, status: str = "Created") -> Group:
        """Waits until the group is no longer being made."""
        described = until(
            lambda: (found := self.described())["FeatureGroupStatus"] != "Creating" and found, "the group"
        )
        assert described["FeatureGroupStatus"] == status, described
        return self

    def put(self, **values: str) -> None:
        """Puts a record."""
        self.runtime.put_record(FeatureGroupName=self.name, Record=features(**values))

    def get(self, carrier: str, **arguments: Any) -> dict[str, str] | None:
        """The newest record of a carrier."""
        answer = self.runtime.get_record(
            FeatureGroupName=self.name, RecordIdentifierValueAsString=carrier, **arguments
        )
        found = answer.get("Record")
        return None if found is None else {item["FeatureName"]: item["ValueAsString"] for item in found}

    def delete(self, carrier: str, at: str, **arguments: Any) -> None:
        """Deletes the record of a carrier."""
        self.runtime.delete_record(
            FeatureGroupName=self.name, RecordIdentifierValueAsString=carrier, EventTime=at, **arguments
        )

    def files(self) -> dict[str, bytes]:
        """The files of the offline store by their path below ``data``."""
        uri = self.described()["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
        prefix = uri.removeprefix(f"s3://{BUCKET}/")
        return {
            key.removeprefix(f"{prefix}/"): self.cloud.get(f"s3://{BUCKET}/{key}")
            for key in self.cloud.keys(f"{prefix}/")
        }

    def rows(self, count: int) -> list[dict[str, Any]]:
        """The rows of the offline store, once there are so many, by event time."""

        def found() -> list[dict[str, Any]] | None:
            rows = [
                row for body in self.files().values() for row in pq.read_table(io.BytesIO(body)).to_pylist()
            ]
            return rows if len(rows) >= count else None

        rows: list[dict[str, Any]] = until(found, f"{count} rows in the offline store")
        return sorted(rows, key=lambda row: (row["at"], row["api_invocation_time"]))


def queried(cloud: Cloud, sql: str, database: str) -> list[list[str | None]]:
    """What Athena answers to a query, row by row, without the names of the columns."""
    athena = cloud.client("athena")
    query = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": database},
        ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/athena/"},
    )["QueryExecutionId"]

    def ended() -> Any:
        execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        return execution if execution["Status"]["State"] not in ("QUEUED", "RUNNING") else None

    execution = until(ended, "the query's end")
    assert execution["Status"]["State"] == "SUCCEEDED", execution
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
    rows = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
    return [[cell.get("VarCharValue") for cell in row] for row in rows[1:]]
