"""The Glue table of an offline store, so that Athena can ask it."""

from __future__ import annotations

import contextlib
from typing import Any

from headway_sandbox.sagemaker.feature_store.offline import ADDED_COLUMNS
from headway_sandbox.sagemaker.protocol import Document

CATALOG = "AwsDataCatalog"
DATABASE = "sagemaker_featurestore"

_COLUMN_TYPES = {"Integral": "bigint", "Fractional": "double", "String": "string"}
_ADDED_TYPES = ("timestamp", "timestamp", "boolean")
_PARTITIONS = ("year", "month", "day", "hour")
_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"


def catalog_config(group: str, created_s: float) -> Document:
    """The ``DataCatalogConfig`` of a group that does not name one itself.

    >>> catalog_config("Flight-delays", 1593511200.7)["TableName"]
    'flight_delays_1593511200'
    """
    table = f"{group.lower().replace('-', '_')}_{int(created_s)}"
    return {"Catalog": CATALOG, "Database": DATABASE, "TableName": table}


def write_table(glue: Any, document: Document) -> None:  # noqa: ANN401 - a boto3 client
    """Creates or updates the Glue database and table of a group. Blocks.

    Args:
        glue: Client for Glue.
        document: The group's document.

    Raises:
        botocore.exceptions.ClientError: If Glue refuses.
    """
    config = document["OfflineStoreConfig"]["DataCatalogConfig"]
    table = table_input(document)
    # All feature groups of the account share the database.
    with contextlib.suppress(glue.exceptions.AlreadyExistsException):
        glue.create_database(DatabaseInput={"Name": config["Database"]})
    try:
        glue.create_table(DatabaseName=config["Database"], TableInput=table)
    except glue.exceptions.AlreadyExistsException:
        glue.update_table(DatabaseName=config["Database"], TableInput=table)


def table_input(document: Document) -> Document:
    """Glue's description of a group's files."""
    offline = document["OfflineStoreConfig"]
    features = [
        {"Name": item["FeatureName"].lower(), "Type": _COLUMN_TYPES[item["FeatureType"]]}
        for item in document["FeatureDefinitions"]
    ]
    added = [{"Name": name, "Type": kind} for name, kind in zip(ADDED_COLUMNS, _ADDED_TYPES, strict=True)]
    return {
        "Name": offline["DataCatalogConfig"]["TableName"],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "classification": "parquet"},
        "PartitionKeys": [{"Name": name, "Type": "string"} for name in _PARTITIONS],
        "StorageDescriptor": {
            "Columns": [*features, *added],
            "Location": offline["S3StorageConfig"]["ResolvedOutputS3Uri"],
            "InputFormat": f"{_PARQUET}.MapredParquetInputFormat",
            "OutputFormat": f"{_PARQUET}.MapredParquetOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": f"{_PARQUET}.serde.ParquetHiveSerDe",
                "Parameters": {"serialization.format": "1"},
            },
        },
    }
