"""Glue's data catalogue: databases and tables."""

from __future__ import annotations

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.values import Properties

_ABSENT = frozenset({"EntityNotFoundException"})
_CATALOG = {"CatalogId": "catalogId"}


def _tagged(inputs: Properties) -> Properties:
    """The tags stand beside the database in the request, not in it."""
    return {**inputs, "Tags": inputs["tags"]} if inputs.get("tags") else inputs


CATALOG_DATABASE = ResourceType(
    pulumi_type="aws:glue/catalogDatabase:CatalogDatabase",
    service="glue",
    id=("catalogId", "name"),
    identity={**_CATALOG, "Name": "name"},
    create=Call("CreateDatabase", at="DatabaseInput", fold=_tagged),
    reads=(Read("GetDatabase", at="Database", absent=_ABSENT),),
    steps=(Step((), Call("UpdateDatabase", at="DatabaseInput"), on_create=False),),
    delete=(Call("DeleteDatabase"),),
    tagging=Tagging(
        "TagResource",
        "UntagResource",
        identity={"ResourceArn": "arn"},
        read="GetTags",
        member="TagsToAdd",
        read_member="Tags",
        keys="TagsToRemove",
    ),
    force_new=frozenset({"catalogId", "name", "targetDatabase"}),
    computed=frozenset({"catalogId", "createTableDefaultPermissions", "locationUri"}),
    derived={"arn": "arn:{partition}:glue:{region}:{catalogId}:database/{name}"},
    autoname=Autoname(max_length=255, lower=True, separator="_"),
    own_account="catalogId",
)

_TABLE = {**_CATALOG, "DatabaseName": "databaseName"}


def _indexed(inputs: Properties) -> Properties:
    """The partition indexes stand beside the table in the request, not in it."""
    indexes = [
        {"IndexName": block["indexName"], "Keys": block["keys"]}
        for block in inputs.get("partitionIndices") or ()
    ]
    return {**inputs, "PartitionIndexes": indexes} if indexes else inputs


def _indexes(answer: Properties) -> Properties:
    blocks = [
        {"indexName": item["IndexName"], "keys": [key["Name"] for key in item["Keys"]]}
        for item in answer.get("PartitionIndexDescriptorList", ())
    ]
    return {"partitionIndices": blocks} if blocks else {}


CATALOG_TABLE = ResourceType(
    pulumi_type="aws:glue/catalogTable:CatalogTable",
    service="glue",
    id=("catalogId", "databaseName", "name"),
    identity={**_TABLE, "Name": "name", "TableName": "name"},
    create=Call("CreateTable", at="TableInput", identity=_TABLE, fold=_indexed),
    reads=(
        Read("GetTable", at="Table", absent=_ABSENT),
        Read("GetPartitionIndexes", absent=_ABSENT, only=("partitionIndices",), unfold=_indexes),
    ),
    steps=(Step((), Call("UpdateTable", at="TableInput", identity=_TABLE), on_create=False),),
    delete=(Call("DeleteTable"),),
    force_new=frozenset({"catalogId", "databaseName", "name", "partitionIndices", "targetTable"}),
    computed=frozenset(
        {
            "catalogId",
            "parameters",
            "partitionIndices",
            "storageDescriptor",
            "storageDescriptor.columns",
            "tableType",
        }
    ),
    folded=frozenset({"partitionIndices"}),
    derived={"arn": "arn:{partition}:glue:{region}:{catalogId}:table/{databaseName}/{name}"},
    autoname=Autoname(max_length=255, lower=True, separator="_"),
    own_account="catalogId",
    unsupported=frozenset({"openTableFormatInput"}),
)

TYPES = (CATALOG_DATABASE, CATALOG_TABLE)
